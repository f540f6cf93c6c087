"""A fault of our own code is raised as it is: it is not taken for a lost connection, and nothing is sent again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import redis

from sessionkit_integrations import RedisStore, SessionManager, StoreUnavailableError
from sessionkit_integrations.stores.redis import commands
from sessionkit_integrations.stores.redis.cluster import FaultsTranslated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.backends import Backends

    Call = Callable[..., Any]


def grow_while_iterating(numbers: dict[int, int]) -> None:
    for number in numbers:
        numbers[number + 1] = 0


BUGS: dict[str, Callable[[], object]] = {
    "TypeError": lambda: len(None),  # type: ignore[arg-type]
    "AttributeError": lambda: None.nothing,  # type: ignore[attr-defined]
    "an attribute that redis-py looks up": lambda: None.execute_command,  # type: ignore[attr-defined]
    "RuntimeError": lambda: grow_while_iterating({1: 1}),
}


@pytest.fixture
def sessions(backends: Backends) -> Iterator[SessionManager]:
    with RedisStore(backends.cluster().url, key_prefix="bugs:", timeout=2) as store:
        yield SessionManager(store=store)


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_of_ours_is_raised_as_it_is_and_what_was_sent_is_sent_once(
    sessions: SessionManager, call: Call, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    tried = []

    def words(command: Any, **_options: Any) -> Any:
        tried.append(command.name)
        BUGS[name]()

    call(sessions, "reset_session", "s")
    monkeypatch.setattr(commands, "words", words)
    with pytest.raises((TypeError, AttributeError, RuntimeError)):
        call(sessions, "add_user_message", "s", "Hello")
    assert tried == ["append"]
    call(sessions.store, "close")


@pytest.mark.parametrize("error", [TypeError, AttributeError])
def test_what_redis_py_stumbles_over_is_a_lost_connection(
    sessions: SessionManager, call: Call, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """As its own code does when another command closes the connection that it is about to use."""
    call(sessions, "reset_session", "s")
    namespace: dict[str, Any] = {"__name__": "redis.connection", "error": error}
    exec("def stumble(*args, **options): raise error('closed')\nasync def astumble(*a, **o): stumble()", namespace)  # noqa: S102
    monkeypatch.setattr(redis.RedisCluster, "execute_command", namespace["stumble"])
    monkeypatch.setattr(redis.asyncio.RedisCluster, "execute_command", namespace["astumble"])
    with pytest.raises(StoreUnavailableError) as raised:
        call(sessions, "add_user_message", "s", "Hello")
    assert raised.value.may_have_happened is True
    assert isinstance(raised.value.__cause__, redis.ConnectionError)
    monkeypatch.undo()
    call(sessions.store, "close")


def test_nodes_that_change_during_a_walk_over_them_are_a_lost_connection() -> None:
    namespace: dict[str, Any] = {"__name__": "redis.cluster"}
    exec("def walk(nodes):\n    for node in nodes: nodes[0] = 0", namespace)  # noqa: S102
    with pytest.raises(redis.ConnectionError), FaultsTranslated(None):
        namespace["walk"]({1: 1, 2: 2})


async def test_a_connection_that_another_task_reads_from_is_lost() -> None:
    reader = asyncio.StreamReader()
    other = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    with pytest.raises(redis.ConnectionError), FaultsTranslated(None):
        await reader.read()
    reader.feed_eof()
    assert await other == b""
