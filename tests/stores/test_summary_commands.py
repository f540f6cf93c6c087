"""Commands of appends whose evicted turns wait for a summary: few, and as many however long the conversation is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import RedisStore, SessionManager, Summary, UpstashStore, Window
from sessionkit_integrations.stores.redis.keys import Keys
from tests.stores.test_scripted import assistant, executed, user
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backends import Backends

PREFIX = "summarycounted:"


def summarize(_previous: str | None, _messages: list[Any]) -> str:
    return "text"


LATER = Summary(summarize, every=10_000)
WINDOWS = {
    "turns": Window(3),
    "tokens": Window(tokens=20),  # 5 turns of 4 tokens
}


def characters(message: Any) -> int:
    return min(len(message["content"]), 2)


@pytest.fixture(params=["redis", "upstash"])
def store_and_client(request: pytest.FixtureRequest, backends: Backends) -> Iterator[Any]:
    """A maker of stores, and a client to look at what they do."""
    server = backends.server("redis-8.2")
    client = server.client()

    def make(**options: Any) -> RedisStore | UpstashStore:
        if request.param == "redis":
            return RedisStore(server.url, key_prefix=PREFIX, **options)
        return UpstashStore(backends.upstash().url, TOKEN, key_prefix=PREFIX, **options)

    yield make, client
    client.delete(*Keys(PREFIX).all_of("s"))
    client.close()


def sends(sessions: SessionManager, *numbers: int) -> None:
    turns = [(user(f"q{number}"), assistant(f"a{number}")) for number in numbers]
    sessions.send_messages("s", [message for turn in turns for message in turn])


def figures(sessions: SessionManager) -> tuple[int, int]:
    """Return the number of active turns, and of records that wait for a summary."""
    info = sessions.describe("s")
    assert info is not None
    return info.turns, info.waiting


def filled(store: Any, window: Window, turns: int, *, preamble: bool = False) -> SessionManager:
    """Return sessions whose next append evicts, or would."""
    sessions = SessionManager(window, store, summary=LATER, count_tokens=characters)
    if preamble:
        sessions.add_system_message("s", "pinned")
    for start in range(0, turns, 5):
        sends(sessions, *range(start, start + 5))
    return sessions


@pytest.mark.pairwise
@pytest.mark.parametrize("turns", [5, 500])
@pytest.mark.parametrize("preamble", [False, True])
@pytest.mark.parametrize("window", ["turns", "tokens"])
@pytest.mark.parametrize("options", [{}, {"archive": True}, {"ttl": 60}])
def test_an_append_that_evicts_is_one_command_and_few_within(
    store_and_client: Any, turns: int, preamble: bool, window: str, options: dict[str, Any]
) -> None:
    make, client = store_and_client
    with make(**options) as store:
        sessions = filled(store, WINDOWS[window], turns, preamble=preamble)
        stays = 3 if window == "turns" else 4 if preamble else 5
        before = figures(sessions)
        client.config_resetstat()
        sends(sessions, turns)
        counts = executed(client)
        assert before == (stays, 2 * (turns - stays))
        assert figures(sessions) == (stays, 2 * (turns + 1 - stays))
        expected = {"evalsha": 1, "get": 1, "rpush": 2, "lpop": 1, "set": 1, "llen": 1}
        if preamble:
            expected["lpush"] = 1
        expected |= {"pexpire": 2} if "ttl" in options else {"pttl": 1}
        assert counts == expected


@pytest.mark.parametrize("turns", [5, 500])
def test_an_append_that_evicts_nothing_costs_no_more_than_ever(store_and_client: Any, turns: int) -> None:
    make, client = store_and_client
    with make() as store:
        sessions = filled(store, Window(turns + 9), turns)
        client.config_resetstat()
        sends(sessions, turns)
        assert executed(client) == {"evalsha": 1, "get": 1, "rpush": 1, "set": 1}


@pytest.mark.parametrize("turns", [5, 500])
@pytest.mark.parametrize("window", ["turns", "tokens"])
@pytest.mark.parametrize("summary", [None, LATER])
def test_a_prompt_is_one_command_and_reads_within(
    store_and_client: Any, turns: int, window: str, summary: Summary | None
) -> None:
    make, client = store_and_client
    with make() as store:
        filled(store, Window(turns + 9), turns)
        sessions = SessionManager(
            Window(turns + 9, tokens=None if window == "turns" else 1_000_000), store, summary=summary
        )
        sessions.prompt("s", "first")  # which counts the tokens of what is there
        client.config_resetstat()
        assert len(sessions.prompt("s", "second")) == 2 * turns + 2
        assert executed(client) == {"evalsha": 1, "get": 1, "rpush": 1, "set": 1, "lrange": 1}


def test_a_manager_without_a_summary_sends_what_it_sent(store_and_client: Any) -> None:
    make, client = store_and_client
    with make() as store:
        sessions = SessionManager(3, store)
        for number in range(5):
            sends(sessions, number)
        client.config_resetstat()
        sends(sessions, 5)
        assert executed(client) == {"evalsha": 1, "get": 1, "rpush": 1, "lpop": 1, "set": 1}
