"""Contexts of agents with a memory in them: written, read and gone on with, on the same session and without secrets."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import pytest
from llama_index.core.agent.workflow import AgentWorkflow
from llama_index.core.workflow import Context, HumanResponseEvent, InputRequiredEvent, JsonSerializer
from llama_index.core.workflow.context_serializers import JsonPickleSerializer
from workflows.context.state_store import UnserializableKeyWarning

from sessionkit_integrations import RedisStore, SessionKitMemory, SessionManager, SQLiteStore
from sessionkit_integrations.llama_index import save_steps
from sessionkit_integrations.stores import copies
from tests.llama_index.agents import (
    DownError,
    Script,
    brief,
    calls,
    function_agent,
    own_memory,
    plain_memory,
    react_agent,
    says,
)
from tests.llama_index.samples import assistant
from tests.llama_index.test_memory import Flushed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from llama_index.core.memory import Memory

    from sessionkit_integrations import Store
    from tests.backends import Backends
    from tests.servers import Server

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LlamaIndex's agents use what others deprecate

SERIALIZERS = [JsonSerializer(), JsonPickleSerializer()]
SECRET = "s3cret"  # noqa: S105 - of a user that the test makes


async def ask(ctx: Context, q: str) -> str:
    """Ask the user."""
    asked = InputRequiredEvent(prefix=q)  # type: ignore[call-arg]  # events take any field
    answer = await ctx.wait_for_event(HumanResponseEvent, waiter_event=asked, waiter_id=q, timeout=None)
    return str(answer.response)


ask.__annotations__["ctx"] = Context  # where LlamaIndex looks for the class itself


def write(context: Context, serializer: Any) -> dict[str, Any]:
    """Return a context as JSON, once it is sure to hold no secret."""
    written = context.to_dict(serializer=serializer)
    assert SECRET not in json.dumps(written)
    values = written["state"]["state_data"]["_data"].values()
    assert not any(SECRET.encode() in b64decode(value) for value in values if value.startswith("gA"))  # a pickle
    read: dict[str, Any] = json.loads(json.dumps(written))
    return read


@pytest.mark.parametrize(
    ("kind", "serializer", "backend"),
    [
        ("function", SERIALIZERS[0], "memory"),
        ("function", SERIALIZERS[1], "cluster"),
        ("reasoning", SERIALIZERS[0], "upstash"),
        ("reasoning", SERIALIZERS[1], "sqlite"),
        ("workflow", SERIALIZERS[0], "redis-8.2"),
        ("workflow", SERIALIZERS[1], "memory"),
    ],
)
async def test_a_context_goes_on_in_the_same_session(
    kind: str, serializer: Any, backend: str, backends: Backends
) -> None:
    async with SessionManager(2, backends.maker(backend)(archive=True)) as sessions:
        script = Script()
        agent: Any = react_agent(script) if kind == "reasoning" else function_agent(script)
        runnable = AgentWorkflow(agents=[agent], root_agent=agent.name) if kind == "workflow" else agent
        context = Context(runnable)
        await context.store.set("memory", own_memory(sessions))
        for number in range(4):
            answer = says(f"Thought: Well.\nAnswer: a {number}")
            script.replies += [answer] if kind == "reasoning" else [calls("1", "bad"), answer]
            await runnable.run(f"q {number}", ctx=context)
            context = Context.from_dict(runnable, write(context, serializer), serializer=serializer)
        assert script.flaws == []
        questions = [each for each in script.said[-1] if each.startswith("q ")]
        assert questions == ["q 2", "q 3"]
        everything = await sessions.aget_archive("s") + await sessions.aget_session("s")
        assert [each["content"] for each in everything if each["role"] == "user"] == ["q 0", "q 1", "q 2", "q 3"]
        assert len(everything) == (8 if kind == "reasoning" else 20)


@pytest.fixture(params=["sqlite", "redis"])
def guarded_store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store that another process can make again, with a password from its environment."""
    if request.param == "sqlite":
        yield SQLiteStore(tmp_path / "sessions.db")
        return
    server: Server = request.getfixturevalue("redis_server")
    monkeypatch.setenv("REDIS_PASSWORD", SECRET)
    with server.client() as client:
        client.acl_setuser("agent", enabled=True, passwords=[f"+{SECRET}"], keys=["*"], categories=["+@all"])
        yield RedisStore(server.url.replace("://", f"://agent:{SECRET}@"), key_prefix="contexts:")
        client.delete("contexts:s", "{contexts:s}:meta")
        client.acl_deluser("agent")


@pytest.mark.parametrize(
    ("make_memory", "serializer"),
    [*((own_memory, each) for each in SERIALIZERS), (plain_memory, SERIALIZERS[1])],
    ids=["own as JSON", "own", "plain"],
)
async def test_a_run_that_waits_for_the_user_goes_on_in_another_process(
    make_memory: Callable[..., Memory], serializer: Any, guarded_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(assistant(*calls("1").blocks, *calls("Sure?", tool="ask").blocks), says("I did."), says("Bye."))
    async with SessionManager(5, guarded_store) as sessions:
        memory = make_memory(sessions)
        memory.tokenizer_fn = list  # which a pickle names
        waiting = function_agent(script, ask).run("Do it", memory=memory)
        async for event in waiting.stream_events():
            if isinstance(event, InputRequiredEvent):
                break
        written = write(waiting.ctx, serializer)
        await waiting.cancel_run()
        monkeypatch.setattr(copies, "_objects", WeakValueDictionary())  # as in another process
        agent = function_agent(script, ask)
        handler = agent.run(ctx=Context.from_dict(agent, written, serializer=serializer))
        handler.ctx.send_event(HumanResponseEvent(response="Yes."))  # type: ignore[call-arg]  # events take any field
        assert str(await handler) == "I did."
        restored = await handler.ctx.store.get("memory")
        assert str(await agent.run("Thanks", memory=restored)) == "Bye."
        assert (await restored.aget())[-1] == says("Bye.")
        store = restored.sql_store.sessions.store
        assert store is not guarded_store
        await store.aclose()
        assert script.flaws == []
        turn = ["Do it", "look(1) ask(Sure?)", "found 1", "Yes."]
        assert script.said == [["Do it"], turn, [*turn, "I did.", "Thanks"]]
        stored = [each["content"] for each in await sessions.aget_session("s")]
        assert stored == ["Do it", None, "found 1", "Yes.", "I did.", "Thanks", "Bye."]


@pytest.mark.parametrize("serializer", SERIALIZERS, ids=lambda each: type(each).__name__)
async def test_steps_are_in_a_context_that_was_written(serializer: Any) -> None:
    memory = own_memory(SessionManager())
    script = Script(calls("1"), DownError(), says("Hello."))
    agent = function_agent(script)
    handler = agent.run("q 1", memory=memory)
    with pytest.raises(DownError):
        await handler
    context = Context.from_dict(agent, write(handler.ctx, serializer), serializer=serializer)
    assert list(map(brief, await save_steps(context))) == ["look(1)", "found 1"]
    await agent.run("q 2", ctx=context)
    assert script.flaws == []
    assert list(map(brief, await memory.aget())) == ["q 1", "look(1)", "found 1", "q 2", "Hello."]


@pytest.mark.parametrize("plain", [False, True])
async def test_a_memory_that_json_cannot_hold_is_passed_to_each_run(plain: bool) -> None:
    """LlamaIndex writes the context between its runs, and says which key it leaves out."""
    sessions = SessionManager()
    blocks = [] if plain else [Flushed()]
    memory = (plain_memory if plain else own_memory)(sessions, memory_blocks=blocks)
    script = Script(says("a 1"), says("a 2"))
    agent = function_agent(script)
    context = Context(agent)
    await agent.run("q 1", ctx=context, memory=memory)
    with pytest.warns(UnserializableKeyWarning, match="unserializable key: memory"):
        handler = agent.run("q 2", ctx=context, memory=memory)
    await handler
    assert [each["content"] for each in sessions.get_session("s")] == ["q 1", "a 1", "q 2", "a 2"]


async def test_a_context_keeps_the_first_memory_that_it_was_given() -> None:
    sessions = SessionManager()
    first, other = (SessionKitMemory.from_defaults(session_id=each, sessions=sessions) for each in ("s", "t"))
    agent = function_agent(Script(says("a 1"), says("a 2")))
    context = Context(agent)
    await agent.run("q 1", ctx=context, memory=first)
    await agent.run("q 2", ctx=context, memory=other)
    assert [each["content"] for each in sessions.get_session("s")] == ["q 1", "a 1", "q 2", "a 2"]
    assert list(sessions.list_sessions()) == ["s"]
