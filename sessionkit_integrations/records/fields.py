"""The fields of a record, whoever wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.messages import FRAMEWORKS, UNSEEN_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

Fields = dict[str, Any]
"""The content of a record as a dict, before or after JSON."""

_OPENAI_FIELDS = frozenset({"role", "content", "tool_calls", "tool_call_id", "name"})
ORDINARY_FIELDS = _OPENAI_FIELDS | {"tokens", "at"}
"""Fields of records that say nothing beyond OpenAI's shape."""
_SHARED_FIELDS: dict[str, type] = {"reasoning_details": list, "reasoning_content": str, "is_error": bool}
"""Types of the fields that more than one framework has a place for."""
_KNOWN_FIELDS = _OPENAI_FIELDS | UNSEEN_FIELDS


def reasoning_of(fields: Mapping[str, Any]) -> list[Fields]:
    """Return the reasoning before a message, whoever wrote it, as dicts of ``reasoning_details``."""
    written = written_by_framework(fields)
    details = (written[0] if written else fields).get("reasoning_details")
    if not details and not written and isinstance(fields.get("reasoning_content"), str):
        return [reasoning_text(fields["reasoning_content"])]  # as DeepSeek's API has it, and many after it
    return [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []


def reasoning_text(text: str, signature: str | None = None) -> Fields:
    """Return the entry of ``reasoning_details`` that holds a text and the provider's signature of it."""
    detail = {"type": "reasoning.text", "text": text}
    return detail if signature is None else {**detail, "signature": signature}


def text_of_detail(detail: Fields) -> str | None:
    """Return the text of an entry of ``reasoning_details``, or ``None`` if it has no readable one."""
    text = detail.get("text", detail.get("summary"))
    return text if isinstance(text, str) else None


def is_error(fields: Fields) -> bool:
    """Return whether a tool message tells of a failure, whoever wrote it."""
    return any(place.get("is_error") is True for place in (fields, *written_by_framework(fields)))


def other_fields(fields: Fields) -> Fields:
    """Return the fields of a record that only a plain message, or one of a later version, has.

    Fields that say nothing are left out: dumped messages of OpenAI's SDK have an ``audio`` of ``None``, which
    integrations of the frameworks take for a sound. Fields that hold something else than readers expect there are kept.
    """
    return {
        name: value
        for name, value in fields.items()
        if value is not None and name not in _KNOWN_FIELDS and not _is_shared(name, value)
    }


def written_by_framework(fields: Mapping[str, Any]) -> list[Fields]:
    """Return what frameworks say in a record beyond OpenAI's shape."""
    places = [fields[framework] for framework in FRAMEWORKS if framework in fields]
    return [place for place in places if isinstance(place, dict)]


def _is_shared(name: str, value: object) -> bool:
    return name in _SHARED_FIELDS and isinstance(value, _SHARED_FIELDS[name])
