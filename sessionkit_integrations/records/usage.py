"""Usage: the tokens that a provider says it counted for a reply, as a message and its record have it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """Tokens that a provider counted, of one reply or of many.

    Attributes:
        input: Tokens of what the model read, those from a cache included.
        output: Tokens of what it wrote, its reasoning included.
        cached: Those of ``input`` that came from the provider's prompt cache.
        reasoning: Those of ``output`` that the model thought with.
        model: The model, as the provider names it; ``None`` if it did not say, or if there were several.

    Example:
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
