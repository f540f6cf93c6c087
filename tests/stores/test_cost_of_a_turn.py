"""The cost of a turn on Redis with everything on: archive, time to live, notices, tokens, usage, quota, a lease."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sessionkit_integrations import Quota, RedisStore, SessionManager, Usage, Window
from tests.stores.test_scripted import assistant, executed

if TYPE_CHECKING:
    from tests.servers import Server

ANSWER: Any = {
    **assistant("An answer"),
    "usage": {"input": 90, "output": 8, "cached": 64, "reasoning": 2, "model": "gpt-5"},
}


def take_turn(sessions: SessionManager) -> None:
    """Ask a question and store its answer, as an application does."""
    sessions.prompt("s", "A question")
    sessions.send_message("s", ANSWER)


def test_a_turn_with_everything_on_is_two_commands_as_ever(redis_server: Server) -> None:
    store = RedisStore(redis_server.url, key_prefix="cost:", archive=True, ttl=60, notify=True)
    window = Window(2, tokens=1000)
    quota = Quota(messages="100/minute", tokens="100000/day")
    with SessionManager(window, store, quota=quota) as sessions, redis_server.client() as client:
        take_turn(sessions)
        with sessions.turn("s"):  # whose writes are scripts of their own, which the server does not know yet
            take_turn(sessions)
        take_turn(sessions)

        client.config_resetstat()
        take_turn(sessions)
        written = Counter({"evalsha": 2, "get": 2, "rpush": 2, "set": 2, "pexpire": 2, "lrange": 1})
        archived = Counter({"llen": 2, "lpop": 1, "rpush": 1, "pexpire": 2})
        notified = Counter({"publish": 2})
        assert executed(client) == written + archived + notified

        client.config_resetstat()
        with sessions.turn("s"):
            take_turn(sessions)
        around = Counter({"evalsha": 2, "get": 2, "set": 1, "del": 1})  # to begin and to end the block
        assert executed(client) == written + archived + notified + around + Counter(
            {"get": 2}
        )  # of the holder, by each write

        info = sessions.describe("s")
        assert info is not None
        assert (info.turns, info.archived, info.appended) == (2, 6, 10)
        assert info.usage == (Usage(450, 40, 320, 10, "gpt-5"),)
        assert len(info.levels) == 2
