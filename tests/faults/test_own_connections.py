"""Commands of a store's own clients, which go over connections of the pool and not by `execute_command`."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
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
