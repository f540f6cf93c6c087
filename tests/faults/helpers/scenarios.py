"""Event loops, threads and forks as applications use them, in a process of its own where warnings are errors.

``python -m tests.faults.helpers.scenarios '[["KIND", "WHERE", [PORT, …]], …]'`` plays all scenarios on stores of these
kinds and prints what each leaves open. The ports are those of the servers behind a store. A warning goes to the
standard error.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
import threading
import time
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import redis

from sessionkit_integrations import InMemoryStore, RedisStore, SessionManager, SQLiteStore, UpstashStore
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations import Store

PREFIX = "scenario:"
RUNS = 10
ROUNDS = 3
PROCESSES = 2
AT_ONCE = 3
SQLITE_FILES = 3
A_LOOP = 3
TIMEOUT = 60.0
"""Seconds that an operation, or the end of a process or connection, may take on a machine that does much else."""


class Open:
    """Open file descriptors of this process, and connections that the servers see."""

    def __init__(self, ports: list[int]) -> None:
        self._monitors = [redis.Redis(port=port) for port in ports]
        self.pooled = AT_ONCE * max(1, len(ports))
        self.given = 0
        self.before = self.count()

    def count(self) -> tuple[int, int]:
        """Return the number of file descriptors and of connections."""
        gc.collect()
        connections = sum(len(list(monitor.client_list())) for monitor in self._monitors)
        return len(os.listdir("/dev/fd")), connections  # noqa: PTH208 - it is no folder of files

    def check(self, descriptors: int = 0, connections: int = 0) -> None:
        """Wait until no more is open than at first and these."""
        deadline = time.monotonic() + TIMEOUT
        most = self.before[0] + descriptors + connections, self.before[1] + connections
        while any(now > allowed for now, allowed in zip(self.count(), most, strict=True)):
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.count()} descriptors and connections are open, not {most}")
            time.sleep(0.05)

    def close(self) -> None:
        """Close what counting needs."""
        for monitor in self._monitors:
            monitor.close()


def use(sessions: SessionManager, name: str) -> None:
    """Write and read a session that nobody else uses."""
    content = f"{name} {os.getpid()}"
    sessions.reset_session(content)
    sessions.add_user_message(content, content)
    sessions.set_system_message(content, "of this one")
    assert [each["content"] for each in sessions.get_session(content)] == ["of this one", content]
    assert content in set(sessions.list_sessions())
    sessions.reset_session(content)


async def ause(sessions: SessionManager, name: str) -> None:
    """See `use`."""
    content = f"{name} {os.getpid()}"
    await sessions.areset_session(content)
    await sessions.aadd_user_message(content, content)
    await sessions.aset_system_message(content, "of this one")
    assert [each["content"] for each in await sessions.aget_session(content)] == ["of this one", content]
    assert content in {each async for each in sessions.alist_sessions()}
    await sessions.areset_session(content)


async def ause_at_once(sessions: SessionManager, name: str) -> None:
    await asyncio.gather(*(ause(sessions, f"{name} {number}") for number in range(AT_ONCE)))


def runs(sessions: SessionManager, opened: Open) -> None:
    """Ten `asyncio.run` in a row leave nothing open, whether the store is closed or not."""
    for number in range(RUNS):
        asyncio.run(ause_at_once(sessions, f"run {number}"))
    opened.check(SQLITE_FILES, opened.pooled)


def running_loop(sessions: SessionManager, opened: Open) -> None:
    """A notebook's cells are called in a running loop, the plain methods too."""

    async def cells() -> None:
        for number in range(ROUNDS):
            use(sessions, f"cell {number}")
            await ause_at_once(sessions, f"cell {number}")
        sessions.close()
        await ause(sessions, "after closing")

    asyncio.run(cells())


def threads(sessions: SessionManager, opened: Open) -> None:
    """Threads each have a loop, by `asyncio.run` or closed with no shutdown, and use the plain methods as well."""

    def with_run(number: int) -> None:
        asyncio.run(ause_at_once(sessions, f"thread {number}"))
        use(sessions, f"thread {number}")

    def without_shutdown(number: int) -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(ause_at_once(sessions, f"bare thread {number}"))
        loop.close()

    in_threads([partial(work, number) for work in (with_run, without_shutdown) for number in range(4)])


def prefork(sessions: SessionManager, opened: Open) -> None:
    """Workers are forked after the first use of both kinds, and all go on."""
    in_threads([partial(use, sessions, f"before {number}") for number in range(AT_ONCE)])
    asyncio.run(ause_at_once(sessions, "before"))
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if child == 0:
            opened.close()
            for each in range(ROUNDS):
                use(sessions, f"child {number} {each}")
                asyncio.run(ause(sessions, f"child {number} {each}"))
            sessions.close()
            sys.exit()  # an end as of any process, not that of multiprocessing
        children.append(child)
    for each in range(ROUNDS):
        use(sessions, f"parent {each}")
        asyncio.run(ause(sessions, f"parent {each}"))
    wait_for(children)


def fork_beside_a_loop(sessions: SessionManager, opened: Open) -> None:
    """A loop that stands still when the process forks has connections that stay its own."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(ause_at_once(sessions, "before"))
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if child == 0:
            end_after_use(sessions, number)
        children.append(child)
    for each in range(ROUNDS):
        loop.run_until_complete(ause_at_once(sessions, f"parent {each}"))
    wait_for(children)
    loop.run_until_complete(ause_at_once(sessions, "parent after its children"))
    sessions.close()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def fork_beside_threads(sessions: SessionManager, opened: Open) -> None:
    """A process forks while its threads are in the store."""
    stop = threading.Event()

    def write(number: int) -> None:
        while not stop.is_set():
            use(sessions, f"writer {number}")

    def fork() -> None:
        children = []
        try:
            for number in range(PROCESSES * 2):
                child = os.fork()
                if child == 0:
                    end_after_use(sessions, number)
                children.append(child)
                time.sleep(0.01)
            wait_for(children)
        finally:
            stop.set()

    in_threads([fork, partial(write, 1), partial(write, 2)])


def many_objects(sessions: SessionManager, opened: Open) -> None:
    """Hundreds of histories and chat stores are made and dropped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sessionkit_integrations import (  # noqa: PLC0415 - their frameworks may warn
            SessionKitAsyncChatStore,
            SessionKitChatMessageHistory,
            SessionKitChatStore,
        )
    for number in range(400):
        history: Any = SessionKitChatMessageHistory(f"s{number}", sessions)
        store = SessionKitChatStore(sessions=sessions)
        SessionKitAsyncChatStore(sessions=sessions)
        if number % 50 == 0:
            assert history.messages == store.get_messages(f"s{number}") == []
    opened.check(SQLITE_FILES, opened.pooled)


def llama_index(sessions: SessionManager, opened: Open) -> None:
    """In a running loop, LlamaIndex's synchronous methods make a loop for each call, and close it with no shutdown."""
    memory = memory_of(sessions)

    async def cells() -> None:
        for _ in range(ROUNDS):
            put_and_get(memory)

    asyncio.run(cells())
    in_threads([lambda: put_and_get(memory_of(sessions, "of a thread"))])


def llama_index_alone(sessions: SessionManager, opened: Open) -> None:
    """With no loop running, they use the thread's own and leave it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    for _ in range(ROUNDS):
        put_and_get(memory_of(sessions))
    sessions.close()
    opened.check(A_LOOP, opened.given)
    asyncio.set_event_loop(None)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def memory_of(sessions: SessionManager, session_id: str = "s") -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from llama_index.core.memory import Memory  # noqa: PLC0415 - it may warn

        from sessionkit_integrations import SessionKitAsyncChatStore  # noqa: PLC0415 - imports LlamaIndex
    store = SessionKitAsyncChatStore(sessions=sessions)
    return Memory.from_defaults(session_id=session_id, chat_store=store, tokenizer_fn=str.split)


def put_and_get(memory: Any) -> None:
    from llama_index.core.llms import ChatMessage  # noqa: PLC0415 - imported above

    memory.reset()
    memory.put(ChatMessage("Hello"))
    assert [each.content for each in memory.get()] == ["Hello"]


def end_after_use(sessions: SessionManager, number: int) -> None:
    """Use sessions in a forked child, which then ends as those of multiprocessing do."""
    status = 1
    try:
        for each in range(ROUNDS):
            use(sessions, f"child {number} {each}")
            asyncio.run(ause(sessions, f"child {number} {each}"))
        sessions.close()
        status = 0
    finally:
        os._exit(status)


def wait_for(children: list[int]) -> None:
    deadline = time.monotonic() + TIMEOUT
    for child in children:
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)
                raise AssertionError("a forked process does not come to its end")
            time.sleep(0.01)
        assert ended == (child, 0)


def in_threads(works: Sequence[Callable[[], None]]) -> None:
    raised: list[BaseException] = []

    def catch(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised below
            raised.append(error)

    started = [threading.Thread(target=catch, args=(work,)) for work in works]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    if raised:
        raise raised[0]


def make(kind: str, where: str) -> tuple[Store, Callable[[], object]]:
    """Return a store, and what closes what it was given."""
    if kind == "memory":
        return InMemoryStore(), lambda: None
    if kind == "sqlite":
        return SQLiteStore(where), lambda: None
    if kind == "upstash":
        return UpstashStore(where, TOKEN, key_prefix=PREFIX, timeout=TIMEOUT), lambda: None
    if kind.startswith("given"):
        client: Any = redis.RedisCluster if kind == "given cluster" else redis.Redis
        given = client.from_url(where.replace("redis+cluster:", "redis:"))
        return RedisStore(client=given, key_prefix=PREFIX, timeout=TIMEOUT), given.close
    return RedisStore(where, key_prefix=PREFIX, timeout=TIMEOUT), lambda: None


SCENARIOS = (runs, running_loop, threads, prefork, fork_beside_a_loop, fork_beside_threads)
WITH_FRAMEWORKS = (many_objects, llama_index, llama_index_alone)


def play(scenario: Callable[[SessionManager, Open], None], kind: str, where: str, ports: list[int]) -> None:
    opened = Open(ports)
    store, close_given = make(kind, where)
    opened.given = opened.pooled if kind.startswith("given") else 0
    sessions = SessionManager(store=store)
    started = time.monotonic()
    scenario(sessions, opened)
    took = time.monotonic() - started
    kept = opened.count()
    sessions.close()
    close_given()
    del sessions, store, close_given  # a cluster's client that was given closes its connections only now
    opened.check()
    opened.close()
    print(f"{kind}, {scenario.__name__}: {opened.before} open before, {kept} after it, {took:.1f} s")


def leave_out_of_collections() -> None:
    """Let the garbage collector pass over what there is, which is much and stays, each time that it is counted."""
    gc.collect()
    gc.freeze()


def main(places: str) -> None:
    every: list[tuple[str, str, list[int]]] = json.loads(places)
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # which says on a slow machine what took long
    asyncio.run(asyncio.sleep(0))
    leave_out_of_collections()
    for kind, where, ports in every:
        for scenario in SCENARIOS:
            if scenario is not fork_beside_threads or not kind.startswith("given"):
                play(scenario, kind, where, ports)  # whether a given client survives that is its own business
    memory_of(SessionManager())  # from here on, as what a child has imported makes its end slow
    leave_out_of_collections()
    for kind, where, ports in every:
        for scenario in WITH_FRAMEWORKS:
            play(scenario, kind, where, ports)
    print("done")


if __name__ == "__main__":
    main(sys.argv[1])
