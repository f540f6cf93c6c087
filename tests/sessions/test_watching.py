"""Live sessions: each message in one change, in order, on every store, and an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Change, InMemoryStore, SessionManager, SQLiteStore, Store, StoreUnavailableError
from sessionkit_integrations.stores.notices import Mailbox, Polling
from tests.backends import LOCAL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.backends import Backends, StoreMaker

LONG = 20.0


class OfFiveMethods(InMemoryStore):
    """A store that overrides nothing that it need not."""

    describe = Store.describe
    adescribe = Store.adescribe

    def notices(self, session_id: str | None, every: float = 0.5) -> Any:
        del every
        return Store.notices(self, session_id, 0.01)


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[*LOCAL, "five", "redis-8.2", "cluster", "upstash"])
def make_watched(request: pytest.FixtureRequest, backends: Backends) -> StoreMaker:
    if request.param == "five":
        return OfFiveMethods
    options = {} if request.param in LOCAL else {"notify": True}
    return partial(backends.maker(request.param), **options)


class Changes:
    """The changes of a watch of either kind."""

    def __init__(self, watch: Any, kind: str) -> None:
        self._watch, self._kind = watch, kind

    async def next(self) -> Change | None:
        if self._kind == "async":
            return await anext(self._watch, None)
        return next(self._watch, None)

    async def until(self, number: int) -> tuple[list[str], list[str]]:
        """Return the kinds of the changes until there were so many messages, and their contents."""
        kinds, contents = list[str](), list[str]()
        while len(contents) < number and (change := await self.next()) is not None:
            kinds.append(change.kind)
            contents += [str(message["content"]) for message in change.messages]
        return kinds, contents


@asynccontextmanager
async def watching(
    sessions: SessionManager, kind: str, session_id: str | None = None, timeout: float = LONG
) -> AsyncIterator[Changes]:
    if kind == "async":
        async with sessions.awatch(session_id, timeout=timeout) as watch:
            yield Changes(watch, kind)
    else:
        with sessions.watch(session_id, timeout=timeout) as watch:
            yield Changes(watch, kind)


def told(change: Change | None) -> tuple[str, str, list[str]] | None:
    if change is None:
        return None
    return change.session_id, change.kind, [str(message["content"]) for message in change.messages]


@pytest.mark.pairwise
@pytest.mark.parametrize("one", [True, False])
async def test_each_write_is_told(make_watched: StoreMaker, kind: str, one: bool) -> None:
    with SessionManager(2, make_watched(archive=True)) as sessions:
        sessions.add_user_message("s", "before")
        async with watching(sessions, kind, "s" if one else None) as changes:
            if one:
                sessions.add_user_message("other", "of no interest")
            sessions.send_message("s", {"role": "user", "content": "hello", "name": "Ann"})
            change = await changes.next()
            assert change == Change("s", "added", [{"role": "user", "content": "hello", "name": "Ann"}])
            sessions.send_messages("s", [{"role": "assistant", "content": text} for text in "ab"])
            assert told(await changes.next()) == ("s", "added", ["a", "b"])
            for number in range(4):
                sessions.add_user_message("s", str(number))
            assert (await changes.until(4))[1] == ["0", "1", "2", "3"]
            sessions.undo("s")
            assert told(await changes.next()) == ("s", "replaced", ["2"])
            sessions.set_system_message("s", "new")
            assert told(await changes.next()) == ("s", "replaced", ["new", "2"])
            sessions.reset_session("s")
            assert told(await changes.next()) == ("s", "deleted", [])
            sessions.add_user_message("s", "again")
            assert told(await changes.next()) == ("s", "added", ["again"])


@pytest.mark.pairwise
async def test_all_sessions_are_told_apart(make_watched: StoreMaker, kind: str) -> None:
    with SessionManager(2, make_watched()) as sessions:
        for name in "abc":
            sessions.add_user_message(name, f"{name} before")
        async with watching(sessions, kind) as changes:
            sessions.add_user_message("b", "1")
            assert told(await changes.next()) == ("b", "added", ["1"])
            sessions.add_user_message("d", "2")
            assert told(await changes.next()) == ("d", "added", ["2"])
            sessions.reset_session("a")
            assert told(await changes.next()) == ("a", "deleted", [])
            sessions.undo("c")
            assert told(await changes.next()) == ("c", "deleted", [])


@pytest.mark.pairwise
async def test_a_watch_ends_after_its_timeout(make_watched: StoreMaker, kind: str) -> None:
    with SessionManager(2, make_watched()) as sessions:
        began = time.monotonic()
        async with watching(sessions, kind, "s", timeout=0.1) as changes:
            assert await changes.next() is None
            assert await changes.next() is None
        assert 0.1 <= time.monotonic() - began < 5


def test_another_process_of_sqlite_is_heard(tmp_path: Path) -> None:
    """Another connection is as another process; so is a file that was opened again meanwhile."""
    with SQLiteStore(tmp_path / "s.db") as store, SQLiteStore(tmp_path / "s.db") as other:
        writer = SessionManager(5, other)
        with SessionManager(5, store).watch("s", timeout=LONG) as changes:
            for number in range(3):
                writer.add_user_message("s", str(number))
                assert told(next(changes)) == ("s", "added", [str(number)])
                store.close()


def test_a_slow_reader_keeps_one_notice_for_each_session() -> None:
    store = InMemoryStore(archive=True)
    sessions = SessionManager(2, store)
    with sessions.watch(timeout=LONG) as changes:
        sessions.add_user_message("s", "first")
        next(changes)
        for number in range(300):
            sessions.add_user_message(f"s{number % 3}", str(number))
        (mailbox,) = store._mailboxes
        assert len(mailbox._sessions) == 3
        for offset in range(3):
            expected = [str(number) for number in range(offset, 300, 3)]
            assert told(next(changes)) == (f"s{offset}", "added", expected)


def test_records_are_remembered_of_so_many_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessionkit_integrations.sessions.watching._MOST_READ", 1)
    sessions = SessionManager(2, InMemoryStore())
    with sessions.watch(timeout=LONG) as changes:
        for number in range(6):
            sessions.add_user_message(f"s{number % 2}", str(number))
            assert told(next(changes)) == (f"s{number % 2}", "added", [str(number)])
        watcher = changes._watcher
        assert [known.preamble is None for known in watcher._known.values()] == [True, False]


async def test_leaving_the_loop_ends_a_watch(kind: str) -> None:
    store = InMemoryStore()
    sessions = SessionManager(2, store)
    sessions.add_user_message("s", "before")
    if kind == "async":
        watch = sessions.awatch("s")
        task = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0.01)
        assert len(store._mailboxes) == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not store._mailboxes
    watched = threading.Timer(0.05, sessions.add_user_message, ["s", "1"])
    watched.start()
    if kind == "async":
        async for _ in sessions.awatch("s"):
            break
    else:
        for _ in sessions.watch("s"):
            break
    watched.join()
    gc.collect()
    await asyncio.sleep(0.01)  # the loop closes generators that nobody has any more
    assert not store._mailboxes


def test_a_watch_is_closed_from_another_thread() -> None:
    store = InMemoryStore()
    watch = SessionManager(2, store).watch("s")
    thread = threading.Thread(target=lambda: list(watch))
    thread.start()
    time.sleep(0.05)
    watch.close()
    thread.join(5)
    assert not thread.is_alive()
    assert not store._mailboxes


class Away(InMemoryStore):
    """A store that cannot be reached for a while."""

    failures = 0

    def read(self, *args: Any, **options: Any) -> Any:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError("it is away", may_have_happened=False)
        return super().read(*args, **options)


async def test_a_store_that_is_away_is_waited_for(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    store = Away()
    sessions = SessionManager(2, store)
    async with watching(sessions, kind, "s") as changes:
        sessions.add_user_message("s", "1")
        store.failures = 3
        with caplog.at_level(logging.WARNING, "sessionkit_integrations"):
            assert told(await changes.next()) == ("s", "added", ["1"])
        assert caplog.messages == ["a watch goes on when the store can be reached again: it is away"]
    store.failures = 1000
    sessions.add_user_message("s", "2")
    with pytest.raises(StoreUnavailableError):
        async with watching(sessions, kind, "s", timeout=0.1) as changes:
            pass
    store.failures = 0
    async with watching(sessions, kind, "s", timeout=0.1) as changes:
        store.failures = 1000
        sessions.add_user_message("s", "3")
        with pytest.raises(StoreUnavailableError):
            await changes.next()
    assert not store._mailboxes


@pytest.mark.parametrize(
    ("timeout", "error", "message"),
    [
        ("1", TypeError, "timeout must be a number of seconds or None, got str"),
        (True, TypeError, "timeout must be a number of seconds or None, got bool"),
        (-1, ValueError, "timeout must be a number of seconds of at least 0, got -1"),
        (float("nan"), ValueError, "timeout must be a number of seconds of at least 0, got nan"),
    ],
)
def test_a_wrong_timeout_is_refused(timeout: Any, error: type[Exception], message: str) -> None:
    sessions = SessionManager(2)
    for watch in (sessions.watch, sessions.awatch):
        with pytest.raises(error) as raised:
            watch("s", timeout=timeout)
        assert str(raised.value) == message


def test_a_poll_looks_less_often_where_looking_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    polling, slept = Polling(0.5), list[float]()
    clock = [polling._looked_at]
    monkeypatch.setattr("sessionkit_integrations.stores.notices.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("sessionkit_integrations.stores.notices.time.sleep", slept.append)
    for took in (0, 0.1, 1, 100):
        clock[0] += took
        assert polling.take(60) == {None}
    polling.take(0.2)
    assert slept == [0.5, 0.5, 4, 10, 0.2]


async def test_a_mailbox_wakes_who_waits() -> None:
    mailbox = Mailbox("s")
    mailbox.put("other")
    assert list(mailbox.take(0)) == []
    threading.Timer(0.02, mailbox.put, ["s"]).start()
    assert list(await mailbox.atake(LONG)) == ["s"]
    threading.Timer(0.02, mailbox.put, [None]).start()
    assert list(mailbox.take(LONG)) == [None]
    assert list(await mailbox.atake(0.01)) == []


async def test_each_watch_is_a_context_manager_of_one_kind() -> None:
    sessions = SessionManager()
    asynchronous: Any = sessions.awatch("s")
    with sessions.watch("s", timeout=0) as watch:
        wrong: Any = watch
        with pytest.raises((TypeError, AttributeError)):  # as Python 3.10 has it
            async with wrong:
                pass
    with pytest.raises((TypeError, AttributeError)), asynchronous:
        pass
    await asynchronous.aclose()
