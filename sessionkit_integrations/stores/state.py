"""State of a session and the rules by which it changes, with no I/O: for stores that load, change and save."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import ConflictError, StoreError
from sessionkit_integrations.records.record import Record, now, role_of, tokens_of
from sessionkit_integrations.records.sealed import is_locked
from sessionkit_integrations.records.times import moment
from sessionkit_integrations.stores.limits import admit, levels_from, levels_text
from sessionkit_integrations.stores.operation_ids import is_known, remember
from sessionkit_integrations.stores.totals import add_up, totals_from, totals_text
from sessionkit_integrations.stores.values import Appended, SessionInfo, Snapshot
from sessionkit_integrations.window.turns import check_growth, evict, number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.stores.limits import Claim, Level
    from sessionkit_integrations.stores.values import Covered, Edit, Exchange
    from sessionkit_integrations.window.turns import Window


@dataclass
class SessionState:
    """Everything that a store keeps of one session.

    A store saves it while it `exists`. A session that an edit left empty is over: it forgets the operations before that
    edit, its count and its times, so that a key which was used in it can be used again.

    Attributes:
        active: The records in the window, oldest first.
        archived: The records that left it and are kept, oldest first.
        operations: The ids of the last operations, as `remember` returns them.
        appended: The number of records ever appended.
        waiting: The number of archived records that wait for a summary, the newest ones.
        waiting_turns: The number of their turns.
        summarized: The number of records that summaries cover.
        created: The time of the first change, in Unix milliseconds; ``None`` before it.
        updated: The time of the last change, in Unix milliseconds; ``None`` before the first.
        forked_from: The session that this one is a fork of, if it is one.
        usage: The tokens that providers reported, by model.
        levels: The state of its limits.

    Examples:
        >>> state = SessionState()
        >>> state.append([record], window, "1", archive=True)
        >>> state.exists, len(state.active)
        (True, 1)
        >>> SessionState.from_json(state.to_json()) == state
        True
    """

    active: list[Record] = field(default_factory=list)
    archived: list[Record] = field(default_factory=list)
    operations: str = ""
    appended: int = 0
    waiting: int = 0
    waiting_turns: int = 0
    summarized: int = 0
    created: int | None = None
    updated: int | None = None
    forked_from: str | None = None
    usage: tuple[Usage, ...] = ()
    levels: tuple[Level, ...] = ()

    def append(
        self,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        *,
        archive: bool,
        wait: bool = False,
        read: bool = False,
        usage: tuple[Usage, ...] = (),
        quota: Claim | None = None,
        opens: tuple[str, ...] | None = (),
    ) -> Appended:
        """Change as `Store.append` says, and keep what is evicted if ``archive``.

        Raises:
            InvalidMessageError: A turn would be longer than ``window`` allows.
            QuotaExceededError: A limit of the session would be passed.
        """
        if is_known(self.operations, operation_id):
            return self._appended(0, wait=wait, read=read)
        levels = self.levels if quota is None else admit(self.levels, quota, now())
        active = [*self.active, *records]
        numbers, before = number_turns(map(role_of, active)), len(self.active)
        last = numbers[before - 1] if before else 0
        check_growth(numbers[before:], window, last, numbers[:before].count(last))
        kept, evicted = evict(active, window, role_of, tokens_of, numbers)
        if read and opens is not None and is_locked(kept, opens):
            return Appended(refused=self.read())
        self._note(operation_id)
        self.levels = levels
        self.appended += len(records)
        if usage:
            self.usage = add_up([*self.usage, *usage])
        self.active = kept
        self._archive(evicted, keep=archive, wait=wait)
        return self._appended(turns_of(evicted), wait=wait, read=read)

    def read(self, *, archived: bool = False, start: int | None = None, stop: int | None = None) -> Snapshot:
        """Return what `Store.read` says."""
        return Snapshot(tuple((self.archived if archived else self.active)[start:stop]))

    def replace(self, edit: Edit, expected: str | None, operation_id: str, *, archive: bool) -> None:
        """Change as `Store.replace` says, and keep what is evicted if ``archive``.

        Raises:
            ConflictError: As `Store.replace`.
        """
        if is_known(self.operations, operation_id):
            return
        if (edit.begins and self.exists) or (expected is not None and expected != self.read().version):
            raise conflict()
        if edit.covered is not None:
            self._cover(edit.covered, archive=archive)
        if edit.active is not None:
            self.active = list(edit.active)
        if edit.clear_archive:
            self.summarized += self.waiting
            self.archived, self.waiting, self.waiting_turns = [], 0, 0
        self._archive(edit.evicted, keep=archive, wait=edit.wait)
        self._archive(edit.archive, keep=True, wait=edit.wait)
        if edit.summarized is not None:
            self.waiting, self.waiting_turns = edit.summarized.waiting, edit.summarized.turns
            self.summarized, self.created = edit.summarized.records, None
            self.forked_from, self.usage, self.levels = edit.forked_from, edit.usage, ()
        if not self.exists:
            self.operations, self.appended, self.created = "", 0, None
            self.waiting, self.waiting_turns, self.summarized = 0, 0, 0
            self.forked_from, self.usage, self.levels = None, (), ()
        self._note(operation_id)

    def exchange(self, exchange: Exchange) -> bool:
        """Change as `Store.exchange` says, and return what it returns."""
        records = exchange.made_in(self.archived if exchange.archived else self.active)
        if records is None:
            return False
        if exchange.archived:
            self.archived = records
        else:
            self.active = records
        return True

    def describe(self, expires: datetime | None = None) -> SessionInfo | None:
        """Return what `Store.describe` says.

        Args:
            expires: The time at which the session ends, which only the store knows.
        """
        if not self.exists:
            return None
        numbers = number_turns(map(role_of, self.active))
        return SessionInfo(
            turns=numbers[-1] if numbers else 0,
            messages=len(self.active),
            archived=len(self.archived),
            appended=self.appended,
            created=moment(self.created),
            updated=moment(self.updated),
            expires=expires,
            tokens=sum(map(tokens_of, self.active)) or None,
            waiting=self.waiting,
            waiting_turns=self.waiting_turns,
            summarized=self.summarized,
            forked_from=self.forked_from,
            usage=self.usage,
            levels=self.levels,
        )

    def to_json(self) -> str:
        """Return the state as a JSON object, in ASCII, for a store to save; every byte of each record is kept."""
        saved = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in ("active", "archived"):
            saved[name] = [record.decode(errors="surrogateescape") for record in saved[name]]
        saved |= {"usage": totals_text(self.usage), "levels": levels_text(self.levels)}
        return json.dumps(saved, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> SessionState:
        """Return the state that `to_json` made a text of, in this release or an earlier one.

        Raises:
            StoreError: The text is damaged, or a later release made it.
        """
        try:
            saved: dict[str, Any] = json.loads(text)
            for name in ("active", "archived"):
                saved[name] = [Record(record.encode(errors="surrogateescape")) for record in saved[name]]
            saved |= {"usage": totals_from(saved["usage"]), "levels": levels_from(saved["levels"])}
            return cls(**saved)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise StoreError(
                "the saved state of a session cannot be read: it is damaged, or a later release of"
                " sessionkit_integrations saved it"
            ) from error

    @property
    def exists(self) -> bool:
        """True if there is such a session: it has active or archived records."""
        return bool(self.active or self.archived)

    def _archive(self, records: Sequence[Record], *, keep: bool, wait: bool) -> None:
        wait = wait or self.waiting > 0 or self.summarized > 0
        if wait:
            self.waiting += len(records)
            self.waiting_turns += turns_of(records)
        if keep or wait:
            self.archived += records

    def _cover(self, covered: Covered, *, archive: bool) -> None:
        if covered.is_outdated(self.summarized, self.waiting, moment(self.created)):
            raise conflict()
        first = len(self.archived) - self.waiting
        self.waiting -= covered.records
        self.waiting_turns = max(self.waiting_turns - covered.turns, 0) if self.waiting else 0
        self.summarized += covered.records
        if not archive:
            del self.archived[first : first + covered.records]

    def _appended(self, evicted: int, *, wait: bool, read: bool) -> Appended:
        return Appended(evicted, self.waiting_turns if wait else 0, self.read() if read else None)

    def _note(self, operation_id: str) -> None:
        self.updated = now()
        self.operations = remember(self.operations, operation_id, self.updated)
        self.created = self.updated if self.created is None else self.created


def turns_of(records: Sequence[Record]) -> int:
    """Return the number of turns of records that left a window."""
    numbers = number_turns(map(role_of, records))
    return numbers[-1] if numbers else 0


def conflict() -> ConflictError:
    """Return the error for an edit that expected another version."""
    return ConflictError("another writer changed the session first; read it again and repeat the edit")
