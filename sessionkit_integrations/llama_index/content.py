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
from sessionkit_integrations.llama_index.values import restore
from sessionkit_integrations.records.media import is_text
from sessionkit_integrations.records.parts import parts_in
from sessionkit_integrations.records.sizes import MAX_MESSAGE_BYTES
from sessionkit_integrations.records.unreadable import expect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llama_index.core.base.llms.types import ToolCallBlock

    from sessionkit_integrations.adapting.differences import Block, Difference
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.media import Part
    from sessionkit_integrations.records.notes import Note

_OWN = frozenset({OWN, OWN_SHOWN})
_FROM_PARTS = frozenset({PART, DATA_URL, CITABLE, OWN_SHOWN})


class EncodedBlocks:
    """The blocks of a message as a record holds them.

    Args:
        blocks: The blocks.
        max_bytes: Bytes that a record may have.

    Raises:
        InvalidMessageError: One of them is too large by far, or nested too deeply.
    """

    def __init__(self, blocks: Sequence[Any], max_bytes: int) -> None:
        self._encoded = [encode_block(block, index, max_bytes) for index, block in enumerate(blocks)]

    @property
    def calls(self) -> list[tuple[Fields, tuple[str, ...]]]:
        """The fields of the blocks that call tools, and the texts of their arguments."""
        return self._values(CALL)

    @property
    def notes(self) -> list[Note]:
        """Notes of values that JSON cannot hold, whose paths begin at the message; some blocks have their own."""
        return [
            [["blocks", index, *path], *more]
            for index, encoded in enumerate(self._encoded)
            if encoded.letter not in _OWN
            for path, *more in encoded.notes
        ]

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
        own = [encoded for encoded in self._encoded if encoded.letter in _OWN]
        extra = {
            "reasoning_details": details,
            "own": [encoded.value for encoded in own],
            "own_values": [
                [[index, *path], *more] for index, encoded in enumerate(own) for path, *more in encoded.notes
            ],
            "shown": [len(encoded.parts) for encoded in self._encoded if encoded.letter == OWN_SHOWN],
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

    A block of a type that this version of LlamaIndex does not have is ``None``, or a list of what others see of it.

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
    held = _objects(extra, "own")
    if "own_values" in extra:
        restore(held, extra["own_values"])
    own = iter(held)
    sources: dict[str, Iterator[Any]] = {
        REASONING: iter(details),
        CALL: iter(calls if CALL in letters else ()),
        OWN: own,
        OWN_SHOWN: ((each, take(parts, count)) for count, each in zip(_list(extra, "shown"), own, strict=False)),
        CITABLE: (decode_citable(rest, parts) for rest in _list(extra, "citables")),
        PART: parts,
        DATA_URL: parts,
    }
    return arrange(order, sources, extra.get("changes"), _decode_block)


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
    block: Any = decode_thinking(source) if letter == REASONING else decode_part(source, letter)
    return block if difference is None else load_block(apply(dump_block(block, MAX_MESSAGE_BYTES).values, difference))
