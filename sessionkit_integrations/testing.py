"""The conformance suite: what every store does, as tests that run on yours.

Subclass `StoreConformance` in a test module of your own and say how a store is made:

```python
import pytest
from sessionkit_integrations.testing import StoreConformance


class TestMyStore(StoreConformance):
    options = frozenset({"archive"})  # those of ttl and archive that your store takes

    @pytest.fixture
    def make_store(self, tmp_path_factory):
        return lambda **options: MyStore(tmp_path_factory.mktemp("store"), **options)
```

Every test runs on the plain methods and on their ``a`` twins. The pure functions of `window.py` are the oracle.
It needs pytest and hypothesis (``pip install "sessionkit-integrations[testing]"``).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

from sessionkit_integrations.errors import ConflictError, MissingDependencyError
from sessionkit_integrations.records import role_of
from sessionkit_integrations.stores.base import Edit, Snapshot
from sessionkit_integrations.window import Window, evict

try:
    import pytest
    from hypothesis import HealthCheck, settings
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
except ImportError as error:
    raise MissingDependencyError("The conformance suite", "testing") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sessionkit_integrations.stores.base import Store

ODD_SESSION_IDS = (
    "user123",
    "a:b",
    "a",
    "{a}",
    "a}:meta",
    "{sessionkit:a}:archive",
    "a*",
    "a?[b]",
    "50%",
    "%41",
    "A",
    " ",
    "line\nbreak",
    "tab\t",
    "nul\0",
    "back\\slash",
    "émoji 🧠",
    "e\u0301",
    "é",
    "'; DROP TABLE sessions; --",
    "x" * 512,
)
"""Session ids that a store may mistake for something else, or for each other."""

_numbers = itertools.count()
_RETRIES_REMEMBERED = 32


def record(role: str, content: str) -> bytes:
    """Return a record as the package writes it."""
    return json.dumps({"role": role, "content": content, "at": 0}, ensure_ascii=False, separators=(",", ":")).encode()


def turn(number: int) -> list[bytes]:
    """Return the records of a whole turn, one that uses a tool."""
    roles = ("user", "assistant", "tool", "assistant")
    return [record(role, f"{role} {number}") for role in roles]


class Surface:
    """A store's plain methods, or their ``a`` twins run in one event loop, called in the same way."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop | None) -> None:
        self.store = store
        self._loop = loop

    def append(self, session_id: str, records: Sequence[bytes], window: int, operation_id: str | None = None) -> None:
        """Append, with an operation id of its own unless one is given."""
        self._call("append", session_id, records, Window(window), operation_id or new_operation_id())

    def read(self, session_id: str) -> list[bytes]:
        """Return the active records."""
        return list(self.snapshot(session_id).records)

    def read_archive(self, session_id: str) -> list[bytes]:
        """Return the archived records."""
        snapshot: Snapshot = self._call("read", session_id, archived=True)
        return list(snapshot.records)

    def snapshot(self, session_id: str) -> Snapshot:
        """Return a snapshot of the active records."""
        snapshot: Snapshot = self._call("read", session_id)
        return snapshot

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str | None = None) -> None:
        """Replace, with an operation id of its own unless one is given."""
        self._call("replace", session_id, edit, expected, operation_id or new_operation_id())

    def delete(self, session_id: str) -> None:
        """Delete."""
        self._call("delete", session_id)

    def sessions(self) -> list[str]:
        """Return the ids of all sessions."""
        if self._loop is None:
            return list(self.store.sessions())

        async def listed() -> list[str]:
            return [session_id async for session_id in self.store.asessions()]

        return self._loop.run_until_complete(listed())

    def at_once(self, calls: Sequence[tuple[str, tuple[Any, ...]]]) -> list[BaseException | None]:
        """Make calls concurrently, in threads or in tasks; return what each raised."""
        if self._loop is None:
            with ThreadPoolExecutor(len(calls)) as pool:
                futures = [pool.submit(getattr(self.store, method), *args) for method, args in calls]
                return [future.exception() for future in futures]

        async def gathered() -> list[BaseException | None]:
            made = (getattr(self.store, f"a{method}")(*args) for method, args in calls)
            raised: list[BaseException | None] = await asyncio.gather(*made, return_exceptions=True)
            return raised

        return self._loop.run_until_complete(gathered())

    def close(self) -> None:
        """Close the store."""
        if self._loop is None:
            self.store.close()
        else:
            self._loop.run_until_complete(self.store.aclose())

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if self._loop is None:
            return getattr(self.store, method)(*args, **kwargs)
        return self._loop.run_until_complete(getattr(self.store, f"a{method}")(*args, **kwargs))


def new_operation_id() -> str:
    """Return an operation id that no other operation has."""
    return f"op{next(_numbers)}"


class StoreConformance:
    """What every store does. Subclass it, and override `make_store` and, where it applies, `options`."""

    options: ClassVar[frozenset[str]] = frozenset()
    """Which of ``ttl`` and ``archive`` the store's constructor takes."""

    examples: ClassVar[int] = 20
    """How many random sequences of operations the state machine tries."""

    @pytest.fixture
    def make_store(self) -> Callable[..., Store]:
        """Return what makes a new, empty store, given `options`."""
        raise NotImplementedError("override the fixture make_store")

    @pytest.fixture(params=["sync", "async"])
    def surface(self, request: pytest.FixtureRequest, make_store: Callable[..., Store]) -> Iterator[Any]:
        """Return what makes a `Surface` of a new store, given `options`."""
        loop = asyncio.new_event_loop() if request.param == "async" else None
        made: list[Surface] = []

        def make(**options: Any) -> Surface:
            missing = options.keys() - self.options
            if missing:
                pytest.skip(f"the store takes no {', '.join(sorted(missing))}")
            made.append(Surface(make_store(**options), loop))
            return made[-1]

        yield make
        for one in made:
            one.close()
        if loop is not None:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    def test_no_session_is_empty(self, surface: Callable[..., Surface]) -> None:
        """A session that nobody wrote to has no records and is not listed."""
        store = surface()
        assert (store.read("s"), store.read_archive("s"), store.sessions()) == ([], [], [])

    def test_records_come_back_byte_for_byte_and_in_order(self, surface: Callable[..., Surface]) -> None:
        """What was appended is read again, whatever the bytes are."""
        store = surface()
        records = [record("user", 'é 🧠 \u2028 "quoted" \\ \x7f'), record("assistant", "x" * 100_000)]
        store.append("s", records, 5)
        store.append("s", turn(1), 5)
        assert store.read("s") == [*records, *turn(1)]

    def test_window_example(self, surface: Callable[..., Surface]) -> None:
        """With a window of 3, after U1 A1 U2 A2 U3 A3 U4 the session is U2 A2 U3 A3 U4."""
        store = surface()
        names = ["U1", "A1", "U2", "A2", "U3", "A3", "U4"]
        records = [record("user" if name.startswith("U") else "assistant", name) for name in names]
        for item in records:
            store.append("s", [item], 3)
        assert store.read("s") == records[2:]

    def test_preamble_is_pinned(self, surface: Callable[..., Surface]) -> None:
        """The leading system messages stay, in order, when turns leave."""
        store = surface()
        preamble = [record("system", "one"), record("system", "two")]
        store.append("s", preamble, 1)
        for number in range(4):
            store.append("s", turn(number), 1)
        assert store.read("s") == [*preamble, *turn(3)]

    def test_greeting_is_a_turn(self, surface: Callable[..., Surface]) -> None:
        """Messages before the first user message that are not system messages are evicted together."""
        store = surface()
        greeting = [record("assistant", "Hello"), record("system", "Now be brief")]
        store.append("s", greeting, 1)
        assert store.read("s") == greeting
        store.append("s", turn(1), 1)
        assert store.read("s") == turn(1)

    def test_current_turn_is_never_cut(self, surface: Callable[..., Surface]) -> None:
        """However long the last turn is, all of it stays."""
        store = surface()
        long_turn = [record("user", "go"), *(record("tool", str(number)) for number in range(300))]
        store.append("s", turn(1), 1)
        for start in range(0, len(long_turn), 50):
            store.append("s", long_turn[start : start + 50], 1)
        assert store.read("s") == long_turn

    def test_one_batch_may_exceed_the_window(self, surface: Callable[..., Surface]) -> None:
        """A batch of more turns than the window keeps leaves its last ones."""
        store = surface()
        store.append("s", [item for number in range(2500) for item in turn(number)], 2)
        assert store.read("s") == [*turn(2498), *turn(2499)]

    def test_smaller_window_evicts_at_the_next_write(self, surface: Callable[..., Surface]) -> None:
        """A write with a smaller window leaves no more than that."""
        store = surface()
        for number in range(5):
            store.append("s", turn(number), 5)
        store.append("s", turn(5), 2)
        assert store.read("s") == [*turn(4), *turn(5)]

    def test_retried_append_changes_nothing(self, surface: Callable[..., Surface]) -> None:
        """An append whose operation id is among the last ones is a retry, also after others wrote."""
        store = surface()
        store.append("s", turn(0), 50, "first")
        for number in range(1, _RETRIES_REMEMBERED):
            store.append("s", turn(number), 50)
        before = store.read("s")
        store.append("s", turn(0), 50, "first")
        assert store.read("s") == before

    def test_operation_ids_belong_to_a_session(self, surface: Callable[..., Surface]) -> None:
        """The same operation id in another session is another operation."""
        store = surface()
        store.append("a", turn(0), 5, "same")
        store.append("b", turn(0), 5, "same")
        assert store.read("b") == turn(0)

    def test_replace_takes_the_expected_version_only(self, surface: Callable[..., Surface]) -> None:
        """An edit of a version that is no more raises and changes nothing."""
        store = surface()
        store.append("s", turn(1), 5)
        stale = store.snapshot("s").version
        store.append("s", turn(2), 5)
        with pytest.raises(ConflictError):
            store.replace("s", Edit(active=()), stale)
        assert store.read("s") == [*turn(1), *turn(2)]
        store.replace("s", Edit(active=tuple(turn(3))), store.snapshot("s").version)
        assert store.read("s") == turn(3)

    def test_replace_without_expectation(self, surface: Callable[..., Surface]) -> None:
        """An edit that expects no version is made in any case, also on a new session."""
        store = surface()
        store.replace("s", Edit(active=tuple(turn(1))), None)
        store.replace("s", Edit(active=tuple(turn(2))), None)
        assert store.read("s") == turn(2)

    def test_retried_replace_changes_nothing(self, surface: Callable[..., Surface]) -> None:
        """An edit whose operation id is among the last ones is a retry: it neither conflicts nor writes."""
        store = surface()
        store.append("s", turn(1), 5)
        version = store.snapshot("s").version
        store.replace("s", Edit(active=tuple(turn(2)), archive=tuple(turn(1))), version, "edit")
        store.append("s", turn(3), 5)
        store.replace("s", Edit(active=tuple(turn(2)), archive=tuple(turn(1))), version, "edit")
        assert (store.read("s"), store.read_archive("s")) == ([*turn(2), *turn(3)], turn(1))

    def test_window_counts_rightly_after_an_edit(self, surface: Callable[..., Surface]) -> None:
        """Turns that an edit wrote are evicted like any others."""
        store = surface()
        store.append("s", turn(1), 2)
        edited = (record("system", "new"), record("user", "a"), record("user", "b"), record("assistant", "c"))
        store.replace("s", Edit(active=edited), None)
        store.append("s", turn(2), 2)
        assert store.read("s") == [edited[0], *edited[2:], *turn(2)]

    def test_edits_of_the_archive_leave_active_records_alone(self, surface: Callable[..., Surface]) -> None:
        """The archive can be added to and cleared by itself, and lives with the session."""
        store = surface()
        store.append("s", turn(1), 5)
        store.replace("s", Edit(archive=tuple(turn(2))), None)
        store.replace("s", Edit(archive=tuple(turn(3))), None)
        assert store.read_archive("s") == [*turn(2), *turn(3)]
        store.replace("s", Edit(archive=tuple(turn(4)), clear_archive=True), None)
        assert (store.read("s"), store.read_archive("s")) == (turn(1), turn(4))
        store.append("s", turn(5), 5)
        assert store.read("s") == [*turn(1), *turn(5)]

    def test_session_of_archived_records_only(self, surface: Callable[..., Surface]) -> None:
        """A session exists as long as it has records of either kind."""
        store = surface()
        store.append("s", turn(1), 5)
        store.replace("s", Edit(active=(), archive=tuple(turn(1))), None)
        assert (store.read("s"), store.read_archive("s"), store.sessions()) == ([], turn(1), ["s"])
        store.replace("s", Edit(clear_archive=True), None)
        assert store.sessions() == []

    def test_evicted_records_are_archived_if_asked(self, surface: Callable[..., Surface]) -> None:
        """With ``archive=True`` what leaves the window is kept, in order; the preamble never leaves."""
        store = surface(archive=True)
        store.append("s", [record("system", "pinned")], 2)
        for number in range(5):
            store.append("s", turn(number), 2)
        assert store.read_archive("s") == [item for number in range(3) for item in turn(number)]
        store.delete("s")
        assert (store.read_archive("s"), store.sessions()) == ([], [])

    def test_evicted_records_are_gone_unless_asked(self, surface: Callable[..., Surface]) -> None:
        """Without ``archive=True`` what leaves the window is not kept."""
        store = surface()
        store.append("s", [*turn(1), *turn(2)], 1)
        assert store.read_archive("s") == []

    def test_delete_removes_everything_of_one_session(self, surface: Callable[..., Surface]) -> None:
        """A deleted session is as if it had never been, and others are as before."""
        store = surface()
        store.append("s", turn(1), 5, "once")
        store.append("other", turn(2), 5)
        store.delete("s")
        store.delete("never was")
        assert (store.read("s"), store.sessions()) == ([], ["other"])
        store.append("s", turn(3), 5, "once")
        assert store.read("s") == turn(3)

    def test_odd_session_ids_are_apart(self, surface: Callable[..., Surface]) -> None:
        """Sessions with similar or unusual ids share nothing, and are listed by their exact ids."""
        store = surface()
        for number, session_id in enumerate(ODD_SESSION_IDS):
            store.append(session_id, turn(number), 5)
        for number, session_id in enumerate(ODD_SESSION_IDS):
            assert store.read(session_id) == turn(number), session_id
        assert sorted(store.sessions()) == sorted(ODD_SESSION_IDS)

    def test_many_sessions_are_listed_once_each(self, surface: Callable[..., Surface]) -> None:
        """A listing of more sessions than fit a page is complete and has no repeats."""
        store = surface()
        names = [f"session-{number}" for number in range(1100)]
        for start in range(0, len(names), 50):
            raised = store.at_once(
                [
                    ("append", (name, [record("user", "x")], Window(1), new_operation_id()))
                    for name in names[start : start + 50]
                ]
            )
            assert raised == [None] * len(raised)
        assert sorted(store.sessions()) == sorted(names)

    def test_concurrent_appends_lose_nothing(self, surface: Callable[..., Surface]) -> None:
        """Whole batches of concurrent writers stand next to each other, each writer's in its order."""
        store = surface()
        writers = 8
        for round_number in range(10):
            raised = store.at_once(
                [
                    ("append", ("s", turn(writer * 100 + round_number), Window(1000), new_operation_id()))
                    for writer in range(writers)
                ]
            )
            assert raised == [None] * writers
        records = store.read("s")
        batches = [records[start : start + 4] for start in range(0, len(records), 4)]
        expected = [turn(writer * 100 + round_number) for writer in range(writers) for round_number in range(10)]
        assert sorted(batches) == sorted(expected)
        for writer in range(writers):
            own = [turn(writer * 100 + round_number) for round_number in range(10)]
            assert [batch for batch in batches if batch in own] == own

    def test_one_of_many_concurrent_edits_is_made(self, surface: Callable[..., Surface]) -> None:
        """Of edits that expect the same version, one is made and all others conflict."""
        store = surface()
        store.append("s", turn(0), 5)
        version = store.snapshot("s").version
        raised = store.at_once(
            [
                ("replace", ("s", Edit(active=tuple(turn(number))), version, new_operation_id()))
                for number in range(1, 9)
            ]
        )
        winners = [number for number, error in enumerate(raised, start=1) if error is None]
        assert [type(error) for error in raised if error is not None] == [ConflictError] * 7
        assert store.read("s") == turn(winners[0])

    def test_sessions_expire_as_a_whole(self, surface: Callable[..., Surface]) -> None:
        """A session is gone, with its archive, a ttl after its last change; each change renews it."""
        store = surface(ttl=0.6, archive=True)
        store.append("s", turn(0), 1)
        for number in range(1, 5):
            time.sleep(0.2)
            store.append("s", turn(number), 1)
        assert (store.read("s"), len(store.read_archive("s")), store.sessions()) == (turn(4), 16, ["s"])
        _wait_until(lambda: not store.read("s"))
        assert (store.read_archive("s"), store.sessions()) == ([], [])
        store.append("s", turn(9), 1)
        assert (store.read("s"), store.read_archive("s")) == (turn(9), [])

    def test_archive_by_edit_expires_with_its_session(self, surface: Callable[..., Surface]) -> None:
        """What an edit archived lives as long as the session is written to, and no longer."""
        store = surface(ttl=0.6)
        store.append("s", turn(0), 9)
        store.replace("s", Edit(active=(), archive=tuple(turn(0))), None)
        for number in range(1, 5):
            time.sleep(0.2)
            store.append("s", turn(number), 9)
        assert store.read_archive("s") == turn(0)
        _wait_until(lambda: not store.read("s"))
        assert (store.read_archive("s"), store.sessions()) == ([], [])

    def test_any_sequence_of_operations(self, surface: Callable[..., Surface]) -> None:
        """Random sequences of operations leave what the oracle says (Hypothesis)."""
        archive = "archive" in self.options

        class Machine(StoreMachine):
            def __init__(self) -> None:
                super().__init__(surface(**({"archive": True} if archive else {})), archive=archive)

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=self.examples,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
                print_blob=True,
            ),
        )


_roles = st.sampled_from(["user", "user", "assistant", "tool", "system"])
_batches = st.lists(st.builds(record, _roles, st.text(max_size=8)), min_size=1, max_size=6)
_sessions = st.sampled_from(["one", "two"])
_windows = st.integers(min_value=1, max_value=4)


class StoreMachine(RuleBasedStateMachine):
    """Random operations on a store and on a model of it, which `window.evict` decides."""

    def __init__(self, store: Surface, *, archive: bool) -> None:
        super().__init__()
        self.store = store
        self.archive = archive
        self.active: dict[str, list[bytes]] = {"one": [], "two": []}
        self.archived: dict[str, list[bytes]] = {"one": [], "two": []}
        self.last: tuple[str, list[bytes], int, str] | None = None

    @rule(session=_sessions, records=_batches, window=_windows)
    def append(self, session: str, records: list[bytes], window: int) -> None:
        """Append a batch."""
        operation = new_operation_id()
        self.store.append(session, records, window, operation)
        self.active[session], evicted = evict([*self.active[session], *records], Window(window), role_of)
        if self.archive:
            self.archived[session] += evicted
        self.last = (session, records, window, operation)

    @precondition(lambda self: self.last is not None)
    @rule()
    def retry_append(self) -> None:
        """Send the last append again, unless its session was deleted since."""
        if self.last is not None and self.active[self.last[0]]:
            self.store.append(*self.last)

    @rule(session=_sessions, records=_batches, clear=st.booleans(), archive=st.booleans())
    def replace(self, session: str, records: list[bytes], clear: bool, archive: bool) -> None:  # noqa: FBT001
        """Edit the version that is there."""
        before = tuple(self.active[session]) if archive else ()
        self.store.replace(session, Edit(tuple(records), before, clear), self.store.snapshot(session).version)
        self.active[session] = list(records)
        self.archived[session] = [*([] if clear else self.archived[session]), *before]
        self.last = None

    @rule(session=_sessions, records=_batches)
    def replace_stale(self, session: str, records: list[bytes]) -> None:
        """Edit a version that is not there."""
        with pytest.raises(ConflictError):
            self.store.replace(session, Edit(tuple(records), clear_archive=True), "0" * 40)

    @rule(session=_sessions, records=_batches, clear=st.booleans())
    def edit_archive(self, session: str, records: list[bytes], clear: bool) -> None:  # noqa: FBT001
        """Edit the archive alone."""
        self.store.replace(session, Edit(archive=tuple(records), clear_archive=clear), None)
        self.archived[session] = [*([] if clear else self.archived[session]), *records]

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
        for session in ("one", "two"):
            assert self.store.read(session) == self.active[session]
            assert self.store.read_archive(session) == self.archived[session]
        existing = {name for name in ("one", "two") if self.active[name] or self.archived[name]}
        assert set(self.store.sessions()) == existing


def _wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.05)
