"""The shapes of items, each with the letter that stands for it in a record's ``order``, and what they are made of.

Stored records hold these letters and `calls`' letters, so that none may change its meaning. What a shape makes of the
parts, the reasoning and the calls of a record is the *natural* form of an item; `changes` tell how the item differs
from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessionkit_integrations.openai_agents import kinds
from sessionkit_integrations.openai_agents.calls import to_call, to_result
from sessionkit_integrations.openai_agents.kinds import NO_ID
from sessionkit_integrations.openai_agents.parts import input_part, output_part, to_parts
from sessionkit_integrations.records.fields import reasoning_text, text_of_detail
from sessionkit_integrations.records.media import Media, is_text, text_part, to_media, to_part
from sessionkit_integrations.records.parts import left_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.openai_agents.kinds import Item
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.media import Part

EASY, EASY_ROLE_FIRST, EASY_LIST, EASY_LIST_ROLE_FIRST, SAID = "a", "b", "l", "k", "m"
"""Messages: a text, with the role after or before it; parts, with the role after or before them; a model's own."""
THOUGHT, THOUGHT_MORE, FOREIGN_THOUGHT = "r", "&", "p"
"""Reasoning with one part, each further part of it, and reasoning of another API."""
IMAGE, NOTE, OWN = "i", "n", "o"
"""A generated image; an item that others see a note of; one that they see nothing of."""

MESSAGES = frozenset({EASY, EASY_ROLE_FIRST, EASY_LIST, EASY_LIST_ROLE_FIRST, SAID})
SHOWN = frozenset({IMAGE, NOTE})
"""Shapes that are made of one content part."""

_QUIET = frozenset(
    {
        *(kinds.REASONING, "compaction", "compaction_trigger", "item_reference", "mcp_list_tools"),
        *("additional_tools", "configuration_update"),
    }
)
"""Types of items that say nothing, of which others see a note only where there is nothing else."""


class Piece(NamedTuple):
    """An item as a record holds it.

    Attributes:
        letter: Its shape, and `THOUGHT_MORE` for each further part of its reasoning.
        parts: Its content parts.
        details: Its reasoning, as entries of ``reasoning_details``.
        call: Its tool call.
    """

    letter: str
    parts: Sequence[Part] = ()
    details: Sequence[Fields] = ()
    call: Fields | None = None


def to_piece(item: Item, *, quietly: bool = True) -> Piece:
    """Return an item as a record holds it.

    Args:
        item: The item.
        quietly: False to show a note of an item that says nothing.
    """
    kind = kinds.kind_of(item)
    if kind == kinds.MESSAGE:
        return _message(item)
    if kind in kinds.OUTPUTS:
        return Piece(*to_result(item))
    details = _details(item) if kind == kinds.REASONING else []
    if details:
        return Piece(THOUGHT + THOUGHT_MORE * (len(details) - 1), details=details)
    found = to_call(item)
    if found is not None:
        return Piece(found[0], call=found[1])
    image = _image(item) if kind == kinds.IMAGE else None
    if image is None and kind in _QUIET and quietly:
        return Piece(OWN)
    note = text_part(left_out({"type": kind, "name": item.get("name")}))
    return Piece(NOTE, [note]) if image is None else Piece(IMAGE, [image])


def make_message(letter: str, parts: Sequence[Part], role: str) -> Item:
    """Return the natural message of some content parts."""
    if letter == SAID:
        content = [output_part(part) for part in parts]
        return {"id": NO_ID, "content": content, "role": role, "status": "completed", "type": kinds.MESSAGE}
    if letter in {EASY, EASY_ROLE_FIRST} and (not parts or (len(parts) == 1 and is_text(parts[0]))):
        text: Any = parts[0]["text"] if parts else ""
    else:
        text = [input_part(part) for part in parts]
    if letter in {EASY, EASY_LIST}:
        return {"content": text, "role": role}
    return {"role": role, "content": text}


def make_thought(letter: str, details: Sequence[Fields]) -> Item:
    """Return the natural reasoning of some entries of ``reasoning_details``.

    Reasoning of another API is what the SDK makes of it: OpenAI's models are never sent any, Anthropic's get what
    they have signed.
    """
    if letter == FOREIGN_THOUGHT:
        texts = [(detail, text) for detail in details if (text := text_of_detail(detail)) is not None]
        signed = [
            {"type": "thinking", "thinking": text, "signature": detail["signature"]}
            for detail, text in texts
            if isinstance(detail.get("signature"), str)
        ]
        source = {"thinking_blocks": signed} if signed else {"source": "sessionkit"}
        return {**_thought([text for _, text in texts]), "provider_data": source}
    summary = [detail for detail in details if "summary" in detail]
    content = [detail for detail in details if "summary" not in detail]
    item = _thought([detail["summary"] for detail in summary])
    if content:
        item["content"] = [{"text": text_of_detail(detail), "type": "reasoning_text"} for detail in content]
    return item


def make_shown(letter: str, part: Part) -> Item:
    """Return the natural item for a generated image, or nothing of an item that others see a note of."""
    if letter == NOTE:
        return {}
    media = to_media(part)
    result = None if media is None else media.data
    return {"id": NO_ID, "result": result, "status": "completed", "type": kinds.IMAGE}


def _message(item: Item) -> Piece:
    content, keys = item.get("content"), list(item)
    role_first = "role" in keys and "content" in keys and keys.index("role") < keys.index("content")
    if isinstance(content, str):
        return Piece(EASY_ROLE_FIRST if role_first else EASY, to_parts(content))
    if kinds.role_of(item) == "assistant":
        return Piece(SAID, to_parts(content))
    return Piece(EASY_LIST_ROLE_FIRST if role_first else EASY_LIST, to_parts(content))


def _thought(summary: Sequence[Any]) -> Item:
    texts = [{"text": text, "type": "summary_text"} for text in summary]
    return {"id": NO_ID, "summary": texts, "type": kinds.REASONING}


def _details(item: Item) -> list[Fields]:
    summary = [{"type": "reasoning.summary", "summary": text} for text in _texts(item.get("summary"))]
    return summary + [reasoning_text(text) for text in _texts(item.get("content"))]


def _texts(parts: Any) -> list[str]:
    """Return the texts of some parts of reasoning; none if any of them has none."""
    texts = [part.get("text") if isinstance(part, dict) else None for part in parts] if isinstance(parts, list) else []
    return [text for text in texts if isinstance(text, str)] if all(isinstance(text, str) for text in texts) else []


def _image(item: Item) -> Part | None:
    result, suffix = item.get("result"), item.get("output_format")
    if not isinstance(result, str) or not result:
        return None
    return to_part(Media("image", data=result, mime_type=f"image/{suffix}" if isinstance(suffix, str) else None))
