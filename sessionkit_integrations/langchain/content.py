"""The content of LangChain's messages, converted to the content of records and back.

A block of a shape that is known here becomes a content part, reasoning or a tool call. Any other is held as it is, and
the parts beside it show other readers what they can read of it, or a note that it is there. A text or a file that such
a block holds is stored in the part alone; `shared` tells where it is missing in the block.
"""

from __future__ import annotations

from collections import deque
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

from sessionkit_integrations.adapting.differences import apply, arrange, compare, replace_at, take
from sessionkit_integrations.adapting.letters import OWN, OWN_SHOWN, REDACTED_THINKING, STRING
from sessionkit_integrations.langchain.blocks import NATURAL, SHAPES, Shape
from sessionkit_integrations.records.media import is_text, text_part, to_media, to_part
from sessionkit_integrations.records.parts import contents_of, left_out, parts_in
from sessionkit_integrations.records.unreadable import UnreadableRecordError, expect, expect_item

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.adapting.differences import Block, Difference
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.media import Part

    Content = str | list[Any]

_BY_LETTER = {shape.letter: shape for shape in SHAPES}
_BY_TYPE: dict[object, list[Shape]] = {}
for _shape in SHAPES:
    for _type in _shape.types:
        _BY_TYPE.setdefault(_type, []).append(_shape)

_NOT_SAID = frozenset(
    {
        *("reasoning", "thinking", "redacted_thinking", "reasoning_content"),
        *("tool_use", "tool_call", "function_call", "invalid_tool_call", "tool_call_chunk", "input_json_delta"),
        "cachePoint",
    }
)
"""Types of blocks that are no part of what a message says: thoughts, calls that are there as such, and settings."""
_WORTH_SHARING = 32
"""Characters of a text from which on it is not stored twice."""


class EncodedContent(NamedTuple):
    """The content of a record.

    Attributes:
        content: A text or content parts.
        details: Its reasoning, as entries of ``reasoning_details``.
        extra: What these do not tell.
    """

    content: str | list[Part]
    details: list[Block]
    extra: Fields


class _EncodedBlock(NamedTuple):
    """A block as a record holds it.

    Attributes:
        letter: Its shape.
        parts: Its content parts.
        detail: Its reasoning.
        own: The block itself.
        shared: The paths to texts that are missing in it, each with the index of the part that holds the text.
        differences: The difference from the block that the others make by nature, or none.
    """

    letter: str
    parts: Sequence[Part] = ()
    detail: Block | None = None
    own: Block | None = None
    shared: Sequence[tuple[list[str | int], int]] = ()
    differences: Sequence[Difference] = ()


def encode_content(content: Content, calls: Sequence[Any], *, has_calls: bool) -> EncodedContent:
    """Return the content of a record.

    Args:
        content: A message's content, as JSON.
        calls: Its tool calls, which its content may repeat.
        has_calls: Whether it calls a tool, validly or not.
    """
    if isinstance(content, str):
        return EncodedContent(content, [], {})
    encoded = _encode_blocks(content, calls, _NOT_SAID)
    if not has_calls and not any(block.parts or _is_read(block.detail) for block in encoded):
        encoded = _encode_blocks(content, calls, frozenset())  # a message is never empty to other readers
    parts = [part for block in encoded for part in block.parts]
    own = [block for block in encoded if block.own is not None]
    order = "".join(block.letter for block in encoded)
    extra: Fields = {
        "order": order if not parts or order.strip(NATURAL.letter) else None,
        "own": [block.own for block in own],
        "shown": [len(block.parts) for block in own if block.letter == OWN_SHOWN],
        "shared": [[index, path, part] for index, block in enumerate(own) for path, part in block.shared],
        "changes": [each for block in encoded for each in block.differences],
    }
    extra = {name: value for name, value in extra.items() if value or (name == "order" and value is not None)}
    return EncodedContent(parts, [block.detail for block in encoded if block.detail is not None], extra)


def decode_content(content: object, calls: Sequence[Any], details: Iterator[Block], extra: Fields) -> Content:
    """Return the content of a message; see `encode_content`.

    Raises:
        UnreadableRecordError: It is not the content of a message.
    """
    order = extra.get("order")
    if order is None:
        if isinstance(content, str):
            return content
        if content is None:
            return ""
    parts = [] if content is None or isinstance(content, str) else expect(content, list, "content")
    if order is None:
        order = NATURAL.letter * len(parts)
    repeated = [letter for letter in expect(order, str, "order of blocks") if _source_of(letter) == "call"]
    # Copied, as a message and its blocks share nothing that may change.
    copies = ({**call, "args": deepcopy(call["args"])} for call in calls[: len(repeated)])
    sources: dict[str, Iterator[Any]] = {"part": iter(parts), "detail": details, "call": copies}
    own = iter(_own_blocks(extra))
    by_letter: dict[str, Iterator[Any]] = {letter: sources[shape.source] for letter, shape in _BY_LETTER.items()}
    by_letter |= {STRING: sources["part"], OWN: own, OWN_SHOWN: _shown_blocks(extra, own, sources["part"])}
    return arrange(order, by_letter, extra.get("changes"), _decode_block)


def to_openai_parts(content: object) -> list[Part]:
    """Return the content of a record as content parts of OpenAI's, as far as they can be made out.

    Raises:
        UnreadableRecordError: It is not the content of a message.
    """
    parts: list[Part] = []
    for part in parts_in(content):
        if is_text(part) or part.get("type") == "refusal" or to_media(part) is not None:
            parts.append(part)
        else:
            parts += _parts_in(part) or [part]
    return parts


def _encode_blocks(content: list[Any], calls: Sequence[Any], quiet: frozenset[str]) -> list[_EncodedBlock]:
    next_calls = deque(calls)
    return [_encode_block(block, index, next_calls, quiet) for index, block in enumerate(content)]


def _encode_block(block: str | Block, index: int, calls: deque[Any], quiet: frozenset[str]) -> _EncodedBlock:
    if isinstance(block, str):
        return _EncodedBlock(STRING, [text_part(block)])
    kind = block.get("type")
    for shape in _BY_TYPE.get(kind, ()) if isinstance(kind, str) else ():
        source = shape.to_source(block)
        if source is None or (shape.letter == REDACTED_THINKING and not quiet):
            continue
        if shape.source == "call":
            if not calls or (calls[0]["id"], calls[0]["name"]) != source:
                continue
            source = calls.popleft()
        differences = compare(index, shape.to_block(source), block)
        if shape.source == "part":
            return _EncodedBlock(shape.letter, [source], differences=differences)
        detail = source if shape.source == "detail" else None
        return _EncodedBlock(shape.letter, detail=detail, differences=differences)
    parts = _shown_parts(block, quiet)
    if not parts:
        return _EncodedBlock(OWN, own=block)
    own, shared = _without(block, {_payload(part): at for at, part in enumerate(parts)})
    return _EncodedBlock(OWN_SHOWN, parts, own=own, shared=shared)


def _is_read(detail: Block | None) -> bool:
    """Return whether other readers have a place for reasoning."""
    return detail is not None and detail["type"] != "reasoning.encrypted"


def _shown_parts(block: Block, quiet: frozenset[str]) -> list[Part]:
    """Return the parts that show a block of an unknown shape: what is in it, or a note that it is there."""
    parts = _parts_in(block)
    if not parts and isinstance(block.get("text"), str):
        parts = [text_part(block["text"])]
    kind = block.get("type")
    if not isinstance(kind, str):
        kind = next(iter(block), None)
    if parts or kind is None or kind in quiet:
        return parts
    return [text_part(left_out({**block, "type": kind}))]


def _parts_in(block: Block) -> list[Part]:
    return [
        text_part(each) if isinstance(each, str) else to_part(each) or text_part(left_out(block, each))
        for each in contents_of(block)
    ]


def _payload(part: Part) -> str | None:
    """Return the text, the base64 or the URL that a content part holds."""
    if is_text(part):
        text: str = part["text"]
        return text
    media = to_media(part)
    return None if media is None else media.data or media.url


def _without(value: Any, payloads: dict[str | None, int]) -> tuple[Any, list[tuple[list[str | int], int]]]:
    """Return a value without the texts that content parts hold, and the paths to them."""
    if isinstance(value, str):
        at = payloads.get(value) if len(value) >= _WORTH_SHARING else None
        return (value, []) if at is None else ("", [([], at)])
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    rest = [(step, *_without(item, payloads)) for step, item in items]
    paths = [([step, *path], at) for step, _, places in rest for path, at in places]
    if not paths:
        return value, []
    return {step: item for step, item, _ in rest} if isinstance(value, dict) else [item for _, item, _ in rest], paths


def _source_of(letter: str) -> str | None:
    return _BY_LETTER[letter].source if letter in _BY_LETTER else None


def _own_blocks(extra: Fields) -> list[tuple[Block, list[list[Any]]]]:
    """Return the blocks that are held as they are, each with the places of what parts share with it."""
    own = expect(extra.get("own", []), list, "own blocks")
    blocks: list[tuple[Block, list[list[Any]]]] = [(expect(each, dict, "own block"), []) for each in own]
    for each in expect(extra.get("shared", []), list, "shared texts"):
        shared = expect(each, list, "shared text")
        expect_item(blocks, expect_item(shared, 0, "shared text"), "own blocks")[1].append(shared)
    return blocks


def _shown_blocks(
    extra: Fields, own: Iterator[tuple[Block, list[list[Any]]]], parts: Iterator[Part]
) -> Iterator[tuple[Block, list[list[Any]]]]:
    """Yield the blocks that other readers see as content parts, with what these share with them."""
    for count in expect(extra.get("shown", []), list, "shown parts"):
        block, shared = next(own, ({}, []))
        shown = take(parts, count)
        for each in shared:
            payload = _payload(expect(expect_item(shown, expect_item(each, 2, "shared text"), "parts"), dict, "part"))
            replace_at(block, expect_item(each, 1, "shared text"), {"": payload}.get)
        yield block, []


def _decode_block(letter: str, source: Any, difference: Difference | None) -> str | Block:
    if letter in {OWN, OWN_SHOWN}:
        block: Block = source[0]
    elif letter == STRING:
        return expect(expect(source, dict, "content part").get("text"), str, "text of a content part")
    else:
        block = _BY_LETTER[letter].to_block(expect(source, dict, "source of a block"))
    if not isinstance(block, dict):
        raise UnreadableRecordError("block of a message must be an object")
    return block if difference is None else apply(block, difference)
