"""Usage: the tokens that a provider says it counted for a reply, as a message and its record have it.

A record has it in front of its tokens and its time, at the end, where it is found without parsing the record:

    {"role":"assistant","content":"Hi","usage":{"input":12,"output":5,"cached":0,"model":"gpt-5"},"at":1763800000123}

`cached`, `reasoning` and `model` are there if the provider told them. Where a framework's message has the same figures,
its own field in the record lacks them, and reading puts them back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from sessionkit_integrations.errors import InvalidMessageError

if TYPE_CHECKING:
    from collections.abc import Mapping

USAGE = "usage"
"""The field of messages and records."""
MOST_TOKENS = 10**9
"""Tokens of one reply. No provider reports more; sums of such numbers are exact in every script."""
LONGEST_MODEL = 200
"""Characters of a model's name."""
_REQUIRED = frozenset({"input", "output"})
_KNOWN = _REQUIRED | {"cached", "reasoning", "model"}


@dataclass(frozen=True)
class Usage:
    """Tokens that a provider counted, of one reply or of many.

    Attributes:
        input: Tokens of what the model read, those from a cache included.
        output: Tokens of what it wrote, its reasoning included.
        cached: Tokens of ``input`` that came from the provider's prompt cache.
        reasoning: Tokens of ``output`` that the model thought with.
        model: The model, as the provider names it; ``None`` if it did not say, or if there were several.

    Examples:
        >>> total = sum(sessions.describe("user123").usage, Usage())
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0
    model: str | None = None

    def __add__(self, other: Usage) -> Usage:
        """Return the sum; it has a model if both are of the same one."""
        if not isinstance(other, Usage):
            return NotImplemented
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.reasoning + other.reasoning,
            self.model if self.model == other.model else None,
        )


def usage_field(
    tokens_in: object, tokens_out: object, *, cached: object = None, reasoning: object = None, model: object = None
) -> dict[str, Any] | None:
    """Return the field for what a provider reported, or ``None`` if that is not usage.

    Args:
        tokens_in: Tokens of what the model read.
        tokens_out: Tokens of what it wrote.
        cached: Tokens of ``tokens_in`` that came from a cache. What is not a number of tokens is left out.
        reasoning: Tokens of ``tokens_out`` that it thought with, in the same way.
        model: The model's name. What is not a name is left out.
    """
    if not _is_number(tokens_in) or not _is_number(tokens_out):
        return None
    field: dict[str, Any] = {"input": tokens_in, "output": tokens_out}
    if _is_number(cached):
        field["cached"] = cached
    if _is_number(reasoning):
        field["reasoning"] = reasoning
    if _is_model(model):
        field["model"] = model
    return field


def usage_in(fields: Mapping[str, Any]) -> Usage | None:
    """Return the usage of a message or a record with some fields; ``None`` if it has none."""
    said = fields.get(USAGE)
    return Usage(**said) if is_usage(said) else None


def is_usage(said: object) -> TypeGuard[dict[str, Any]]:
    """Return whether a field says usage, as our records have it."""
    if not isinstance(said, dict) or not _REQUIRED <= said.keys() <= _KNOWN:
        return False
    return all(_is_model(value) if name == "model" else _is_number(value) for name, value in said.items())


def check_usage(said: object) -> None:
    """Raise `InvalidMessageError` unless a message's field says usage.

    Raises:
        InvalidMessageError: It does not.
    """
    if not is_usage(said):
        raise InvalidMessageError(
            USAGE,
            "must be a dict with the numbers of input and output tokens, and if they are known those of cached and"
            " reasoning tokens and the model's name",
        )


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value < MOST_TOKENS


def _is_model(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_MODEL and value.isprintable()
