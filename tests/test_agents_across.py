"""One session goes through agents of LangChain, of OpenAI's SDK and of LlamaIndex, and through plain calls in turn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from agents import Agent, Runner, function_tool, set_tracing_disabled
from langchain_core.messages import AIMessage, BaseMessage
from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from workflows.errors import WorkflowCancelledByUser

from sessionkit_integrations import Message, SessionKitMemory, SessionKitSession, SessionManager, Summary
from sessionkit_integrations.llama_index import save_steps
from sessionkit_integrations.window.open_calls import INTERRUPTED
from sessionkit_integrations.window.turns import Window, evict
from tests.langchain import agents as langchain_agents
from tests.llama_index import agents as llama_index_agents
from tests.llama_index.samples import assistant, text
from tests.openai_agents import model as openai_agents

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.backends import Backends

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LlamaIndex's agents use what others deprecate

BE_BRIEF = "Be brief."

Told = tuple[str, ...]
"""A message as all of them tell it: role and text, then the calls of an answer, or the call of a result."""


class Call(NamedTuple):
    """A call of `look`."""

    call_id: str
    place: str

    @property
    def args(self) -> dict[str, Any]:
        return {"place": self.place, "times": 2}

    @property
    def told(self) -> str:
        return as_told(self.call_id, "look", self.args)

    @property
    def result(self) -> Told:
        return "tool", f"2 cats in {self.place}", self.call_id


class Turn(NamedTuple):
    """A question, what the model says beside its calls, the calls, and the answer."""

    question: str
    aside: str
    calls: tuple[Call, ...]
    answer: str

    @property
    def asked(self) -> list[Told]:
        return [("user", self.question)]

    @property
    def calling(self) -> Told:
        return "assistant", self.aside, *(call.told for call in self.calls)

    @property
    def worked(self) -> list[Told]:
        return [*self.asked, self.calling, *(call.result for call in self.calls)]

    @property
    def told(self) -> list[Told]:
        return [*self.worked, ("assistant", self.answer)]


Talk = Callable[[SessionManager, Turn], Awaitable[list[list[Told]]]]
"""Says a turn in the session, with an agent that is new, and returns the prompts that its model was given."""


@pytest.fixture(autouse=True, scope="module")
def no_traces() -> None:
    set_tracing_disabled(disabled=True)


async def look(place: str, times: int) -> str:
    """Look around in a place.

    Args:
        place: The place.
        times: How many times.
    """
    if place == "a dark room":
        await asyncio.sleep(3600)
    return f"{times} cats in {place}"


def as_told(call_id: object, name: object, args: object) -> str:
    return f"{name}#{call_id} {json.dumps(json.loads(args) if isinstance(args, str) else args)}"


async def in_langchain(sessions: SessionManager, turn: Turn) -> list[list[Told]]:
    graph, model = langchain_agents.agent(sessions, _calling_in_langchain(turn), turn.answer, tools=[look])
    await graph.ainvoke(langchain_agents.said(turn.question), langchain_agents.thread())
    return [list(map(_of_langchain, prompt)) for prompt in model.prompts]


def _calling_in_langchain(turn: Turn) -> AIMessage:
    calls = [{"id": call.call_id, "name": "look", "args": call.args} for call in turn.calls]
    return AIMessage(turn.aside, tool_calls=calls)


def _of_langchain(message: BaseMessage) -> Told:
    if message.type == "tool":
        return message.type, message.text, getattr(message, "tool_call_id", "")
    calls = (as_told(call["id"], call["name"], call["args"]) for call in getattr(message, "tool_calls", ()))
    return {"human": "user", "ai": "assistant"}.get(message.type, message.type), message.text, *calls


async def in_openai_agents(sessions: SessionManager, turn: Turn) -> list[list[Told]]:
    model = openai_agents.Scripted(_calling_in_openai_agents(turn), [openai_agents.says(turn.answer)])
    agent: Agent[Any] = Agent("Ada", model=model, tools=[function_tool(look)])
    await Runner.run(agent, turn.question, session=SessionKitSession("s", sessions))
    return [_of_items(prompt) for prompt in model.prompts]


def _calling_in_openai_agents(turn: Turn) -> list[Any]:
    aside = [openai_agents.says(turn.aside)] if turn.aside else []
    return [*aside, *(openai_agents.calls(call.call_id, "look", json.dumps(call.args)) for call in turn.calls)]


def _of_items(items: Iterable[Any]) -> list[Told]:
    """Return what items tell; the API has an item for a text and one for each call, which all are one message."""
    told: list[Told] = []
    for item in items:
        if item.get("type") == "function_call_output":
            told.append(("tool", item["output"], item["call_id"]))
        elif item.get("type") == "function_call":
            before = told.pop() if told[-1][0] == "assistant" else ("assistant", "")
            told.append((*before, as_told(item["call_id"], item["name"], item["arguments"])))
        else:
            content = item["content"]
            told.append((item["role"], content if isinstance(content, str) else "".join(p["text"] for p in content)))
    return told


async def in_llama_index(sessions: SessionManager, turn: Turn) -> list[list[Told]]:
    script = llama_index_agents.Script(_calling_in_llama_index(turn), llama_index_agents.says(turn.answer))
    await _llama_index_agent(script).run(turn.question, memory=_memory(sessions))
    return [list(map(_of_llama_index, prompt)) for prompt in script.prompts]


def _llama_index_agent(script: llama_index_agents.Script) -> FunctionAgent:
    return FunctionAgent(llm=script.llm, tools=[look], streaming=False)


def _memory(sessions: SessionManager) -> SessionKitMemory:
    return SessionKitMemory.from_defaults(session_id="s", sessions=sessions, tokenizer_fn=str.split)


def _calling_in_llama_index(turn: Turn) -> ChatMessage:
    calls = (
        ToolCallBlock(tool_call_id=call.call_id, tool_name="look", tool_kwargs=dict(call.args)) for call in turn.calls
    )
    return assistant(*([text(turn.aside)] if turn.aside else []), *calls)


def _of_llama_index(message: ChatMessage) -> Told:
    told = message.role.value, message.content or ""
    if message.role == "tool":
        return *told, message.additional_kwargs["tool_call_id"]
    calls = (block for block in message.blocks if isinstance(block, ToolCallBlock))
    return *told, *(as_told(call.tool_call_id, call.tool_name, call.tool_kwargs) for call in calls)


async def in_plain_calls(sessions: SessionManager, turn: Turn) -> list[list[Told]]:
    prompts = [await sessions.aprompt("s", turn.question)]
    await sessions.asend_messages("s", [_calling_in_plain(turn), *(_result(call) for call in turn.calls)])
    prompts.append(await sessions.aget_session("s"))
    await sessions.aadd_assistant_message("s", turn.answer)
    return [list(map(_of_plain, prompt)) for prompt in prompts]


def _calling_in_plain(turn: Turn) -> Any:
    calls = [
        {"id": call.call_id, "type": "function", "function": {"name": "look", "arguments": json.dumps(call.args)}}
        for call in turn.calls
    ]
    return {"role": "assistant", "content": turn.aside or None, "tool_calls": calls}


def _result(call: Call) -> Any:
    role, content, call_id = call.result
    return {"role": role, "content": content, "tool_call_id": call_id, "name": "look"}


def _of_plain(message: Any) -> Told:
    if message["role"] == "tool":
        return "tool", message["content"], message["tool_call_id"]
    calls = message.get("tool_calls", ())
    told = (as_told(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls)
    return message["role"], message["content"] or "", *told


TALKS: dict[str, Talk] = {
    "create_agent": in_langchain,
    "OpenAI Agents SDK": in_openai_agents,
    "LlamaIndex": in_llama_index,
    "plain": in_plain_calls,
}
NAMES = tuple(TALKS)
ORDERS = ((0, 1, 3, 2), (1, 2, 0, 3), (2, 3, 1, 0), (3, 0, 2, 1))
"""Rounds in which each comes in each place once, and directly after each of the others once."""


def a_turn(number: int) -> Turn:
    """Return one of many turns; those of a round call alike, once or twice, with a text beside the calls or without."""
    calls = (Call(f"a{number}", "Rome"), Call(f"b{number}", "Oslo"))
    rounds = number // len(NAMES)
    return Turn(f"question {number}", "I look." * (rounds // 2 % 2), calls[: 1 + rounds % 2], f"answer {number}")


def in_window(told: Sequence[Told], turns: int) -> list[Told]:
    return evict(told, Window(turns), lambda message: message[0])[0]


def prompts_of(name: str, before: Sequence[Told], turn: Turn, turns: int) -> list[list[Told]]:
    """Return the prompts of a turn: the SDK reads the session before its question is in it, and the others after."""
    read = before if name == "OpenAI Agents SDK" else [*before, *turn.asked]
    shown = [message for message in in_window(read, turns) if message not in turn.asked]
    return [[*shown, *turn.asked], [*shown, *turn.worked]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "turns"),
    [("memory", 1), ("memory", 16), ("sqlite", 3), ("redis-8.2", 5), ("cluster", 2), ("upstash", 4)],
)
async def test_each_model_is_given_what_all_others_said(backend: str, turns: int, backends: Backends) -> None:
    told: list[Told] = [("system", BE_BRIEF)]
    async with SessionManager(turns, backends.maker(backend)()) as sessions:
        await sessions.aset_system_message("s", BE_BRIEF)
        for number, name in enumerate(NAMES[each] for each in chain(*ORDERS)):
            turn = a_turn(number)
            assert await TALKS[name](sessions, turn) == prompts_of(name, told, turn, turns), (number, name)
            told += turn.told
        assert list(map(_of_plain, await sessions.aget_session("s"))) == in_window(told, turns)
        assert _of_items(await SessionKitSession("s", sessions).get_items()) == in_window(told, turns)


async def test_each_model_is_given_the_summary_of_what_has_left() -> None:
    def summarize(previous: str | None, messages: Sequence[Message]) -> str:
        return " ".join([*filter(None, [previous]), str(messages[0]["content"])])

    sessions = SessionManager(1, summary=Summary(summarize, every=1, background=False, heading="Before:"))
    sessions.set_system_message("s", BE_BRIEF)
    turns = [a_turn(number) for number in range(8)]
    for number, name in enumerate(NAMES * 2):
        in_summary = turns[: number - 1 if name == "OpenAI Agents SDK" else number]
        covered = " ".join(each.question for each in in_summary)
        preamble = [("system", BE_BRIEF), *([("system", f"Before:\n\n{covered}")] if covered else [])]
        told = [*preamble, *chain.from_iterable(each.told for each in turns[len(in_summary) : number])]
        assert await TALKS[name](sessions, turns[number]) == prompts_of(name, told, turns[number], 1), (number, name)


@pytest.mark.parametrize("writer", ["create_agent", "OpenAI Agents SDK", "LlamaIndex"])
async def test_a_question_that_comes_while_an_agent_works(writer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, between = SessionManager(), Turn("Still there?", "", (), "Wait.")

    async def look(place: str, times: int) -> str:
        """Look around, until somebody else has asked."""
        await sessions.aprompt("s", between.question)
        await sessions.aadd_assistant_message("s", between.answer)
        return f"{times} cats in {place}"

    with monkeypatch.context() as patch:
        patch.setitem(globals(), "look", look)
        await TALKS[writer](sessions, a_turn(0))
    question, *work, answer = a_turn(0).told
    asked: list[Told] = [("user", between.question), ("assistant", between.answer)]
    told = [question, *work, *asked, answer] if writer == "create_agent" else [question, *asked, *work, answer]
    for number, name in enumerate(("create_agent", "LlamaIndex", "plain"), start=1):
        turn = a_turn(number)
        assert await TALKS[name](sessions, turn) == prompts_of(name, told, turn, 10), name
        told += turn.told


@pytest.mark.parametrize("call_id", ["call_0", ""])
async def test_calls_of_others_whose_ids_repeat_are_told_apart_by_the_sdk(call_id: str) -> None:
    sessions = SessionManager()
    said: list[Told] = []
    for number, name in enumerate(("LlamaIndex", "plain", "create_agent")):
        places = ("Rome", "Oslo")[: 1 + (name == "plain")]
        turn = Turn(f"question {number}", "", tuple(Call(call_id, f"{place} {number}") for place in places), "")
        await TALKS[name](sessions, turn)
        suffixes = (("",), ("_2", "_3"), ("_4",))[number]
        calls = (Call((call_id or "call") + each, call.place) for each, call in zip(suffixes, turn.calls, strict=True))
        said += turn._replace(calls=tuple(calls)).told
    turn = a_turn(9)
    assert await in_openai_agents(sessions, turn) == prompts_of("OpenAI Agents SDK", said, turn, 10)


async def test_items_of_the_sdk_come_back_equal_where_others_use_their_ids() -> None:
    sessions = SessionManager()
    session = SessionKitSession("s", sessions)
    await sessions.asend_messages(
        "s", [{"role": "user", "content": "q"}, _calling_in_plain(CUT), _result(CUT.calls[0])]
    )
    own: list[Any] = [
        {"content": "And now?", "role": "user"},
        *(call.model_dump(exclude_unset=True) for call in _calling_in_openai_agents(CUT)[1:]),
        *({"call_id": call.call_id, "output": "a cat", "type": "function_call_output"} for call in CUT.calls),
    ]
    await session.add_items(own)
    items: list[Any] = await session.get_items()
    assert [item["call_id"] for item in items[:-5] if "call_id" in item] == ["1_2", "2_2", "1_2"]
    assert items[-5:] == own


CUT = Turn("What is there?", "I look.", (Call("1", "Rome"), Call("2", "a dark room")), "")
"""A turn that nobody ends: its second call never comes back."""


async def cut_in_langchain(sessions: SessionManager) -> None:
    graph, _ = langchain_agents.agent(sessions, _calling_in_langchain(CUT), tools=[look])
    run = graph.astream(langchain_agents.said(CUT.question), langchain_agents.thread(), stream_mode="updates")
    async with aclosing(run):
        async for update in run:
            if "SessionKitMiddleware.after_model" in update:
                break


async def cut_in_openai_agents(sessions: SessionManager) -> None:
    """Write what the SDK's runner writes before its process is killed; when a tool raises, it leaves out the call."""
    items: list[Any] = [{"content": CUT.question, "role": "user"}]
    items += [item.model_dump(exclude_unset=True) for item in _calling_in_openai_agents(CUT)]
    items.append({"call_id": "1", "output": CUT.calls[0].result[1], "type": "function_call_output"})
    await SessionKitSession("s", sessions).add_items(items)


async def cut_in_llama_index(sessions: SessionManager) -> None:
    script = llama_index_agents.Script(_calling_in_llama_index(CUT))
    handler = _llama_index_agent(script).run(CUT.question, memory=_memory(sessions))
    async for event in handler.stream_events():
        if isinstance(event, ToolCallResult):
            break
    await handler.cancel_run()
    with pytest.raises(WorkflowCancelledByUser):
        await handler
    await save_steps(handler.ctx)


async def cut_in_plain_calls(sessions: SessionManager) -> None:
    await sessions.aadd_user_message("s", CUT.question)
    await sessions.asend_messages("s", [_calling_in_plain(CUT), _result(CUT.calls[0])])


NO_RESULTS = {"create_agent", "LlamaIndex"}
"""Those that store the results of parallel calls once all of them are there."""
CUTS: dict[str, Callable[[SessionManager], Awaitable[None]]] = {
    "create_agent": cut_in_langchain,
    "OpenAI Agents SDK": cut_in_openai_agents,
    "LlamaIndex": cut_in_llama_index,
    "plain": cut_in_plain_calls,
}


@pytest.mark.parametrize("writer", CUTS)
async def test_a_turn_that_was_cut_off_is_valid_to_all(writer: str) -> None:
    sessions = SessionManager()
    sessions.set_system_message("s", BE_BRIEF)
    await CUTS[writer](sessions)
    results = [call.result for call in CUT.calls]
    open_calls = CUT.calls if writer in NO_RESULTS else CUT.calls[1:]
    for call in open_calls:
        results[CUT.calls.index(call)] = ("tool", INTERRUPTED, call.call_id)
    begun: list[Told] = [("system", BE_BRIEF), *CUT.asked]
    told = [*begun, CUT.calling, *results]
    # The SDK takes open calls out of a prompt, as it finds them in the session.
    answered = [call for call in CUT.calls if call not in open_calls]
    in_sdk = [*begun, ("assistant", CUT.aside, *(call.told for call in answered)), *(call.result for call in answered)]
    for number, name in enumerate(NAMES):
        turn = a_turn(number)
        before = in_sdk if name == "OpenAI Agents SDK" else told
        assert await TALKS[name](sessions, turn) == prompts_of(name, before, turn, 10), name
        told, in_sdk = told + turn.told, in_sdk + turn.told
