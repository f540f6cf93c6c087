"""SQL statements as steps of an operation, with no I/O (see `sessionkit_integrations.runtime.steps`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sessionkit_integrations.runtime.steps import Step, Steps

T = TypeVar("T")

Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class Statement(Step[Rows]):
    """An SQL statement, whose result is its rows.

    Attributes:
        sql: Its text.
        values: Values to bind to it.
        many: Rows of values to execute it for, one after the other, instead.
    """

    sql: str
    values: tuple[object, ...] = ()
    many: Sequence[tuple[object, ...]] | None = None


BEGIN = Statement("BEGIN IMMEDIATE")
COMMIT = Statement("COMMIT")


def transaction(work: Steps[T]) -> Steps[T]:
    """Do work in a transaction. The performer of the steps rolls it back if one of them raises."""
    yield from BEGIN
    result = yield from work
    yield from COMMIT
    return result
