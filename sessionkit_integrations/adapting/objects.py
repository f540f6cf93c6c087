"""The fields of a framework's message as JSON, whatever they hold; see `records.values`.

Objects come back as pydantic dumps them, which both frameworks use for their own messages. What it cannot dump leaves a
mark of its type in its place, and a warning in the log: a message that is refused here is a turn that is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from sessionkit_integrations.records.notes import value_at
from sessionkit_integrations.records.sizes import dumps_larger, fields_of
from sessionkit_integrations.records.stand_ins import LEFT_OUT
from sessionkit_integrations.records.values import Replacement, Written, write
from sessionkit_integrations.runtime.logs import LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable


def write_fields(
    fields: dict[str, Any], max_bytes: int, special: Callable[[Any], Replacement | None] = lambda _: None
) -> Written:
    """Return the fields of a message as JSON.

    Args:
        fields: The fields.
        max_bytes: How large the record may be.
        special: Given an object, returns the replacement with which the adapter makes it again, or ``None`` for other
            objects.

    Raises:
        InvalidMessageError: They are too large by far, or nested too deeply.
    """
    written = write(fields, max_bytes, lambda value: special(value) or dump_object(value))
    left_out = [path for path, kind, *_ in written.notes if kind == LEFT_OUT]
    if left_out:
        path = left_out[0]
        LOGGER.warning(
            "A message was stored without %d of its values, for which JSON has nothing. The first is %s, %s.",
            len(left_out),
            ".".join(map(str, path)),
            value_at(written.values, path),
        )
    return written


def dump_object(value: Any) -> Replacement | None:
    """Return what pydantic dumps an object as, or ``None`` if it cannot."""
    if isinstance(value, Iterator):
        return None  # pydantic would consume it, and not every one of them ends
    try:
        if not isinstance(value, BaseModel):
            return Replacement(to_jsonable_python(value))
        return Replacement(fields_of(value) if dumps_larger(value) else value.model_dump(warnings=False))
    except Exception:  # noqa: BLE001 - serializers of somebody else's classes may raise anything
        return None
