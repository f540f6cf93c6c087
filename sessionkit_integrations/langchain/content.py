"""The content of LangChain's messages as that of records, and back."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.adapting.differences import apply, arrange, compare
from sessionkit_integrations.langchain.blocks import FORMS, NATURAL, Form
from sessionkit_integrations.records.media import text_part
from sessionkit_integrations.records.strict import check_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.adapting.differences import Block, Difference
    from sessionkit_integrations.records.media import Part

    Content = str | list[Any]

_OWN = "o"
_STRING = "s"
_BY_LETTER = {form.letter: form for form in FORMS}
_BY_TYPE: dict[object, list[Form]] = {}
for _form in FORMS:
    for _type in _form.types:
        _BY_TYPE.setdefault(_type, []).append(_form)


def encode_content(
    content: Content, calls: Sequence[Any], details: list[Block], extra: Block
) -> str | list[Part] | None:
    """Return the content of a record.

    Args:
        content: A message's content.
        calls: Its tool calls, which its content may repeat.
        details: Where its reasoning goes.
        extra: Where what parts cannot tell goes.

    Raises:
        InvalidMessageError: JSON cannot hold one of the blocks.
    """
    if isinstance(content, str):
        return content
    parts: list[Part] = []
    own: list[Block] = []
    by_source = {"part": parts, "detail": details, "call": []}
    changes: list[Difference] = []
    order = ""
    next_calls = deque(calls)
    for index, block in enumerate(content):
        check_json(block, f"content[{index}]")
        if isinstance(block, str):
            order += _STRING
            parts.append(text_part(block))
        elif taken := _taken(block, next_calls):
            form, source = taken
            order += form.letter
            by_source[form.source].append(source)
            changes += compare(index, form.make(source), block)
        else:
            order += _OWN
            own.append(block)
    if not parts or order.strip(NATURAL.letter):
        extra["order"] = order
    if own:
        extra["own"] = own
    if changes:
        extra["changes"] = changes
    return parts or None


def decode_content(content: object, calls: Sequence[Any], details: Iterator[Block], extra: Block) -> Content:
    """Return the content of a message; see `encode_content`.

    Raises:
        LookupError, TypeError, ValueError: It is no content of a message.
    """
    order = extra.pop("order", None)
    if order is None:
        if isinstance(content, str):
            return content
        if content is None:
            return ""
    own, changes = extra.pop("own", ()), extra.pop("changes", None)
    if content is not None and not isinstance(content, (str, list)):
        raise ValueError("its content is neither a text nor a list")
    parts = content if isinstance(content, list) else []
    if order is None:
        order = NATURAL.letter * len(parts)
    repeated = [letter for letter in order if letter in _BY_LETTER and _BY_LETTER[letter].source == "call"]
    sources = {"part": iter(parts), "detail": details, "call": iter(calls[: len(repeated)])}
    by_letter = {letter: sources[form.source] for letter, form in _BY_LETTER.items()}
    by_letter |= {_STRING: sources["part"], _OWN: iter(own)}
    return arrange(order, by_letter, changes, _made)


def _taken(block: Block, calls: deque[Any]) -> tuple[Form, Any] | None:
    """Return the form of a block and what of the record it comes from, or ``None`` if it has no form."""
    kind = block.get("type")
    for form in _BY_TYPE.get(kind, ()) if isinstance(kind, str) else ():
        source = form.take(block)
        if source is None:
            continue
        if form.source == "call":
            if not calls or (calls[0]["id"], calls[0]["name"]) != source:
                continue
            source = calls.popleft()
        return form, source
    return None


def _made(letter: str, source: Any, difference: Difference | None) -> str | Block:
    if letter == _STRING:
        return str(source["text"])
    block: Block = source if letter == _OWN else _BY_LETTER[letter].make(source)
    if not isinstance(block, dict):
        raise ValueError("its content has a block that is no dict")  # noqa: TRY004 - the record is at fault
    return block if difference is None else apply(block, difference)
