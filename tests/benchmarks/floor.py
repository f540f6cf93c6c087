"""The floor: bare commands of redis-py that move the bytes of our records."""

from __future__ import annotations

import itertools
import secrets
from typing import TYPE_CHECKING, Any

import redis
from redis.asyncio import Redis as AsyncRedis

from sessionkit_integrations import RedisStore, SessionManager, Window
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.stores.redis import commands
from sessionkit_integrations.stores.redis.keys import Keys
from tests.benchmarks.keeping import EVERYTHING
from tests.benchmarks.setting import WINDOW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AsyncExitStack

    from tests.benchmarks.measuring import Side
    from tests.benchmarks.setting import Setting, Turn

KEYS = Keys()


def sync_client(setting: Setting, stack: AsyncExitStack) -> Any:
    """Return a client as redis-py makes it."""
    client = redis.Redis.from_url(setting.url)
    stack.callback(client.close)
    return client


def async_client(setting: Setting, stack: AsyncExitStack) -> Any:
    """Return an asynchronous client as redis-py makes it."""
    client = AsyncRedis.from_url(setting.url)
    stack.push_async_callback(client.aclose)
    return client


def records(setting: Setting, turns: Sequence[Turn]) -> list[list[Record]]:
    """Return the records of turns of two messages, as we write them."""
    key = KEYS.active("records")
    with SessionManager(EVERYTHING, RedisStore(setting.url)) as sessions:
        sessions.send_messages("records", [message for turn in turns for message in turn])
        written: Any = setting.client.lrange(key, 0, -1)
        sessions.reset_session("records")
    return [written[number : number + 2] for number in range(0, len(written), 2)]


def pushing(client: Any, key: str, written: Sequence[list[Record]]) -> Side:
    """Return what writes the records of a turn with one RPUSH."""
    supply = itertools.cycle(written)
    return lambda: client.rpush(key, *next(supply))


def pushing_each(client: Any, key: str, written: Sequence[list[Record]]) -> Side:
    """Return what writes the records of a turn with an RPUSH for each."""
    supply = itertools.cycle(written)

    def push() -> None:
        for record in next(supply):
            client.rpush(key, record)

    return push


def evaluating(client: Any, session_ids: Sequence[str], written: Sequence[list[Record]], times: int) -> Side:
    """Return what writes the records of a turn with one EVALSHA of our script, for as many times."""
    turns = itertools.islice(zip(itertools.cycle(session_ids), itertools.cycle(written)), times)
    supply = iter([append_words(session_id, turn) for session_id, turn in turns])
    return lambda: client.execute_command(*next(supply))


def ranging(client: Any, session_id: str) -> Side:
    """Return what reads the records of a session with one LRANGE."""
    key = KEYS.active(session_id)
    return lambda: client.lrange(key, 0, -1)


def append_words(session_id: str, turn: Sequence[Record], *, whole: bool = False) -> tuple[Any, ...]:
    """Return the words of our command that appends the records of a turn."""
    operation = secrets.token_urlsafe(8)
    command = commands.append(KEYS, session_id, turn, Window(WINDOW), operation, ttl=None, archive=False)
    return commands.words(command, by_text=whole)


def load_script(setting: Setting) -> None:
    """Have the server know our script."""
    setting.client.execute_command(*append_words("loading", [Record(b'{"role":"user"}')], whole=True))
    setting.client.delete(*KEYS.all_of("loading"))
