"""Random operations on a store, compared with the oracle."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sessionkit_integrations.errors import ConflictError, InvalidMessageError
from sessionkit_integrations.records.record import Record, role_of, tokens_of
from sessionkit_integrations.stores.state import turns_of
from sessionkit_integrations.stores.values import Covered, Edit, Snapshot
from sessionkit_integrations.testing.reads import check_description
from sessionkit_integrations.testing.surface import Surface, new_operation_id, record
from sessionkit_integrations.window.turns import Window, evict, number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

_roles = st.sampled_from(["user", "user", "assistant", "tool", "system"])
_tokens = st.none() | st.integers(min_value=0, max_value=9)
_batches = st.lists(st.builds(record, _roles, st.text(max_size=8), _tokens), min_size=1, max_size=6)
_sessions = st.sampled_from(["one", "two"])
_turns = st.integers(min_value=1, max_value=4)
_more = st.integers(min_value=0, max_value=3)
_budgets = st.none() | st.integers(min_value=1, max_value=20)
_bounds = st.none() | st.integers(min_value=-12, max_value=12)
_MAX_TURN_MESSAGES = 8


class StoreMachine(RuleBasedStateMachine):
    """Random operations on a store and on a model of it, which follows `window.evict`.

    The model also keeps the batches of archived records that wait for a summary, so that each is covered once and in
    order.
    """

    def __init__(self, store: Surface, *, archive: bool) -> None:
        super().__init__()
        self.store = store
        self.archive = archive
        self.active: dict[str, list[Record]] = {"one": [], "two": []}
        self.archived: dict[str, list[Record]] = {"one": [], "two": []}
        self.appended = {"one": 0, "two": 0}
        self.waiting: dict[str, list[list[Record]]] = {"one": [], "two": []}
        self.summarized = {"one": 0, "two": 0}
        self.last: tuple[str, list[Record], Window, str] | None = None

    @rule(
        session=_sessions,
        records=_batches,
        turns=st.none() | _turns,
        more=_more,
        tokens=_budgets,
        wait=st.booleans(),
        read=st.booleans(),
    )
    def append(
        self,
        session: str,
        records: list[Record],
        turns: int | None,
        more: int,
        tokens: int | None,
        wait: bool,  # noqa: FBT001
        read: bool,  # noqa: FBT001
    ) -> None:
        """Append a batch."""
        operation = new_operation_id()
        turns = 2 if turns is None and tokens is None else turns
        limited = Window(
            turns,
            max_turn_messages=_MAX_TURN_MESSAGES,
            trigger_turns=None if turns is None else turns + more,
            tokens=tokens,
            trigger_tokens=None if tokens is None else tokens + 3 * more,
        )
        numbers = number_turns(map(role_of, [*self.active[session], *records]))
        if max(Counter(numbers)[number] for number in numbers[-len(records) :]) > _MAX_TURN_MESSAGES:
            with pytest.raises(InvalidMessageError):
                self.store.append(session, records, limited, operation)
            return
        appended = self.store.append(session, records, limited, operation, wait=wait, read=read)
        self.active[session], evicted = evict([*self.active[session], *records], limited, role_of, tokens_of)
        assert appended.evicted == max(number_turns(map(role_of, evicted)), default=0)
        self.appended[session] += len(records)
        self._archive(session, evicted, keep=self.archive, wait=wait)
        assert appended.waiting_turns == (self._waiting_turns(session) if wait else 0)
        assert appended.window == (Snapshot(tuple(self.active[session])) if read else None)
        self.last = (session, records, limited, operation)

    @precondition(lambda self: self.last is not None)
    @rule()
    def retry_append(self) -> None:
        """Send the last append again, unless its session was deleted since."""
        if self.last is not None and self.active[self.last[0]]:
            assert self.store.append(*self.last).evicted == 0

    @rule(
        session=_sessions,
        records=_batches,
        clear=st.booleans(),
        archive=st.booleans(),
        evict=st.booleans(),
        wait=st.booleans(),
    )
    def replace(
        self,
        session: str,
        records: list[Record],
        clear: bool,  # noqa: FBT001
        archive: bool,  # noqa: FBT001
        evict: bool,  # noqa: FBT001
        wait: bool,  # noqa: FBT001
    ) -> None:
        """Edit the version that is there."""
        before = tuple(self.active[session]) if archive else ()
        gone = tuple(self.active[session][:3]) if evict else ()
        edit = Edit(tuple(records), before, clear, gone, wait)
        self.store.replace(session, edit, self.store.snapshot(session).version)
        self.active[session] = list(records)
        if clear:
            self._clear_archive(session)
        self._archive(session, gone, keep=self.archive, wait=wait)
        self._archive(session, before, keep=True, wait=wait)
        self.last = None

    @rule(session=_sessions, share=st.integers(min_value=1, max_value=3))
    def summarize(self, session: str, share: int) -> None:
        """Cover the oldest batches that wait, as a summary does, and add it to the preamble."""
        batches = self.waiting[session][: len(self.waiting[session]) // share]
        info = self.store.describe(session)
        if info is None or not batches:
            return
        records = [item for batch in batches for item in batch]
        covered = Covered(len(records), sum(map(turns_of, batches)), info.summarized, info.created)
        start = info.archived - info.waiting
        assert self.store.read_archive(session, start, start + len(records)) == records
        active = (record("system", "summary"), *self.active[session])
        edit = Edit(active, wait=True, covered=covered)
        self.store.replace(session, edit, self.store.snapshot(session).version)
        with pytest.raises(ConflictError):
            self.store.replace(session, edit, None)
        self.active[session] = list(active)
        self.waiting[session] = self.waiting[session][len(batches) :]
        self.summarized[session] += len(records)
        if not self.archive:
            del self.archived[session][start : start + len(records)]
        self.last = None

    @rule(session=_sessions, active=st.integers(0, 12), archived=st.integers(0, 12))
    def fork(self, session: str, active: int, archived: int) -> None:
        """Fork a session to the other one, or to itself."""
        if self.store.describe(session) is None:
            return
        new, waiting = "two" if session == "one" else "one", self.waiting[session]
        kept, copied = self.active[session][:active], self.archived[session][:archived]
        if not (kept or copied):
            return
        first = len(self.archived[session]) - sum(map(len, waiting))
        branch = self.store.branch(session, kept, len(copied), max(len(copied) - first, 0))
        if self.active[new] or self.archived[new]:
            with pytest.raises(ConflictError):
                self.store.fork(session, new, branch)
            return
        self.store.fork(session, new, branch)
        self.active[new], self.archived[new] = kept, copied
        self.waiting[new] = [copied[first:]] if copied[first:] else []
        self.summarized[new] = self.summarized[session]
        self.last = None

    @rule(session=_sessions, records=_batches)
    def replace_stale(self, session: str, records: list[Record]) -> None:
        """Edit a version that is not there."""
        with pytest.raises(ConflictError):
            self.store.replace(session, Edit(tuple(records), clear_archive=True), "0" * 40)

    @rule(session=_sessions, records=_batches, clear=st.booleans())
    def edit_archive(self, session: str, records: list[Record], clear: bool) -> None:  # noqa: FBT001
        """Edit the archive alone."""
        self.store.replace(session, Edit(archive=tuple(records), clear_archive=clear), None)
        if clear:
            self._clear_archive(session)
        self._archive(session, records, keep=True, wait=False)

    @rule(session=_sessions, archived=st.booleans(), start=_bounds, stop=_bounds)
    def read_range(self, session: str, archived: bool, start: int | None, stop: int | None) -> None:  # noqa: FBT001
        """Read a part of a session."""
        read, held = (self.store.read_archive, self.archived) if archived else (self.store.read, self.active)
        assert read(session, start, stop) == held[session][start:stop]

    @rule(session=_sessions)
    def empty(self, session: str) -> None:
        """Take all active records away."""
        self.store.replace(session, Edit(active=()), None)
        self.active[session] = []
        self.last = None

    @rule(session=_sessions)
    def delete(self, session: str) -> None:
        """Delete a session."""
        self.store.delete(session)
        self.active[session], self.archived[session] = [], []
        self.last = None

    @invariant()
    def agrees(self) -> None:
        """The store holds what the model holds."""
        existing = {name for name in ("one", "two") if self.active[name] or self.archived[name]}
        for session in ("one", "two"):
            assert self.store.read(session) == self.active[session]
            assert self.store.read_archive(session) == self.archived[session]
            if session not in existing:
                self.appended[session], self.summarized[session], self.waiting[session] = 0, 0, []
            info = self.store.describe(session)
            check_description(info, self.active[session], self.archived[session], self.appended[session])
            if info is not None:
                waiting = sum(map(len, self.waiting[session]))
                counted = (waiting, self._waiting_turns(session))
                assert (info.waiting, info.waiting_turns) == counted, "describe() has to count what waits for a summary"
                assert info.summarized == self.summarized[session]
        assert set(self.store.sessions()) == existing

    def _archive(self, session: str, records: Sequence[Record], *, keep: bool, wait: bool) -> None:
        wait = wait or self.summarized[session] > 0 or any(self.waiting[session])
        if wait and records:
            self.waiting[session].append(list(records))
        if keep or wait:
            self.archived[session] += records

    def _clear_archive(self, session: str) -> None:
        self.summarized[session] += sum(map(len, self.waiting[session]))
        self.archived[session], self.waiting[session] = [], []

    def _waiting_turns(self, session: str) -> int:
        return sum(map(turns_of, self.waiting[session]))
