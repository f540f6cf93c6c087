"""Random operations on a store, compared with the oracle."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sessionkit_integrations.errors import ConflictError, InvalidMessageError
from sessionkit_integrations.records.record import Record, role_of
from sessionkit_integrations.stores.base import Edit
from sessionkit_integrations.testing.reads import check_description
from sessionkit_integrations.testing.surface import Surface, new_operation_id, record
from sessionkit_integrations.window.turns import Window, evict, number_turns

_roles = st.sampled_from(["user", "user", "assistant", "tool", "system"])
_batches = st.lists(st.builds(record, _roles, st.text(max_size=8)), min_size=1, max_size=6)
_sessions = st.sampled_from(["one", "two"])
_windows = st.integers(min_value=1, max_value=4)
_bounds = st.none() | st.integers(min_value=-12, max_value=12)
_MAX_TURN_MESSAGES = 8


class StoreMachine(RuleBasedStateMachine):
    """Random operations on a store and on a model of it, which follows `window.evict`."""

    def __init__(self, store: Surface, *, archive: bool) -> None:
        super().__init__()
        self.store = store
        self.archive = archive
        self.active: dict[str, list[Record]] = {"one": [], "two": []}
        self.archived: dict[str, list[Record]] = {"one": [], "two": []}
        self.appended = {"one": 0, "two": 0}
        self.last: tuple[str, list[Record], Window, str] | None = None

    @rule(session=_sessions, records=_batches, window=_windows)
    def append(self, session: str, records: list[Record], window: int) -> None:
        """Append a batch."""
        operation = new_operation_id()
        limited = Window(window, max_turn_messages=_MAX_TURN_MESSAGES)
        numbers = number_turns(map(role_of, [*self.active[session], *records]))
        if max(Counter(numbers)[number] for number in numbers[-len(records) :]) > _MAX_TURN_MESSAGES:
            with pytest.raises(InvalidMessageError):
                self.store.append(session, records, limited, operation)
            return
        appended = self.store.append(session, records, limited, operation)
        self.active[session], evicted = evict([*self.active[session], *records], limited, role_of)
        assert appended.evicted == max(number_turns(map(role_of, evicted)), default=0)
        self.appended[session] += len(records)
        if self.archive:
            self.archived[session] += evicted
        self.last = (session, records, limited, operation)

    @precondition(lambda self: self.last is not None)
    @rule()
    def retry_append(self) -> None:
        """Send the last append again, unless its session was deleted since."""
        if self.last is not None and self.active[self.last[0]]:
            assert self.store.append(*self.last).evicted == 0

    @rule(session=_sessions, records=_batches, clear=st.booleans(), archive=st.booleans())
    def replace(self, session: str, records: list[Record], clear: bool, archive: bool) -> None:  # noqa: FBT001
        """Edit the version that is there."""
        before = tuple(self.active[session]) if archive else ()
        self.store.replace(session, Edit(tuple(records), before, clear), self.store.snapshot(session).version)
        self.active[session] = list(records)
        self.archived[session] = [*([] if clear else self.archived[session]), *before]
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
        self.archived[session] = [*([] if clear else self.archived[session]), *records]

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
                self.appended[session] = 0
            check_description(
                self.store.describe(session), self.active[session], self.archived[session], self.appended[session]
            )
        assert set(self.store.sessions()) == existing
