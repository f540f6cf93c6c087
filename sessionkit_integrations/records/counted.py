"""Figures of a message: what statistics look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessionkit_integrations.records.codec import NO_TEXT_DECODERS
from sessionkit_integrations.records.fields import written_by_framework
from sessionkit_integrations.records.record import parse_json
from sessionkit_integrations.records.tool_calls import names_of_calls, text_or_empty
from sessionkit_integrations.records.usage import usage_in

if TYPE_CHECKING:
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.usage import Usage


class Counted(NamedTuple):
    """A message as statistics look at it.

    Attributes:
        role: Its role.
        at: The time of writing, in Unix milliseconds, if it says so.
        usage: Tokens that the provider counted, if it says so.
        calls: The id and the tool of each of its calls.
        answers: The call whose result it is, and the tool, each empty if not said; ``None`` if it is not a result.
        failed: Whether it is a result that is an error.
    """

    role: str
    at: int | None
    usage: Usage | None
    calls: tuple[tuple[str, str], ...]
    answers: tuple[str, str] | None
    failed: bool


class CountingReader:
    """Reads records as figures."""

    parse_json = staticmethod(parse_json)
    text_decoders = NO_TEXT_DECODERS

    def decode(self, fields: Fields) -> Counted:
        """See `Reader.decode`."""
        at, role = fields.get("at"), fields["role"]
        is_result = role == "tool"
        places = [fields, *written_by_framework(fields)] if is_result else []
        calls, usage = names_of_calls(fields) or (), usage_in(fields)
        return Counted(
            role,
            at if type(at) is int else None,
            usage,
            calls,
            (text_or_empty(fields.get("tool_call_id")), text_or_empty(fields.get("name"))) if is_result else None,
            any(place.get("is_error") is True for place in places),
        )
