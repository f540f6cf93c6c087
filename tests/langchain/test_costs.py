"""A turn costs one read and one write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import SessionManager
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from tests.langchain.messages import ONE_OF_EACH
from tests.langchain.runs import RUN, answering, session, with_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backends import Backends
    from tests.servers import Server

KEYS = {
    "history_messages_key": {"input_messages_key": "question", "history_messages_key": "history"},
    "no history_messages_key": {"input_messages_key": "question"},
}
NOT_COUNTED = {
    *(
        "rpush",
        "lpop",
        "lpush",
        "get",
        "set",
    ),  # what the script does; the conformance of its cost is the stores' matter
    *("hello", "client|setinfo", "info", "config|resetstat"),  # connections, and this measurement
}


class Commands:
    """The commands that a server was sent since."""

    def __init__(self, server: Server) -> None:
        self._client = server.client()
        self._client.config_resetstat()

    def sent(self) -> dict[str, int]:
        with self._client as client:
            stats: Any = client.info("commandstats")
        calls = {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items()}
        return {name: count for name, count in calls.items() if name not in NOT_COUNTED}


@pytest.fixture
def redis_sessions(backends: Backends) -> Iterator[SessionManager]:
    with SessionManager(memory_window=3, store=backends.maker("redis-8.2")()) as sessions:
        yield sessions


@pytest.fixture
def upstash_sessions(backends: Backends) -> Iterator[SessionManager]:
    with SessionManager(memory_window=3, store=backends.maker("upstash")()) as sessions:
        yield sessions


def take_turns(run: str, sessions: SessionManager, keys: str, number: int) -> None:
    chain = with_history(answering(lambda value: "answer"), sessions, **KEYS[keys])
    for _ in range(number):
        RUN[run](chain, {"question": "hello"}, session())


@pytest.mark.parametrize("already", [1, 5], ids=["with room in the window", "with evictions"])
@pytest.mark.parametrize("run", RUN)
@pytest.mark.parametrize("keys", KEYS)
def test_a_turn_on_redis_is_one_evalsha_and_one_lrange(
    keys: str, run: str, already: int, redis_sessions: SessionManager, redis_server: Server
) -> None:
    take_turns(run, redis_sessions, keys, already)
    commands = Commands(redis_server)
    take_turns(run, redis_sessions, keys, 1)
    assert commands.sent() == {"evalsha": 1, "lrange": 1}
    assert len(redis_sessions.get_session("s")) == 2 * min(already + 1, 3)


@pytest.mark.parametrize("run", RUN)
@pytest.mark.parametrize("keys", KEYS)
def test_a_turn_on_upstash_is_two_requests(
    keys: str, run: str, upstash_sessions: SessionManager, redis_server: Server, backends: Backends
) -> None:
    take_turns(run, upstash_sessions, keys, 1)
    commands, before = Commands(redis_server), backends.upstash().requests
    take_turns(run, upstash_sessions, keys, 4)
    assert backends.upstash().requests - before == 2 * 4
    assert commands.sent() == {"evalsha": 4, "lrange": 4}
    assert len(upstash_sessions.get_session("s")) == 2 * 3


def test_many_messages_at_once_are_one_command(redis_sessions: SessionManager, redis_server: Server) -> None:
    history = SessionKitChatMessageHistory("s", redis_sessions)
    history.add_messages(ONE_OF_EACH)
    commands = Commands(redis_server)
    history.add_messages(ONE_OF_EACH * 10)
    assert commands.sent() == {"evalsha": 1}


def test_no_messages_cost_nothing(redis_sessions: SessionManager, redis_server: Server) -> None:
    commands = Commands(redis_server)
    SessionKitChatMessageHistory("s", redis_sessions).add_messages([])
    assert commands.sent() == {}
