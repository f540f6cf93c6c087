"""One caller at a time: who has a session, and what others and those that lost it can do."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import threading
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import (
    Edit,
    InMemoryStore,
    RedisStore,
    SessionBusyError,
    SessionKitChatMessageHistory,
    SessionManager,
    SQLiteStore,
    Summary,
    Turn,
)
from sessionkit_integrations.stores.operation_ids import operation_id
from sessionkit_integrations.stores.turns import held_turn, holder_of
from tests.faults.helpers.recording_store import RecordingStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from sessionkit_integrations import Store
    from tests.backends import Backends, StoreMaker

LONG = 60.0
HELLO = {"role": "user", "content": "Hello"}


class World:
    """A manager as one of the two kinds of callers uses it."""

    def __init__(self, sessions: SessionManager, kind: str) -> None:
        self.sessions, self.is_async = sessions, kind == "async"

    async def do(self, method: str, *args: Any, **options: Any) -> Any:
        if self.is_async:
            return await getattr(self.sessions, f"a{method}")(*args, **options)
        return getattr(self.sessions, method)(*args, **options)

    @asynccontextmanager
    async def turn(self, session_id: str = "s", **options: float) -> AsyncIterator[Turn]:
        if self.is_async:
            async with self.sessions.turn(session_id, **options) as turn:
                yield turn
        else:
            with self.sessions.turn(session_id, **options) as turn:
                yield turn

    async def renew(self, turn: Turn) -> None:
        if self.is_async:
            await turn.arenew()
        else:
            turn.renew()

    async def elsewhere(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do work as somebody else does it, in a context of its own."""
        await contextvars.Context().run(asyncio.ensure_future, work())

    async def busy(self) -> None:
        with pytest.raises(SessionBusyError, match="session 's' is in another turn: try again, or wait for it"):
            async with self.turn():
                pass

    async def contents(self) -> list[Any]:
        return [message["content"] for message in await self.do("get_session", "s")]


@pytest.fixture(params=["sync", "async"])
def play(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Plays a scenario with a store."""

    def play(store: Store, scenario: Callable[[World], Awaitable[None]]) -> None:
        async def run() -> None:
            await scenario(World(SessionManager(store=store), request.param))
            await store.aclose()

        asyncio.run(run())

    return play


@pytest.mark.pairwise
def test_one_caller_has_a_session(make_store: StoreMaker, play: Callable[..., None]) -> None:
    async def scenario(world: World) -> None:
        async with world.turn():
            await world.do("add_user_message", "s", "mine")
            await world.elsewhere(world.busy)
            async with world.turn("other"):  # another session is free
                pass
            async with world.turn():  # as is one's own
                await world.do("add_assistant_message", "s", "also mine")
            await world.elsewhere(world.busy)
            await world.elsewhere(partial(world.do, "add_user_message", "s", "of somebody without a turn"))
        async with world.turn():
            pass
        assert await world.contents() == ["mine", "also mine", "of somebody without a turn"]
        assert holder_of(world.sessions.store, "s") is None

    play(make_store(), scenario)


@pytest.mark.pairwise
def test_a_caller_waits_for_another(make_store: StoreMaker, play: Callable[..., None]) -> None:
    async def scenario(world: World) -> None:
        ended = 0.0

        async def hold() -> None:
            nonlocal ended
            async with world.sessions.turn("s"):
                has_begun.set()
                await asyncio.sleep(0.1)
                ended = time.monotonic()

        has_begun = asyncio.Event()
        task = asyncio.ensure_future(hold())
        await has_begun.wait()
        waiting = World(world.sessions, "async")  # a synchronous caller would hold up the loop
        async with waiting.turn(wait=LONG):
            assert ended
        await task

    play(make_store(), scenario)


def test_a_thread_waits_for_another() -> None:
    sessions, order = SessionManager(), []

    def hold(name: str, has_begun: threading.Event) -> None:
        with sessions.turn("s", wait=LONG):
            has_begun.set()
            order.append(name)
            time.sleep(0.05)
            order.append(name)

    events = [threading.Event(), threading.Event()]
    threads = [threading.Thread(target=hold, args=(name, event)) for name, event in zip("ab", events, strict=True)]
    threads[0].start()
    events[0].wait()
    threads[1].start()
    for thread in threads:
        thread.join()
    assert order == ["a", "a", "b", "b"]


@pytest.mark.pairwise
@pytest.mark.parametrize("then", ["nobody", "another"])
def test_no_write_of_a_holder_that_lost_it(make_store: StoreMaker, play: Callable[..., None], then: str) -> None:
    """The store itself refuses it, as after a pause that the holder does not know of."""

    async def scenario(world: World) -> None:
        store = world.sessions.store
        await world.do("send_messages", "s", [HELLO, {"role": "assistant", "content": "Hi"}])
        before = await world.do("get_session", "s")
        async with world.turn(ttl=LONG):
            turn = held_turn(store, "s")
            assert turn is not None
            assert store.lease("s", "turn", turn.holder, 0)
            if then == "another":
                assert store.lease("s", "turn", "another", LONG)
            if isinstance(store, InMemoryStore):
                turn.ends = time.monotonic()  # there is one clock
            for method, *arguments in (
                ("add_user_message", "s", "late"),
                ("prompt", "s", "late"),
                ("set_system_message", "s", "late"),
                ("reset_session", "s"),
            ):
                with pytest.raises(SessionBusyError, match="session 's' may be in another turn: this one is over"):
                    await world.do(method, *arguments)
            with pytest.raises(SessionBusyError):
                SessionKitChatMessageHistory("s", world.sessions).clear()
            await world.do("add_user_message", "other", "Hello")
        assert await world.do("get_session", "s") == before
        if then == "another":
            await world.busy()
            assert store.lease("s", "turn", "another", 0)
        await world.do("add_user_message", "s", "after it")
        assert (await world.contents())[-1] == "after it"

    play(make_store(), scenario)


@pytest.mark.pairwise
def test_what_was_done_in_time_is_answered_as_ever(make_store: StoreMaker, play: Callable[..., None]) -> None:
    """A retry of it, that is, whose first reply was lost."""

    async def scenario(world: World) -> None:
        store = world.sessions.store
        async with world.turn():
            await world.do("send_message", "s", HELLO, idempotency_key="one")
            turn = held_turn(store, "s")
            assert turn is not None
            store.lease("s", "turn", turn.holder, 0)
            if not isinstance(store, InMemoryStore):  # which loses no reply
                await world.do("send_message", "s", HELLO, idempotency_key="one")
            turn.ends = time.monotonic() if isinstance(store, InMemoryStore) else turn.ends
            with pytest.raises(SessionBusyError):
                await world.do("send_message", "s", HELLO, idempotency_key="two")
        assert await world.contents() == ["Hello"]

    play(make_store(), scenario)


@pytest.mark.pairwise
def test_it_ends_with_its_ttl(make_store: StoreMaker, play: Callable[..., None], caplog: Any) -> None:
    async def scenario(world: World) -> None:
        async with world.turn(ttl=0.05) as turn:
            await asyncio.sleep(0.1)
            with pytest.raises(SessionBusyError, match="it lasted longer than its ttl"):
                await world.do("add_user_message", "s", "late")
            with pytest.raises(SessionBusyError, match="it lasted longer than its ttl"):
                await world.renew(turn)

            async def take() -> None:
                async with world.turn():
                    await world.do("add_user_message", "s", "mine")

            await world.elsewhere(take)
        assert await world.contents() == ["mine"]

    with caplog.at_level(logging.WARNING, "sessionkit_integrations"):
        play(make_store(), scenario)
    assert [record.getMessage() for record in caplog.records] == [
        "session 's': a turn lasted longer than its ttl of 0.05 s"
    ]


@pytest.mark.pairwise
def test_it_is_renewed(make_store: StoreMaker, play: Callable[..., None]) -> None:
    async def scenario(world: World) -> None:
        store = world.sessions.store
        async with world.turn(ttl=LONG) as turn:
            held = held_turn(store, "s")
            assert held is not None
            before = held.ends
            await world.renew(turn)
            assert before < held.ends <= time.monotonic() + LONG
            async with world.turn(ttl=LONG) as inner:
                await world.renew(inner)
            await world.elsewhere(world.busy)
        with pytest.raises(RuntimeError, match="inside its block"):
            await world.renew(turn)

    play(make_store(), scenario)


async def test_tasks_and_threads_that_copy_the_context_are_inside() -> None:
    store = InMemoryStore()
    sessions = SessionManager(store=store)
    async with sessions.turn("s"):
        await asyncio.gather(*(sessions.aadd_user_message("s", str(number)) for number in range(3)))
        await asyncio.to_thread(sessions.add_user_message, "s", "thread")
        async with asyncio.timeout(5) if hasattr(asyncio, "timeout") else asynccontextmanager(_nothing)():
            await asyncio.create_task(sessions.turn("s").__aenter__())
        held = held_turn(store, "s")
        assert held is not None
        held.ends = 0
        with pytest.raises(SessionBusyError):
            await asyncio.create_task(sessions.aadd_user_message("s", "late"))
        with pytest.raises(SessionBusyError):
            await asyncio.to_thread(sessions.add_user_message, "s", "late")
    assert [message["content"] for message in sessions.get_session("s")] == ["0", "1", "2", "thread"]


async def _nothing() -> AsyncIterator[None]:
    yield


async def test_a_task_that_outlives_the_block_writes_as_one_without_it() -> None:
    sessions, is_over = SessionManager(), asyncio.Event()

    async def write_later() -> None:
        await is_over.wait()
        await sessions.aadd_user_message("s", "later")

    async with sessions.turn("s"):
        task = asyncio.create_task(write_later())
    is_over.set()
    await task
    assert len(sessions.get_session("s")) == 1


async def test_a_summary_in_the_background_is_not_inside() -> None:
    is_over = asyncio.Event()

    async def summarize(_previous: str | None, _messages: list[Any]) -> str:
        assert holder_of(sessions.store, "s") is None
        await is_over.wait()
        return "They said hello."

    sessions = SessionManager(1, InMemoryStore(archive=True), summary=Summary(summarize, every=1))
    async with sessions.turn("s"):
        await sessions.aadd_user_message("s", "one")
        await sessions.aadd_user_message("s", "two")
        await asyncio.sleep(0)
        is_over.set()
    await sessions.aclose()
    summary = sessions.get_summary("s")
    assert summary is not None
    assert summary.text == "They said hello."


def test_a_block_that_raises_gives_it_back() -> None:
    sessions = SessionManager()
    with pytest.raises(KeyError), sessions.turn("s"):
        raise KeyError
    contextvars.Context().run(sessions.turn("s").__enter__)


async def test_a_cancelled_wait_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the store gave the turn, and only the answer did not arrive."""
    store = InMemoryStore()
    sessions, lease = SessionManager(store=store), store.alease

    async def lease_and_wait(*arguments: Any) -> bool:
        taken = await lease(*arguments)
        if arguments[-1]:
            await asyncio.sleep(LONG)
        return taken

    monkeypatch.setattr(store, "alease", lease_and_wait)
    task = asyncio.create_task(sessions.turn("s").__aenter__())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with sessions.turn("s"):
        pass


@pytest.mark.parametrize("where", ["enter", "exit"])
async def test_a_cancellation_that_is_repeated_leaves_nothing(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """The scopes of AnyIO, in which Starlette answers, cancel each await of what they end."""
    store = InMemoryStore()
    sessions, lease = SessionManager(store=store), store.alease
    waits = asyncio.Event()

    async def connect_and_lease(*arguments: Any) -> bool:
        taking = bool(arguments[-1])
        if not taking:
            await asyncio.sleep(0)  # a connection is made before the command is sent
        taken = await lease(*arguments)
        if taking and where == "enter":
            waits.set()
            await asyncio.sleep(LONG)
        return taken

    async def hold() -> None:
        async with sessions.turn("s"):
            waits.set()
            await asyncio.sleep(LONG)

    monkeypatch.setattr(store, "alease", connect_and_lease)
    task = asyncio.create_task(hold())
    await waits.wait()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert task.cancelled()
    for _ in range(3):
        await asyncio.sleep(0)
    with sessions.turn("s"):
        pass


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"wait": -1}, ValueError, "wait must be a number of seconds from 0 to 1000000000, got -1"),
        ({"wait": math.nan}, ValueError, "wait must be a number of seconds from 0 to 1000000000, got nan"),
        ({"ttl": 0}, ValueError, "ttl must be above 0 seconds"),
        ({"ttl": math.inf}, ValueError, "ttl must be a number of seconds from 0 to 1000000000, got inf"),
        ({"ttl": 1e18}, ValueError, r"ttl must be a number of seconds from 0 to 1000000000, got 1e\+18"),
        ({"ttl": "60"}, TypeError, "ttl must be a number of seconds, got str"),
        ({"wait": True}, TypeError, "wait must be a number of seconds, got bool"),
        ({"session_id": ""}, ValueError, "a session id must not be empty"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        SessionManager().turn(**{"session_id": "s", **options})


def test_a_store_of_five_methods_holds_within_the_process() -> None:
    sessions = SessionManager(store=RecordingStore(InMemoryStore()))
    with sessions.turn("s"):
        with pytest.raises(SessionBusyError):
            contextvars.Context().run(sessions.turn("s").__enter__)
        sessions.add_user_message("s", "Hello")
        held = held_turn(sessions.store, "s")
        assert held is not None
        held.ends = 0
        for write in (
            partial(sessions.add_user_message, "s", "late"),
            partial(sessions.set_system_message, "s", "late"),
            partial(sessions.reset_session, "s"),
        ):
            with pytest.raises(SessionBusyError):
                write()
    assert [message["content"] for message in sessions.get_session("s")] == ["Hello"]


@pytest.mark.parametrize("backend", ["sqlite", "redis-8.2"])
def test_it_holds_between_stores(backends: Backends, tmp_path: Path, backend: str) -> None:
    def make() -> SQLiteStore | RedisStore:
        if backend == "sqlite":
            return SQLiteStore(tmp_path / "s.db")
        return RedisStore(backends.server(backend).url, key_prefix="turns:")

    with SessionManager(store=make()) as one, SessionManager(store=make()) as two:
        with one.turn("s"), pytest.raises(SessionBusyError), two.turn("s"):
            pass
        with two.turn("s"):
            two.add_user_message("s", "Hello")
        two.reset_session("s")


def test_a_write_without_a_turn_is_the_same_as_ever(backends: Backends) -> None:
    """One GET is what a write inside a turn costs."""
    server = backends.server("redis-8.2")

    def count(write: Callable[[], None]) -> dict[str, int]:
        client.config_resetstat()
        write()
        found = client.info("commandstats")
        return {name.removeprefix("cmdstat_"): stats["calls"] for name, stats in found.items() if "config" not in name}

    with server.client() as client, RedisStore(server.url, key_prefix="fenced:") as store:
        sessions = SessionManager(store=store)
        write = partial(sessions.add_user_message, "s", "Hello")
        write()
        plain = count(write)
        with sessions.turn("s"):
            write()  # the server learns the script
            inside = count(write)
            store.replace("s", Edit((), clear_archive=True), None, operation_id())
        assert plain["evalsha"] == inside["evalsha"] == 1
        assert {name: number - plain.get(name, 0) for name, number in inside.items() if number != plain.get(name)} == {
            "get": 1
        }
