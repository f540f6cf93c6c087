"""The blocks of LlamaIndex's messages as the content of records, and back; see `llama_index_blocks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import CitableBlock, ThinkingBlock, ToolCallBlock

from sessionkit_integrations.adapting.differences import arranged
from sessionkit_integrations.llama_index.blocks import (
    block_of,
    citable_block,
    citable_of,
    dump,
    is_known,
    load,
    part_of,
    reasoning_of_block,
    text_block,
    thinking_block,
    with_change,
)
from sessionkit_integrations.records.media import is_text, text_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.adapting.differences import Block, Change
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.media import Part

_CALL, _CITABLE, _OWN, _REASONING = "c", "s", "o", "r"


class Held:
    """The blocks of a message, divided into what each of them becomes."""

    def __init__(self, blocks: Sequence[Any]) -> None:
        self.order = ""
        self.parts: list[Part] = []
        self.calls: list[ToolCallBlock] = []
        self._details: list[Block] = []
        self._own: list[Block] = []
        self._citables: list[Any] = []
        self._changes: list[Change] = []
        for index, block in enumerate(blocks):
            self.order += self._hold(block, index)

    def _hold(self, block: Any, index: int) -> str:
        if type(block) is ToolCallBlock:
            self.calls.append(block)
            return _CALL
        if type(block) is ThinkingBlock and (detail := reasoning_of_block(block, index, self._changes)):
            self._details.append(detail)
            return _REASONING
        if type(block) is CitableBlock and (held := citable_of(block)):
            self.parts += held[0]
            self._citables.append(held[1])
            return _CITABLE
        if part := part_of(block, index, self._changes):
            self.parts.append(part[1])
            return part[0]
        self._own.append(dump(block))
        return _OWN

    def content(self, *, or_none: bool) -> str | list[Part] | None:
        """Return the content of the record.

        Args:
            or_none: Whether it may have none.
        """
        if not self.parts:
            return None if or_none else ""
        return self.parts[0]["text"] if len(self.parts) == 1 and is_text(self.parts[0]) else self.parts

    def beyond(self, fields: Fields) -> dict[str, Any]:
        """Return what the record of a message with these fields does not tell of its blocks."""
        known: dict[str, list[Any]] = {
            "reasoning_details": self._details,
            "own": self._own,
            "citables": self._citables,
            "changes": self._changes,
        }
        extra: dict[str, Any] = {name: value for name, value in known.items() if value}
        if self.order != _natural_order(fields, self._details):
            extra["order"] = self.order
        return extra


def _natural_order(fields: Fields, details: Sequence[Block]) -> str:
    content = fields.get("content")
    parts = 0 if content is None else 1 if isinstance(content, str) else len(content)
    return _REASONING * len(details) + "p" * parts + _CALL * len(fields.get("tool_calls") or ())


def blocks_of(fields: Fields, calls: list[ToolCallBlock], extra: Fields) -> list[Any]:
    """Return the blocks of a message; see `Held`.

    Args:
        fields: Those of its record.
        calls: Its tool calls.
        extra: What its record says beyond OpenAI's shape.

    Raises:
        LookupError, TypeError, ValueError: They make no blocks.
    """
    content = fields.get("content")
    if content is not None and not isinstance(content, (str, list)):
        raise ValueError("its content is neither a text nor a list")
    details = extra.get("reasoning_details", ())
    order = extra.get("order")
    if order is None:
        if not details and not isinstance(content, list):
            return calls if content is None else [text_block(content), *calls]  # as of most messages
        order = _natural_order(fields, details)
    held: list[Any] = [text_part(content)] if isinstance(content, str) else content or []
    parts = iter(held if any(letter in "pus" for letter in order) else ())
    sources: dict[str, Iterator[Any]] = {
        _REASONING: iter(details),
        _CALL: iter(calls if _CALL in order else ()),
        _OWN: iter(extra.get("own", ())),
        _CITABLE: (citable_block(rest, parts) for rest in extra.get("citables", ())),
        "p": parts,
        "u": parts,
    }
    blocks = arranged(order, sources, extra.get("changes", ()), _made)
    return [block for block in blocks if block is not None]


def _made(letter: str, source: Any, difference: Change | None) -> Any:
    if letter in {_CALL, _CITABLE}:
        return source
    if letter == _OWN:
        return load(source) if is_known(source) else None
    if letter == _REASONING:
        return with_change(thinking_block(source), difference)
    if letter == "p" and difference is None and is_text(source):
        return text_block(source["text"])
    return with_change(block_of(source, letter), difference)
