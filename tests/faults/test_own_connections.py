"""Commands of a store's own clients, which go over connections of the pool and not by `execute_command`."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio

from sessionkit_integrations import RedisStore, SessionManager
from tests.faults.helpers.failovers import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers import Server

    Call = Callable[..., Any]

CLIENTS = (redis.Redis, redis.asyncio.Redis)
TURN: Any = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the commands whose replies redis-py's clients read."""
    names: list[str] = []
    for client in CLIENTS:

        def parse_response(
            self: Any, connection: Any, name: str, *, parse: Any = client.parse_response, **options: Any
        ) -> Any:
            names.append(name)
            return parse(self, connection, name, **options)

        monkeypatch.setattr(client, "parse_response", parse_response)
    return names


def take_a_turn(sessions: SessionManager, call: Call) -> None:
    call(sessions, "send_messages", "s", TURN)
    assert call(sessions, "get_session", "s") == TURN
    call(sessions, "close")


def test_scripts_and_lrange_pass_by_the_client(empty_server: Server, seen: list[str], call: Call) -> None:
    sessions = SessionManager(store=RedisStore(empty_server.url))
    call(sessions, "send_messages", "s", TURN)
    assert call(sessions, "get_session", "s") == TURN
    assert seen == []
    assert list(sessions.list_sessions()) == ["s"]
    assert set(seen) == {"SCAN"}
    call(sessions, "close")


def test_a_given_client_sees_each_command(empty_server: Server, seen: list[str]) -> None:
    with empty_server.client() as client:
        client.script_flush()
        seen.clear()
        sessions = SessionManager(store=RedisStore(client=client))
        sessions.send_messages("s", TURN)
        assert sessions.get_session("s") == TURN
    assert seen == ["EVALSHA", "EVAL", "LRANGE"]


def test_who_wraps_execute_command_sees_each_command(
    empty_server: Server, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    """As tracers do."""
    traced: list[str] = []
    for client in CLIENTS:

        def execute_command(self: Any, *args: Any, execute: Any = client.execute_command, **options: Any) -> Any:
            traced.append(args[0])
            return execute(self, *args, **options)

        monkeypatch.setattr(client, "execute_command", execute_command)
    take_a_turn(SessionManager(store=RedisStore(empty_server.url)), call)
    assert [name for name in traced if name != "EVAL"] == ["EVALSHA", "LRANGE"]


def test_the_metrics_of_redis_py_count_each_command(
    empty_server: Server, monkeypatch: pytest.MonkeyPatch, seen: list[str], call: Call
) -> None:
    observability = pytest.importorskip("redis.observability", reason="this redis-py has no metrics")
    monkeypatch.setattr(observability.ObservabilityInstance, "is_enabled", lambda _self: True)
    take_a_turn(SessionManager(store=RedisStore(empty_server.url)), call)
    assert [name for name in seen if name != "EVAL"] == ["EVALSHA", "LRANGE"]


def is_paused(client: Any) -> bool:
    """Return whether a write waits until the server's pause is over."""
    return bool(client.info("clients")["blocked_clients"] == 1)


@pytest.fixture
def paused(empty_server: Server) -> Iterator[redis.Redis]:
    """A client of a server that executes no write until the test is over, and so sends no reply to it."""
    with empty_server.client() as plain:
        plain.client_pause(60_000, all=False)
        yield plain
        plain.client_unpause()


def test_after_a_cancellation_nobody_reads_the_reply(empty_server: Server, paused: redis.Redis) -> None:
    async def cancel() -> None:
        async with SessionManager(store=RedisStore(empty_server.url)) as sessions:
            task = asyncio.create_task(sessions.asend_messages("s", TURN))
            await asyncio.to_thread(wait_until, lambda: is_paused(paused))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await sessions.aget_session("s") == []

    asyncio.run(cancel())


def test_after_ctrl_c_nobody_reads_the_reply(empty_server: Server, paused: redis.Redis) -> None:
    def press() -> None:
        wait_until(lambda: is_paused(paused))
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with SessionManager(store=RedisStore(empty_server.url)) as sessions:
        presses = threading.Thread(target=press)
        presses.start()
        with pytest.raises(KeyboardInterrupt):
            sessions.send_messages("s", TURN)
        presses.join()
        assert sessions.get_session("s") == []


@pytest.mark.usefixtures("paused")
def test_after_ctrl_c_just_behind_the_command_nobody_reads_the_reply(
    empty_server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def press(*_args: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    with SessionManager(store=RedisStore(empty_server.url)) as sessions:
        assert sessions.get_session("s") == []
        with monkeypatch.context() as patch:
            patch.setattr(redis.Connection, "read_response", press)
            with pytest.raises(KeyboardInterrupt):
                sessions.send_messages("s", TURN)
        with caplog.at_level(logging.DEBUG, "sessionkit_integrations"):
            assert sessions.get_session("s") == []
    assert caplog.messages == []  # of an attempt that waited behind the write


def test_ctrl_c_at_a_look_at_an_idle_connection_takes_no_place_in_the_pool(
    empty_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(*_args: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    with SessionManager(store=RedisStore(f"{empty_server.url}?max_connections=1", timeout=0.5)) as sessions:
        sessions.send_messages("s", TURN)
        with monkeypatch.context() as patch:
            patch.setattr(redis.Connection, "can_read", press)
            with pytest.raises(KeyboardInterrupt):
                sessions.get_session("s")
        assert sessions.get_session("s") == TURN


def ids_of_clients(plain: Any) -> set[str]:
    """Return the ids of the connections that are named so."""
    return {each["id"] for each in plain.client_list(_type="normal") if each["name"] == "counted"}


@pytest.fixture
def plain(empty_server: Server) -> Iterator[redis.Redis]:
    """A client of a server that has no connections that are counted."""
    with empty_server.client() as client:
        wait_until(lambda: not ids_of_clients(client))
        yield client


def write_in_threads(sessions: SessionManager) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: sessions.send_messages(f"s{number}", TURN), range(32)))


def test_connections_that_are_idle_are_used_again(empty_server: Server, plain: redis.Redis) -> None:
    with SessionManager(store=RedisStore(f"{empty_server.url}?client_name=counted")) as sessions:
        write_in_threads(sessions)
        before = ids_of_clients(plain)
        assert 1 <= len(before) <= 4
        for _ in range(5):
            assert sessions.get_session("s0") == TURN
        assert len(list(sessions.list_sessions())) == 32
        write_in_threads(sessions)
        assert before <= ids_of_clients(plain)
        assert len(ids_of_clients(plain)) <= 4
    wait_until(lambda: not ids_of_clients(plain))


@pytest.mark.parametrize("kill_all", [True, False], ids=["killed", "one is read from"])
def test_connections_that_broke_while_they_were_idle_fail_no_attempt(
    empty_server: Server, plain: redis.Redis, caplog: pytest.LogCaptureFixture, kill_all: bool
) -> None:
    # By the third protocol, what can be read may be a notice of the server, and redis-py leaves it to be read.
    store = RedisStore(f"{empty_server.url}?client_name=counted&protocol=2")
    with SessionManager(store=store) as sessions:
        write_in_threads(sessions)
        before = ids_of_clients(plain)
        if kill_all:
            for each in before:
                plain.client_kill_filter(_id=each)
        else:
            with store._shared.use() as own:
                own.idle[-1].send_command("ECHO", "what somebody else asked for")
                assert own.idle[-1].can_read(timeout=5)
        with caplog.at_level(logging.DEBUG, "sessionkit_integrations"):
            assert sessions.get_session("s0") == TURN
            write_in_threads(sessions)
        assert [message for message in caplog.messages if "failed" in message] == []
        assert len(ids_of_clients(plain) & before) == (0 if kill_all else len(before) - 1)


@pytest.mark.skipif(not hasattr(redis.Connection, "should_reconnect"), reason="this redis-py follows no server")
def test_a_connection_whose_server_moves_is_opened_again(empty_server: Server, plain: redis.Redis) -> None:
    store = RedisStore(f"{empty_server.url}?client_name=counted")
    with SessionManager(store=store) as sessions:
        sessions.send_messages("s", TURN)
        before = ids_of_clients(plain)
        with store._shared.use() as own:
            own.idle[-1].mark_for_reconnect()
        assert sessions.get_session("s") == TURN
        assert len(ids_of_clients(plain) - before) == 1


def test_there_are_no_more_connections_than_the_pool_allows(
    empty_server: Server, plain: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"{empty_server.url}?client_name=counted&max_connections="
    with (
        SessionManager(store=RedisStore(f"{url}1")) as sessions,
        caplog.at_level(logging.DEBUG, "sessionkit_integrations"),
    ):
        for _ in range(2):
            sessions.send_messages("s", TURN)
            assert list(sessions.list_sessions()) == ["s"]
    with (
        SessionManager(store=RedisStore(f"{url}2")) as sessions,
        ThreadPoolExecutor(4) as threads,
        caplog.at_level(logging.DEBUG, "sessionkit_integrations"),
    ):
        done: list[Any] = [threads.submit(sessions.send_messages, f"s{number % 4}", TURN) for number in range(40)]
        done += [threads.submit(lambda: list(sessions.list_sessions())) for _ in range(20)]
        assert [each.exception() for each in done] == [None] * 60
    wait_until(lambda: not ids_of_clients(plain))
    with SessionManager(store=RedisStore(f"{url}2", notify=True)) as sessions:
        write_in_threads(sessions)
        assert list(sessions.watch("s", timeout=0.01)) == []
        assert len(ids_of_clients(plain)) <= 2
    assert [message for message in caplog.messages if "failed" in message] == []
