"""The blocks of LlamaIndex's messages as the content of records, and back.

| letter in a record's ``order`` | block | comes from |
| --- | --- | --- |
| `r` | `ThinkingBlock` | the next dict of ``reasoning_details`` |
| `p` | `TextBlock`, `ImageBlock`, `AudioBlock`, `VideoBlock`, `DocumentBlock` | the next content part |
| `u` | the same but for texts, whose URL is a data URL | the next content part |
| `s` | `CitableBlock` | the next content parts, as many as the block holds |
| `c` | `ToolCallBlock` | the next tool call |
| `o` | any other, media by path among them | the block itself |

Reasoning, then parts, then calls: where the blocks are in this order, a record needs no ``order``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.adapting.differences import apply, arrange
from sessionkit_integrations.adapting.letters import CALL, CITABLE, DATA_URL, OWN, PART, REASONING
from sessionkit_integrations.llama_index.blocks import dump_block, is_supported, load_block, text_block
from sessionkit_integrations.llama_index.natural import decode_citable, decode_part, decode_thinking, encode_block
from sessionkit_integrations.records.media import is_text, text_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llama_index.core.base.llms.types import ToolCallBlock

    from sessionkit_integrations.adapting.differences import Block, Difference
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.media import Part

_FROM_PARTS = frozenset({PART, DATA_URL, CITABLE})


class EncodedBlocks:
    """The blocks of a message as a record holds them.

    Args:
        blocks: The blocks.

    Raises:
        InvalidMessageError: JSON cannot hold one of them.
    """

    def __init__(self, blocks: Sequence[Any]) -> None:
        self._encoded = [encode_block(block, index) for index, block in enumerate(blocks)]

    @property
    def calls(self) -> list[ToolCallBlock]:
        """The blocks that call tools."""
        return self._values(CALL)

    def content(self, *, optional: bool) -> str | list[Part] | None:
        """Return the content of the record.

        Args:
            optional: Whether it may be ``None``.
        """
        parts = [part for encoded in self._encoded for part in encoded.parts]
        if not parts:
            return None if optional else ""
        return parts[0]["text"] if len(parts) == 1 and is_text(parts[0]) else parts

    def rest(self, fields: Fields) -> Fields:
        """Return the part of the blocks that a record with these fields does not tell."""
        details = self._values(REASONING)
        extra = {
            "reasoning_details": details,
            "own": self._values(OWN),
            "citables": self._values(CITABLE),
            "changes": [change for encoded in self._encoded for change in encoded.changes],
        }
        extra = {name: values for name, values in extra.items() if values}
        order = "".join(encoded.letter for encoded in self._encoded)
        return extra if order == _natural_order(fields, details) else {**extra, "order": order}

    def _values(self, letter: str) -> list[Any]:
        return [encoded.value for encoded in self._encoded if encoded.letter == letter]


def decode_blocks(fields: Fields, calls: list[ToolCallBlock], extra: Fields) -> list[Any]:
    """Return the blocks of a message; see `EncodedBlocks`.

    Args:
        fields: The fields of its record.
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
    parts = iter([text_part(content)] if isinstance(content, str) else content or ())
    if _FROM_PARTS.isdisjoint(order):
        parts = iter(())
    sources: dict[str, Iterator[Any]] = {
        REASONING: iter(details),
        CALL: iter(calls if CALL in order else ()),
        OWN: iter(extra.get("own", ())),
        CITABLE: (decode_citable(rest, parts) for rest in extra.get("citables", ())),
        PART: parts,
        DATA_URL: parts,
    }
    blocks = arrange(order, sources, extra.get("changes"), _decode_block)
    return [block for block in blocks if block is not None]


def _natural_order(fields: Fields, details: Sequence[Block]) -> str:
    content = fields.get("content")
    parts = 0 if content is None else 1 if isinstance(content, str) else len(content)
    return REASONING * len(details) + PART * parts + CALL * len(fields.get("tool_calls") or ())


def _decode_block(letter: str, source: Any, difference: Difference | None) -> Any:
    if letter in {CALL, CITABLE}:
        return source
    if letter == OWN:
        return load_block(source) if is_supported(source) else None
    if letter == PART and difference is None and is_text(source):
        return text_block(source["text"])
    block = decode_thinking(source) if letter == REASONING else decode_part(source, letter)
    return block if difference is None else load_block(apply(dump_block(block), difference))
