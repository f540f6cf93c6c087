"""Writes to a SQLite file as generators of statements, with no I/O; times are in Unix milliseconds.

A write is one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.records.sealed import is_locked
from sessionkit_integrations.records.times import moment
from sessionkit_integrations.stores.limits import levels_from
from sessionkit_integrations.stores.operation_ids import is_known
from sessionkit_integrations.stores.sqlite import reading
from sessionkit_integrations.stores.sqlite.extras import add_usage, admitted, save_levels
from sessionkit_integrations.stores.sqlite.leases import check_turn
from sessionkit_integrations.stores.sqlite.rows import enter, load, place, save
from sessionkit_integrations.stores.sqlite.sql import BEGIN, COMMIT, ROLLBACK, Statement, transaction
from sessionkit_integrations.stores.state import conflict, turns_of
from sessionkit_integrations.stores.totals import totals_from, totals_text
from sessionkit_integrations.stores.values import Appended, SessionInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.stores.limits import Claim
    from sessionkit_integrations.stores.sqlite.rows import Row
    from sessionkit_integrations.stores.sqlite.sql import Statements
    from sessionkit_integrations.stores.values import Covered, Edit
    from sessionkit_integrations.window.turns import Window


def append(
    session_id: str,
    records: Sequence[Record],
    window: Window,
    operation_id: str,
    *,
    now: int,
    ttl: int | None,
    archive: bool,
    wait: bool = False,
    read: bool = False,
    holder: str | None = None,
    usage: tuple[Usage, ...] = (),
    quota: Claim | None = None,
    opens: tuple[str, ...] | None = (),
) -> Statements[Appended]:
    """Do what `Store.append` says; ``holder`` has the turn that it belongs to."""

    def work() -> Statements[Appended]:
        row = yield from load(session_id, now)
        evicted, is_retry = 0, is_known(row.operations, operation_id)
        if not is_retry:
            if holder is not None:
                yield from check_turn(session_id, holder, now)
            levels = None if quota is None else (yield from admitted(row.id, quota, now))
            placed = place(row, records, window)
            session = (yield from enter(session_id, now)) if row.id is None else row.id
            yield from _insert(session, placed)
            evicted = yield from _surplus(session, row, window)
            if evicted:
                yield from _evict(session, row, evicted, archive=archive, wait=wait or row.summarizes)
            yield from save(session, row, operation_id, len(records), now, ttl)
            if usage:
                yield from add_usage(session, usage)
            if levels is not None:
                yield from save_levels(session, levels)
        active = (yield from reading.read(session_id, now)) if read else None
        if active is not None and not is_retry and opens is not None and is_locked(active.records, opens):
            return Appended(refused=active)
        return Appended(evicted, row.waiting_turns if wait else 0, active)

    yield BEGIN
    appended = yield from work()
    if appended.refused is None:
        yield COMMIT
        return appended
    yield ROLLBACK
    return Appended(refused=(yield from reading.read(session_id, now)))


def replace(
    session_id: str,
    edit: Edit,
    expected: str | None,
    operation_id: str,
    *,
    now: int,
    ttl: int | None,
    archive: bool,
    holder: str | None = None,
) -> Statements[None]:
    """Do what `Store.replace` says; ``holder`` has the turn that it belongs to."""

    def work() -> Statements[None]:
        row = yield from load(session_id, now)
        if is_known(row.operations, operation_id):
            return
        if holder is not None:
            yield from check_turn(session_id, holder, now)
        if edit.begins and row.id is not None:
            raise conflict()
        if expected is not None:
            snapshot = yield from reading.read(session_id, now)
            if snapshot.version != expected:
                raise conflict()
        session = (yield from enter(session_id, now)) if row.id is None else row.id
        yield from change(session, row, edit, operation_id, now=now, ttl=ttl, archive=archive)

    return transaction(work())


def change(
    session: int, row: Row, edit: Edit, operation_id: str, *, now: int, ttl: int | None, archive: bool
) -> Statements[None]:
    """Make an edit of a session whose row is there."""
    if edit.covered is not None:
        yield from _cover(session, row, edit.covered, archive=archive)
    if edit.clear_archive:
        yield Statement("DELETE FROM archived WHERE session = ?", (session,))
        row.summarized += row.waiting
        row.archived, row.waiting, row.waiting_turns = 0, 0, 0
    yield from _add_to_archive(session, row, edit, archive=archive)
    if edit.summarized is not None:
        row.waiting, row.waiting_turns = edit.summarized.waiting, edit.summarized.turns
        row.summarized = edit.summarized.records
        yield Statement(
            "UPDATE sessions SET created_at = ?, forked_from = ?, usage = ?, quota = NULL WHERE id = ?",
            (now, edit.forked_from, totals_text(edit.usage) or None, session),
        )
    if edit.active is not None:
        row.turn, row.evicted, row.size, row.tokens = 0, 0, 0, 0
        placed = place(row, edit.active)
        yield Statement("DELETE FROM active WHERE session = ?", (session,))
        yield from _insert(session, placed)
    yield from save(session, row, operation_id, 0, now, ttl)
    yield Statement(
        "DELETE FROM sessions WHERE id = ? AND NOT EXISTS (SELECT 1 FROM active WHERE session = sessions.id)"
        " AND NOT EXISTS (SELECT 1 FROM archived WHERE session = sessions.id)",
        (session,),
    )


def delete(session_id: str, *, now: int, holder: str | None = None) -> Statements[None]:
    """Do what `Store.delete` says; ``holder`` has the turn that it belongs to."""

    def work() -> Statements[None]:
        if holder is not None:
            yield from check_turn(session_id, holder, now)
        yield Statement("DELETE FROM sessions WHERE session_id = ?", (session_id,))

    return transaction(work())


def describe(session_id: str, now: int) -> Statements[SessionInfo | None]:
    """Do what `Store.describe` says."""
    rows = yield Statement(
        "SELECT turn - evicted, (SELECT count(*) FROM active WHERE session = sessions.id), CAST(archived AS INTEGER),"
        " CAST(appended AS INTEGER), CAST(created_at AS INTEGER), CAST(updated_at AS INTEGER),"
        " CAST(expires_at AS INTEGER), CAST(nullif(tokens, 0) AS INTEGER), CAST(waiting AS INTEGER),"
        " CAST(waiting_turns AS INTEGER), CAST(summarized AS INTEGER), CAST(forked_from AS TEXT), CAST(usage AS TEXT),"
        " CAST(quota AS TEXT)"
        f" FROM sessions WHERE {reading.UNEXPIRED}",
        (session_id, now),
    )
    if not rows:
        return None
    turns, messages, archived, appended, created, updated, expires, *others = rows[0]
    tokens, waiting, waiting_turns, summarized, forked_from, usage, quota = others
    times, counts = (moment(created), moment(updated), moment(expires)), (tokens, waiting, waiting_turns, summarized)
    totals, levels = totals_from(usage or ""), levels_from(quota or "")
    return SessionInfo(
        turns, messages, archived, appended, *times, *counts, forked_from=forked_from, usage=totals, levels=levels
    )


def _insert(session: int, placed: Sequence[tuple[int, int, int, Record]]) -> Statements[None]:
    rows = [(session, *row) for row in placed]
    if rows:
        yield Statement(
            "INSERT INTO active (session, position, turn, tokens, record) VALUES (?, ?, ?, ?, ?)", many=rows
        )


def _surplus(session: int, row: Row, window: Window) -> Statements[int]:
    """Return the number of turns that leave the window."""
    turns = row.turn - row.evicted
    if window.trigger_tokens is None or row.tokens <= window.trigger_tokens:
        return window.surplus(turns)
    rows = yield Statement(
        "SELECT turn, CAST(total(tokens) AS INTEGER) FROM active WHERE session = ? GROUP BY turn", (session,)
    )
    tokens: dict[int, int] = dict(rows)
    row.tokens = sum(tokens.values())  # an older release that has the file open adds and removes no tokens
    return window.surplus(turns, [tokens.get(row.evicted + 1 + turn, 0) for turn in range(turns)], tokens.get(0, 0))


def _evict(session: int, row: Row, turns: int, *, archive: bool, wait: bool) -> Statements[None]:
    """Remove the oldest turns, and archive them if that is wanted or they wait for a summary."""
    row.evicted += turns
    evicted = " FROM active WHERE session = ? AND turn BETWEEN 1 AND ?"
    if row.tokens:
        row.tokens -= (yield Statement(f"SELECT CAST(total(tokens) AS INTEGER){evicted}", (session, row.evicted)))[0][0]
    if archive or wait:
        first = "SELECT position FROM active WHERE session = ? AND turn > 0 ORDER BY position LIMIT 1"
        yield Statement(
            "INSERT INTO archived (session, position, record)"
            f" SELECT session, ? + position - ({first}), record{evicted} ORDER BY position",
            (row.archived + 1, session, session, row.evicted),
        )
        records = (yield Statement("SELECT changes()"))[0][0]
        row.archived += records
        if wait:
            row.waiting += records
            row.waiting_turns += turns
    yield Statement(f"DELETE{evicted}", (session, row.evicted))


def _add_to_archive(session: int, row: Row, edit: Edit, *, archive: bool) -> Statements[None]:
    """Archive what an edit says."""
    wait = edit.wait or row.summarizes
    batches = [edit.evicted if archive or wait else (), edit.archive]
    records = [record for batch in batches for record in batch]
    if records:
        added = [(session, position, record) for position, record in enumerate(records, row.archived + 1)]
        yield Statement("INSERT INTO archived (session, position, record) VALUES (?, ?, ?)", many=added)
    row.archived += len(records)
    if wait:
        row.waiting += len(records)
        row.waiting_turns += sum(map(turns_of, batches))


def _cover(session: int, row: Row, covered: Covered, *, archive: bool) -> Statements[None]:
    """Note that a summary covers the oldest records that wait, and drop them unless they are kept.

    Raises:
        ConflictError: It is not the next summary of this session.
    """
    if covered.is_outdated(row.summarized, row.waiting, moment(row.created)):
        raise conflict()
    first = row.archived - row.waiting
    row.waiting -= covered.records
    row.waiting_turns = max(row.waiting_turns - covered.turns, 0) if row.waiting else 0
    row.summarized += covered.records
    if not archive:
        last = first + covered.records
        yield Statement(
            "DELETE FROM archived WHERE session = ? AND position > ? AND position <= ?", (session, first, last)
        )
        # Each position is free by the time that it is given, as none is both old and new.
        yield Statement("UPDATE archived SET position = -position WHERE session = ? AND position > ?", (session, last))
        yield Statement(
            "UPDATE archived SET position = -position - ? WHERE session = ? AND position < 0",
            (covered.records, session),
        )
        row.archived -= covered.records
