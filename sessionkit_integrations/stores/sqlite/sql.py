"""SQL statements, which operations yield and a file executes, with no I/O (see `runtime.steps`)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

Rows = Sequence[tuple[Any, ...]]
"""Result of a statement."""


@dataclass(slots=True)
class Statement:
    """An SQL statement.

    Attributes:
        sql: Its text.
        values: Values to bind to it.
        many: Rows of values to execute it for, one after the other, instead.
    """

    sql: str
    values: tuple[object, ...] = ()
    many: Sequence[tuple[object, ...]] | None = None


Statements = Generator[Statement, Rows, T]
"""An operation whose result is a `T`."""

BEGIN = Statement("BEGIN IMMEDIATE")
COMMIT = Statement("COMMIT")
ROLLBACK = Statement("ROLLBACK")


def transaction(work: Statements[T]) -> Statements[T]:
    """Do work in a transaction. The performer of the statements rolls it back if one of them raises."""
    yield BEGIN
    result = yield from work
    yield COMMIT
    return result
