"""Items of OpenAI's Responses API as records, and back.

A record holds in OpenAI's shape what a model said and called in one response, or one other item. Under
``openai_agents`` it holds only what the items say beyond that: their shapes, one letter each, and how they differ from
what a record makes by nature.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import InvalidMessageError, MissingDependencyError

try:
    from pydantic import BaseModel
except ImportError as error:
    raise MissingDependencyError("SessionKitSession", "openai-agents") from error

from sessionkit_integrations.adapting.changes import apply, compare
from sessionkit_integrations.adapting.differences import take
from sessionkit_integrations.adapting.objects import write_fields
from sessionkit_integrations.adapting.with_pydantic import dump_json, parse_json
from sessionkit_integrations.openai_agents import calls, shapes
from sessionkit_integrations.openai_agents.ids import ForeignItems
from sessionkit_integrations.openai_agents.kinds import Item, group, role_of
from sessionkit_integrations.openai_agents.parts import foreign_parts, own_parts
from sessionkit_integrations.records.codec import NO_TEXT_DECODERS
from sessionkit_integrations.records.fields import reasoning_of, text_of_detail
from sessionkit_integrations.records.media import is_text
from sessionkit_integrations.records.notes import restore
from sessionkit_integrations.records.record import encode
from sessionkit_integrations.records.sizes import MAX_MESSAGE_BYTES
from sessionkit_integrations.records.unreadable import UnreadableRecordError, brief, expect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.media import Part
    from sessionkit_integrations.records.notes import Note

TAG = "openai_agents"
"""The field of a record that holds what only items say."""

_SHAPES = re.compile(rf"([A-Za-z])({shapes.THOUGHT_MORE}*)")


class OpenAIAgentsCodec:
    """Codec of the OpenAI Agents SDK's items; see `Codec`. A message is the list of items that a record holds."""

    parse_json = staticmethod(parse_json)
    dump_json = staticmethod(dump_json)
    text_decoders = NO_TEXT_DECODERS

    def encode(self, messages: Sequence[Sequence[Item]], max_bytes: int = MAX_MESSAGE_BYTES) -> Iterable[Fields]:
        """See `Codec.encode`. Items of one response become one record, however they were given."""
        written = [_write(item, max_bytes) for items in messages for item in items]
        position = 0
        for items in group(item for item, _ in written):
            notes = [notes for _, notes in written[position : position + len(items)]]
            position += len(items)
            try:
                fields = _encode(items, notes)
                if len(items) == 1 or len(encode(fields, 0, None, dump_json)) <= max_bytes:
                    yield fields
                else:  # as each of them may have the size of a record
                    yield from (_encode([item], [each]) for item, each in zip(items, notes, strict=True))
            except RecursionError as error:
                raise InvalidMessageError("item", "is nested too deeply") from error

    def decode(self, fields: Fields) -> list[Item]:
        """See `Codec.decode`."""
        if TAG not in fields:
            return ForeignItems(_decode_foreign(fields))
        extra = expect(fields[TAG], dict, TAG)
        items = _natural(fields, expect(extra.get("order"), str, "order of items"), extra.get("reasoning_details", []))
        if "changes" in extra:
            apply(items, extra["changes"])
        if "values" in extra:
            restore(items, extra["values"], {})
        return [expect(item, dict, "item") for item in items]


def _write(item: Any, max_bytes: int) -> tuple[Item, list[Note]]:
    """Return an item as JSON, and the notes of values in it that JSON cannot hold."""
    if isinstance(item, BaseModel):  # of OpenAI's SDK; the API refuses nulls of fields that were not set
        item = item.model_dump(exclude_unset=True, warnings=False)
    written = write_fields({"item": item}, max_bytes)
    value = written.values["item"]
    if not isinstance(value, dict):
        raise InvalidMessageError("item", f"must be a dict as the Responses API has it, got {type(item).__name__}")
    return value, [[path[1:], *rest] for path, *rest in written.notes]


def _encode(items: list[Item], notes: list[list[Note]]) -> Fields:
    role = role_of(items[0])
    pieces = [shapes.to_piece(item) for item in items]
    if all(piece.letter == shapes.OWN for piece in pieces):
        pieces = [shapes.to_piece(item, quietly=False) for item in items]  # a message is never empty to other readers
    called = [piece.call for piece in pieces if piece.call is not None]
    details = [detail for piece in pieces for detail in piece.details]
    fields = {"role": role, **_content([part for piece in pieces for part in piece.parts], called)}
    if called:
        fields["tool_calls"] = called
    if role == "tool" and (call_id := calls.id_of_call(items[0])) is not None:
        fields["tool_call_id"] = call_id
    order = "".join(piece.letter for piece in pieces)
    extra = {
        "reasoning_details": details,
        "is_error": calls.is_failure(items[0]),
        "changes": [
            change
            for index, (natural, item) in enumerate(zip(_natural(fields, order, details), items, strict=True))
            for change in compare(natural, item, index)
        ],
        "values": [[[index, *path], *rest] for index, each in enumerate(notes) for path, *rest in each],
    }
    extra = {name: value for name, value in extra.items() if value}
    # A call without the tag is one of another framework, which may be read with another id.
    if not extra and not called and not any(compare(_decode_foreign(fields), items)):
        return fields
    return {**fields, TAG: {"order": order, **extra}}


def _content(parts: list[Part], called: list[Fields]) -> Fields:
    """Return the content of a record; a refusal on its own has a field beside an empty content."""
    if len(parts) == 1 and parts[0]["type"] == "refusal":
        return {"content": "", "refusal": parts[0]["refusal"]}
    if len(parts) == 1 and is_text(parts[0]):
        return {"content": parts[0]["text"]}
    return {"content": parts or (None if called else "")}


def _natural(fields: Fields, order: str, details: object) -> list[Any]:
    """Return the natural items of a record.

    Args:
        fields: The record.
        order: The letters of their shapes.
        details: Their reasoning.

    Raises:
        UnreadableRecordError: The letters do not go with the record.
    """
    found = _SHAPES.findall(order)
    if "".join(letter + more for letter, more in found) != order:
        raise UnreadableRecordError(f"order of items has something else than letters: {brief(order)}")
    parts = own_parts(fields)
    called = expect(fields.get("tool_calls") or [], list, "tool_calls")
    thoughts = [expect(detail, dict, "reasoning") for detail in expect(details, list, "reasoning_details")]
    rest = len(parts) - sum(letter in shapes.SHOWN for letter, _ in found)
    next_parts, next_calls, next_thoughts = iter(parts), iter(called), iter(thoughts)
    items: list[Any] = []
    for letter, more in found:
        if letter in calls.CALLS:
            items.append(calls.make_call(letter, *take(next_calls, 1)))
        elif letter == shapes.THOUGHT:
            items.append(shapes.make_thought(letter, take(next_thoughts, 1 + len(more))))
        elif letter in shapes.MESSAGES:
            items.append(shapes.make_message(letter, take(next_parts, rest), fields["role"]))
        elif letter in calls.RESULTS:
            items.append(calls.make_result(letter, take(next_parts, rest), _call_id(fields)))
        elif letter in shapes.SHOWN:
            items.append(shapes.make_shown(letter, *take(next_parts, 1)))
        elif letter == shapes.OWN:
            items.append({})
        else:
            raise UnreadableRecordError(f"order of items has the unknown letter {brief(letter)}")
    if any(list(left) for left in (next_parts, next_calls, next_thoughts)):
        raise UnreadableRecordError("order of items has fewer items than there are in the record")
    return items


def _decode_foreign(fields: Fields) -> list[Item]:
    """Return the items of a message that the SDK did not write; there is at least one."""
    role, parts = fields["role"], foreign_parts(fields)
    if role == "tool":
        return [calls.make_result(calls.RESULT, parts, _call_id(fields))]
    if role != "assistant":
        return [shapes.make_message(shapes.EASY, parts, role)]
    details = [detail for detail in reasoning_of(fields) if text_of_detail(detail) is not None]
    called = expect(fields.get("tool_calls") or [], list, "tool_calls")
    items = [shapes.make_thought(shapes.FOREIGN_THOUGHT, details)] if details else []
    if parts or not called:
        is_easy = not parts or (len(parts) == 1 and is_text(parts[0]))
        items.append(shapes.make_message(shapes.EASY if is_easy else shapes.SAID, parts, role))
    return items + [calls.make_call(calls.CALL, call) for call in called]


def _call_id(fields: Fields) -> str:
    call_id = fields.get("tool_call_id")
    return "" if call_id is None else expect(call_id, str, "tool_call_id")
