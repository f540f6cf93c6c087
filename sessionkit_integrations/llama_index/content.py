"""The blocks of LlamaIndex's messages as the content of records, and back.

| letter in a record's ``order`` | block | comes from |
| --- | --- | --- |
| `r` | `ThinkingBlock` | the next dict of ``reasoning_details`` |
| `p` | `TextBlock`, `ImageBlock`, `AudioBlock`, `VideoBlock`, `DocumentBlock` | the next content part |
| `u` | the same but for texts, whose URL is a data URL | the next content part |
| `s` | `CitableBlock` | the next content parts, as many as the block holds |
| `c` | `ToolCallBlock` | the next tool call |
| `o` | `CachePoint`, or `ThinkingBlock` without a text | the block itself |
| `n` | any other, media by path among them | the block itself, for which other readers see the next content parts |

Reasoning, then parts, then calls: where the blocks are in this order, a record needs no ``order``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.adapting.differences import apply, arrange, take
from sessionkit_integrations.adapting.letters import CALL, CITABLE, DATA_URL, OWN, OWN_SHOWN, PART, REASONING
from sessionkit_integrations.llama_index.blocks import dump_block, is_supported, load_block, text_block
from sessionkit_integrations.llama_index.natural import decode_citable, decode_part, decode_thinking, encode_block
from sessionkit_integrations.records.media import is_text
from sessionkit_integrations.records.parts import parts_in
from sessionkit_integrations.records.unreadable import expect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llama_index.core.base.llms.types import ToolCallBlock

    from sessionkit_integrations.adapting.differences import Block, Difference
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.media import Part

_FROM_PARTS = frozenset({PART, DATA_URL, CITABLE, OWN_SHOWN})


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
            "own": self._values(OWN, OWN_SHOWN),
            "shown": [len(encoded.parts) for encoded in self._encoded if encoded.letter == OWN_SHOWN],
            "citables": self._values(CITABLE),
            "changes": [change for encoded in self._encoded for change in encoded.changes],
        }
        extra = {name: values for name, values in extra.items() if values}
        order = "".join(encoded.letter for encoded in self._encoded)
        return extra if order == _natural_order(fields, details) else {**extra, "order": order}

    def _values(self, *letters: str) -> list[Any]:
        return [encoded.value for encoded in self._encoded if encoded.letter in letters]


def decode_blocks(fields: Fields, calls: list[ToolCallBlock], extra: Fields) -> list[Any]:
    """Return the blocks of a message; see `EncodedBlocks`.

    Args:
        fields: The fields of its record.
        calls: Its tool calls.
        extra: What its record says beyond OpenAI's shape.

    Raises:
        UnreadableRecordError: They make no blocks.
    """
    content = fields.get("content")
    details = _objects(extra, "reasoning_details")
    order = extra.get("order")
    if order is None:
        if not details and not isinstance(content, list):
            return calls if content is None else [text_block(expect(content, str, "content")), *calls]  # as of most
        order = _natural_order(fields, details)
    letters = frozenset(expect(order, str, "order of blocks"))
    parts = iter(parts_in(content) if letters & _FROM_PARTS else ())
    own = iter(_objects(extra, "own"))
    sources: dict[str, Iterator[Any]] = {
        REASONING: iter(details),
        CALL: iter(calls if CALL in letters else ()),
        OWN: own,
        OWN_SHOWN: ((each, take(parts, count)) for count, each in zip(_list(extra, "shown"), own, strict=False)),
        CITABLE: (decode_citable(rest, parts) for rest in _list(extra, "citables")),
        PART: parts,
        DATA_URL: parts,
    }
    blocks = arrange(order, sources, extra.get("changes"), _decode_block)
    return [block for each in blocks for block in (each if isinstance(each, list) else [each]) if block is not None]


def _list(extra: Fields, name: str) -> list[Any]:
    return expect(extra.get(name, []), list, name)


def _objects(extra: Fields, name: str) -> list[Fields]:
    return [expect(each, dict, f"item of {name}") for each in _list(extra, name)]


def _natural_order(fields: Fields, details: Sequence[Block]) -> str:
    parts = len(parts_in(fields.get("content")))
    return REASONING * len(details) + PART * parts + CALL * len(fields.get("tool_calls") or ())


def _decode_block(letter: str, source: Any, difference: Difference | None) -> Any:
    if letter in {CALL, CITABLE}:
        return source
    if letter == OWN:
        return load_block(source) if is_supported(source) else None
    if letter == OWN_SHOWN:
        own, parts = source
        return load_block(own) if is_supported(own) else [decode_part(part) for part in parts]
    if letter == PART and difference is None and is_text(source):
        return text_block(source["text"])
    block = decode_thinking(source) if letter == REASONING else decode_part(source, letter)
    return block if difference is None else load_block(apply(dump_block(block), difference))
