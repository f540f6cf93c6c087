"""A walk through all that can be done with a session: with both seals it is the same as with none."""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest
from agents import Runner, set_tracing_disabled
from llama_index.core.base.llms.types import ToolCallBlock

from sessionkit_integrations import (
    Compress,
    Embed,
    Encrypt,
    Quota,
    QuotaExceededError,
    SessionKitAsyncChatStore,
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionKitSession,
    SessionManager,
    Summary,
    Window,
)
from sessionkit_integrations.llama_index import recall_tool
from sessionkit_integrations.records.sealed import sealed_by
from tests.cli.running import Place, place
from tests.langchain import agents as langchain
from tests.llama_index import agents as llama_index
from tests.llama_index.samples import assistant
from tests.openai_agents import model as openai_agents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.backends import Backends

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LlamaIndex's agents use what others deprecate

KEY = bytes(range(32))
USAGE: Any = {"input": 30, "output": 5, "model": "gpt-5"}
CALLS: Any = [{"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"food":"walnuts"}'}}]
TURNS: list[list[Any]] = [
    [
        {"role": "user", "content": f"walnuts {word}"},
        {"role": "assistant", "content": None, "tool_calls": CALLS},
        {"role": "tool", "content": f"found {word}", "tool_call_id": "c1", "name": "find"},
        {"role": "assistant", "content": f"walnuts are {word}", "usage": USAGE},
    ]
    for word in ("anchovy", "bramble", "cabbage", "damson", "endive", "fennel")
]


def in_plain_calls(sessions: SessionManager, _: Place) -> Iterator[Any]:
    sessions.set_system_message("s", "walnuts only")
    for turn in TURNS:
        sessions.send_messages("s", turn)
    yield sessions.get_session("s"), sessions.get_archive("s"), sessions.get_archive("s", limit=3)
    yield sessions.prompt("s", "walnuts again?")
    yield sessions.get_summary("s")
    yield asdict(sessions.describe("s"))  # type: ignore[arg-type]
    yield sessions.regenerate("s"), sessions.undo("s"), sessions.undo("s")
    sessions.fork("s", "half", turns=2)
    sessions.fork("s", "whole")
    for session_id in ("half", "whole"):
        yield sessions.get_session(session_id), sessions.get_archive(session_id)
        yield sessions.describe(session_id).forked_from  # type: ignore[union-attr]
    sessions.reset_session("whole")
    yield sorted(sessions.list_sessions())


def in_searches(sessions: SessionManager, _: Place) -> Iterator[Any]:
    searches: list[tuple[str, dict[str, Any]]] = [
        ("anchovy", {"session_id": "s"}),
        ("walnuts", {"session_id": "s", "tool": "find"}),
        ("", {"session_id": "s"}),
        ("bramble", {}),
        ("walnuts", {"roles": ["tool"], "limit": 50}),
    ]
    for query, options in searches:
        hits = sessions.search(query, **options)
        found = [(hit.session_id, hit.position, hit.archived, hit.messages, hit.snippet) for hit in hits]
        yield hits.complete, found if "session_id" in options else sorted(found, key=repr)  # of one time, in no order


def in_what_looks_at_them(sessions: SessionManager, _: Place) -> Iterator[Any]:
    yield sessions.view("s")._repr_html_()
    figures = sessions.statistics("s").to_dict(), sessions.statistics().to_dict()
    for each in figures:
        del each["answer_times"]
    yield figures


def in_watches_and_turns(sessions: SessionManager, _: Place) -> Iterator[Any]:
    with sessions.watch("w", timeout=5) as changes:
        with sessions.turn("w"):
            sessions.send_messages("w", TURNS[0])
        change = next(changes)
        yield change.session_id, change.kind, change.messages
        sessions.undo("w")
        yield next(changes).kind


def in_quotas(sessions: SessionManager, _: Place) -> Iterator[Any]:
    limited = SessionManager(3, sessions.store, seal=sessions._seal, quota=Quota(messages="1/day"))
    limited.add_user_message("q", "walnuts")
    with pytest.raises(QuotaExceededError):
        limited.add_user_message("q", "more walnuts")
    yield limited.get_session("q")


def in_langchain(sessions: SessionManager, _: Place) -> Iterator[Any]:
    history = SessionKitChatMessageHistory("lc", sessions)
    for number in range(2):
        history.add_user_message(f"walnuts {number}?")
        history.add_ai_message(f"walnuts {number}!")
    yield history.messages
    call = langchain.calls("2", name="recall", query="walnuts")
    graph, model = langchain.agent(sessions, langchain.calls("1"), call, "walnuts", recall=True)
    yield langchain.texts(graph.invoke(langchain.said("walnuts?"), langchain.thread("lc"))["messages"])
    yield [langchain.texts(prompt) for prompt in model.prompts]


def in_llama_index(sessions: SessionManager, _: Place) -> Iterator[Any]:
    store = SessionKitChatStore(sessions=sessions)
    store.set_messages("li", [llama_index.says("walnuts")])
    yield store.get_messages("li"), store.get_keys()
    yield asyncio.run(_agents_of_llama_index(sessions))


async def _agents_of_llama_index(sessions: SessionManager) -> Any:
    found: list[Any] = []
    for make_memory in (llama_index.own_memory, llama_index.plain_memory):
        call = ToolCallBlock(tool_call_id="1", tool_name="recall", tool_kwargs={"query": "walnuts"})
        script = llama_index.Script(assistant(call), llama_index.says("walnuts"))
        agent = llama_index.function_agent(script, recall_tool(sessions))
        await agent.run("walnuts?", memory=make_memory(sessions))
        found.append(script.said)
    chat_store = SessionKitAsyncChatStore(sessions=sessions)
    found.append(await chat_store.get_messages("s"))
    return found


def in_openai_agents(sessions: SessionManager, _: Place) -> Iterator[Any]:
    async def run() -> Any:
        model = openai_agents.Scripted([openai_agents.calls("1")], [openai_agents.says("walnuts")])
        session = SessionKitSession("oa", sessions)
        await Runner.run(openai_agents.agent(model), "walnuts?", session=session)
        return await session.get_items(), await session.pop_item()

    yield asyncio.run(run())


def on_the_command_line(_: SessionManager, place: Place) -> Iterator[Any]:
    for command in (
        ("list",),
        ("show", "s"),
        ("show", "s", "--around", "2"),
        ("tail", "s"),
        ("search", "walnuts", "--limit", "50"),
        ("search", "anchovy", "--session", "s"),
        ("fork", "s", "copy"),
        ("undo", "copy", "--yes"),
        ("show", "copy"),
        ("reset", "copy", "--yes"),
        ("export",),
    ):
        run = place.run(*command)
        yield command, run.returncode, run.stderr, sorted(run.stdout.splitlines())  # hits of one time have no order
    (figures,) = place.lines("stats")
    yield figures["turns"], figures["usage"], figures["tools"]


def in_exports(sessions: SessionManager, place: Place) -> Iterator[Any]:
    for option in ([], ["--sealed"]):
        file = f"{sessions.store.path}{''.join(option)}.jsonl"  # type: ignore[attr-defined]
        yield place.lines("export", "-o", file, *option)
        other = replace(place, url=f"sqlite:///{file}.db")
        yield other.lines("import", file)
        yield other.run("show", "s").stdout, other.run("show", "lc").stdout


WALK = (
    in_plain_calls,
    in_searches,
    in_what_looks_at_them,
    in_watches_and_turns,
    in_quotas,
    in_langchain,
    in_llama_index,
    in_openai_agents,
    on_the_command_line,
    in_exports,
)


def embed(texts: list[str]) -> list[list[float]]:
    return [[1.0, float(text.count("e"))] for text in texts]


TIME = r"datetime\.datetime\([^)]*\)|\d{4}-\d\d-\d\d[T ][\d:.]+|\b\d{13}\b"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def comparable(outcome: object) -> str:
    return re.sub(f"{TIME}|{UUID}", "…", repr(outcome))


def walked(where: Place, seal: Any) -> dict[str, list[str]]:
    """Return the outcomes of each step of the walk, and check how the records are sealed that it leaves."""
    summary = Summary(lambda _previous, messages: f"{len(messages)} about walnuts", every=2, background=False)
    window = Window(turns=2, tokens=10_000)
    store = where.make_store(archive=True)
    options: Any = {"summary": summary, "embed": Embed(embed, name="m"), "seal": seal}
    with SessionManager(window, store, **options) as sessions:
        outcomes = {step.__name__: [*map(comparable, step(sessions, where))] for step in WALK}
        records = [
            record
            for session_id in store.sessions()
            for archived in (False, True)
            for record in store.read(session_id, archived=archived).records
        ]
        assert len(records) > 50
        assert {bool(sealed_by(record)) for record in records} == {seal is not None}
    return outcomes


def test_all_that_can_be_done_is_the_same(backends: Backends, tmp_path: Path) -> None:
    set_tracing_disabled(disabled=True)
    (tmp_path / "plain").mkdir()
    (tmp_path / "sealed").mkdir()
    plain = walked(place("sqlite", backends, None, tmp_path / "plain"), None)
    where = place("sqlite", backends, None, tmp_path / "sealed")
    keys = {"SESSIONKIT_KEYS": base64.b64encode(KEY).decode()}
    sealed = walked(replace(where, environment=keys), [Compress(), Encrypt(KEY)])
    for step, outcomes in plain.items():
        expected = [each.replace("/plain/", "/sealed/") for each in outcomes]
        assert sealed[step] == expected, step
        assert any("walnuts" in each for each in outcomes)
        assert not any("Nothing was found" in each for each in outcomes)  # by an agent that recalls
    written = [path for path in (tmp_path / "sealed").iterdir() if path.name != "chats.db.jsonl"]
    assert len(written) > 3
    for path in written:
        assert b"walnuts" not in path.read_bytes(), path
