"""`SessionKitSession` as a session of the SDK: its methods, and what the SDK itself does with them."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from agents import RunConfig, Runner, SessionABC, SessionSettings
from agents.memory import OpenAIResponsesCompactionSession, Session
from agents.run_internal.session_persistence import rewind_session_items
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations import InvalidMessageError, InvalidSessionIdError, SessionManager, SQLiteStore, Summary
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from sessionkit_integrations.openai_agents import SessionKitSession
from sessionkit_integrations.providers import to_openai
from tests.openai_agents.items import ITEMS, SAMPLES, same
from tests.openai_agents.model import Scripted, agent, says, thinks

if TYPE_CHECKING:
    from pathlib import Path

QUESTION: Any = {"role": "user", "content": "What is there?"}
CALLS: Any = [SAMPLES["reasoning"], *({**SAMPLES["function call"], "call_id": each} for each in ("1", "2"))]
OUTPUTS: Any = [{**SAMPLES["function output"], "call_id": each} for each in ("1", "2")]
ANSWER: Any = SAMPLES["answer"]
CALLING: Any = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
TURN: list[Any] = [QUESTION, *CALLS, *OUTPUTS, ANSWER]


def times(manager: SessionManager) -> list[Any]:
    return [json.loads(record)["at"] for record in manager.store.read("s").records]


def test_it_is_a_session_of_the_sdk(in_memory: SessionManager) -> None:
    session = SessionKitSession("s", in_memory)
    assert isinstance(session, Session)
    assert isinstance(session, SessionABC)
    assert session.session_id == "s"


async def test_items_of_all_types_come_back_in_order(in_memory: SessionManager) -> None:
    session = SessionKitSession("s", in_memory)
    items: list[Any] = [item for item in SAMPLES.values() if item.get("role") not in {"user", "system", "developer"}]
    await session.add_items([QUESTION])
    await session.add_items(items)
    assert same(await session.get_items(), [QUESTION, *items])


async def test_calls_of_the_api_keep_their_ids_though_they_repeat(in_memory: SessionManager) -> None:
    session = SessionKitSession("s", in_memory)
    call: Any = {"arguments": "{}", "call_id": "1", "name": "f", "type": "function_call"}
    await session.add_items([QUESTION, call, OUTPUTS[0], QUESTION, call, OUTPUTS[0]])
    assert same(await session.get_items(), [QUESTION, call, OUTPUTS[0], QUESTION, call, OUTPUTS[0]])


async def test_items_are_popped_one_by_one_whatever_record_they_are_in(sessions: SessionManager) -> None:
    session = SessionKitSession("s", sessions)
    await session.add_items(TURN)
    written = times(sessions)
    for left in range(len(TURN) - 1, -1, -1):
        assert same(await session.pop_item(), TURN[left])
        assert same(await session.get_items(), TURN[:left])
        assert times(sessions) == written[: len(times(sessions))]
    assert await session.pop_item() is None


async def test_a_call_is_popped_from_what_another_framework_wrote(in_memory: SessionManager) -> None:
    function = {"name": "f", "arguments": "{}"}
    calls = [{"id": each, "type": "function", "function": function} for each in ("1", "2")]
    message: Any = {"role": "assistant", "content": "See", "tool_calls": calls}
    in_memory.send_messages("s", [QUESTION, message])
    popped = await SessionKitSession("s", in_memory).pop_item()
    assert popped == {"arguments": "{}", "call_id": "2", "name": "f", "type": "function_call"}
    assert in_memory.get_session("s") == [QUESTION, {**message, "tool_calls": calls[:1]}]


@given(items=st.lists(ITEMS, max_size=4))
async def test_what_is_popped_is_what_was_last_of_any_items(items: list[Any]) -> None:
    manager = SessionManager(2)
    manager.send_messages("s", [QUESTION, CALLING, CALLING])
    session = SessionKitSession("s", manager)
    await session.add_items(items)
    shown = await session.get_items()
    while shown:
        assert repr(await session.pop_item()) == repr(shown[-1])
        count = len(shown) - 1
        shown = await session.get_items()
        assert len(shown) == count


async def test_pops_at_once_return_different_items(tmp_path: Path) -> None:
    with SessionManager(2, SQLiteStore(tmp_path / "chats.db")) as manager:
        session = SessionKitSession("s", manager)
        await session.add_items(TURN)
        popped = await asyncio.gather(*(session.pop_item() for _ in range(5)))
        assert sorted(map(str, popped)) == sorted(map(str, TURN[2:]))
        assert same(await session.get_items(), TURN[:2])


async def test_an_open_call_is_left_as_it_is_and_answered_for_others(in_memory: SessionManager) -> None:
    session, items = SessionKitSession("s", in_memory), [QUESTION, *CALLS, OUTPUTS[1], QUESTION]
    await session.add_items(items)
    assert same(await session.get_items(), items)
    shown = [(message["role"], message.get("tool_call_id")) for message in in_memory.get_session("s")]
    assert shown == [("user", None), ("assistant", None), ("tool", "2"), ("tool", "1"), ("user", None)]


async def test_parallel_calls_added_one_by_one_are_a_valid_prompt_for_others(
    in_memory: SessionManager,
) -> None:
    session = SessionKitSession("s", in_memory)
    for item in TURN:
        await session.add_items([item])
    assert same(await session.get_items(), TURN)
    messages = to_openai(in_memory.get_session("s"))["messages"]
    ids = [
        (each["role"], [call["id"] for call in each.get("tool_calls", ())], each.get("tool_call_id"))
        for each in messages
    ]
    assert ids == [
        ("user", [], None),
        ("assistant", [], None),
        ("assistant", ["1"], None),
        ("tool", [], "1"),
        ("assistant", ["2"], None),
        ("tool", [], "2"),
        ("assistant", [], None),
    ]


LIMITS: dict[int, list[int]] = {
    0: [],
    -1: [],
    1: [8],  # of the last turn, which is longer
    3: [6, 7, 8],
    4: [6, 7, 8],  # without the turn of two
    5: [4, 5, 6, 7, 8],
    8: [2, 3, 4, 5, 6, 7, 8],  # without the preamble of two
    9: [0, 1, 2, 3, 4, 5, 6, 7, 8],
    100: [0, 1, 2, 3, 4, 5, 6, 7, 8],
}


@pytest.mark.parametrize("limit", LIMITS)
async def test_a_limit_returns_whole_turns_and_of_a_long_last_one_its_end(limit: int) -> None:
    roles = ["system", "system", "user", "assistant", "user", "assistant", "user", "assistant", "assistant"]
    items: list[Any] = [{"role": role, "content": str(number)} for number, role in enumerate(roles)]
    manager = SessionManager(10)
    await SessionKitSession("s", manager).add_items(items)
    assert await SessionKitSession("s", manager).get_items(limit) == [items[each] for each in LIMITS[limit]]
    settings = SessionSettings(limit=limit)
    by_settings = SessionKitSession("s", manager, session_settings=settings)
    assert by_settings.session_settings is settings
    assert await by_settings.get_items() == [items[each] for each in LIMITS[limit]]


@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4), preamble=st.integers(0, 2), added=st.integers(1, 4))
async def test_the_sdk_can_tell_whether_a_write_was_made(sizes: list[int], preamble: int, added: int) -> None:
    """It compares the newest items before the write, and more of them after it."""
    session = SessionKitSession("s", SessionManager(10))
    roles = ["system"] * preamble
    for size in sizes:
        roles += ["user", *["assistant"] * (size - 1)]
    items: list[Any] = [{"role": role, "content": str(number)} for number, role in enumerate(roles)]
    await session.add_items(items)
    batch: list[Any] = [{"role": "assistant", "content": f"new {number}"} for number in range(added)]
    before = await session.get_items(limit=added + 1)
    assert (await session.get_items(limit=len(before) + added))[-len(before) :] == before
    await session.add_items(batch)
    assert await session.get_items(limit=len(before) + added) == before + batch


async def test_a_preamble_alone_has_a_limit_too(in_memory: SessionManager) -> None:
    items: list[Any] = [{"role": "system", "content": each} for each in "ab"]
    session = SessionKitSession("s", in_memory)
    await session.add_items(items)
    assert [await session.get_items(limit) for limit in (None, 1, 2)] == [items, items[1:], items]


async def test_what_is_no_item_is_refused_and_nothing_is_written(in_memory: SessionManager) -> None:
    session: Any = SessionKitSession("s", in_memory)
    with pytest.raises(InvalidMessageError, match="item: must be a dict"):
        await session.add_items([QUESTION, "Hi"])
    assert in_memory.store.read("s").records == ()
    await session.add_items([])
    assert list(in_memory.list_sessions()) == []
    with pytest.raises(InvalidSessionIdError):
        await SessionKitSession("", in_memory).get_items()
    with pytest.raises(TypeError, match="sessions must be a SessionManager"):
        SessionKitSession("s", in_memory.store)  # type: ignore[arg-type]


async def test_objects_of_openais_sdk_are_stored_as_the_fields_that_were_set(in_memory: SessionManager) -> None:
    session: Any = SessionKitSession("s", in_memory)
    await session.add_items([thinks("hm"), says("Hi")])
    kept = await session.get_items()
    assert kept == [each.model_dump(exclude_unset=True) for each in (thinks("hm"), says("Hi"))]
    assert None not in kept[0].values()  # as the API refuses some


async def test_items_too_large_for_one_record_have_one_each() -> None:
    manager = SessionManager(2, max_message_bytes=1000)
    session = SessionKitSession("s", manager)
    items: list[Any] = [{**SAMPLES["image"], "result": letter * 600} for letter in "AB"]
    await session.add_items(items)
    assert same(await session.get_items(), items)
    assert len(manager.store.read("s").records) == 2


async def test_a_summary_is_a_system_message() -> None:
    manager = SessionManager(
        1, summary=Summary(lambda _, messages: f"{len(messages)} messages", every=1, background=False)
    )
    session = SessionKitSession("s", manager)
    await session.add_items([*TURN, QUESTION])
    summary, question = await session.get_items()
    assert question == QUESTION
    assert summary == {"content": manager.get_session("s")[0]["content"], "role": "system"}
    assert "5 messages" in str(summary)


@pytest.mark.parametrize("count", range(1, 8))
async def test_the_sdk_takes_back_what_a_run_added(count: int) -> None:
    manager = SessionManager(2)
    session = SessionKitSession("s", manager)
    await session.add_items([{"role": "user", "content": "Hello"}, ANSWER])
    before = await session.get_items()
    await session.add_items(TURN[:count])
    await rewind_session_items(session, TURN[:count])
    assert same(await session.get_items(), before)


async def test_the_sdk_takes_back_nothing_of_a_session_that_went_on(in_memory: SessionManager) -> None:
    session = SessionKitSession("s", in_memory)
    await session.add_items(TURN)
    SessionKitChatMessageHistory("s", in_memory).add_user_message("And I?")
    before = await session.get_items()
    await rewind_session_items(session, TURN[-2:])
    assert same(await session.get_items(), before)


class Compacting:
    """A client of OpenAI's that makes one item of a history."""

    def __init__(self) -> None:
        self.responses = self
        self.asked: list[Any] = []

    async def compact(self, **request: Any) -> Any:
        self.asked.append(request)
        return SimpleNamespace(output=[QUESTION, SAMPLES["compaction"]], usage=None)


async def test_the_sdk_compacts_a_session(in_memory: SessionManager) -> None:
    inner, client = SessionKitSession("s", in_memory), Compacting()
    session = OpenAIResponsesCompactionSession("s", inner, client=client, compaction_mode="input")  # type: ignore[arg-type]
    await session.add_items(TURN)
    await session.run_compaction({"force": True})
    assert len(client.asked[0]["input"]) == len(TURN)
    assert same(await session.get_items(), [QUESTION, SAMPLES["compaction"]])
    assert in_memory.get_session("s")[1] == {"role": "assistant", "content": "[compaction left out]"}


async def test_what_the_sdk_replaces_is_replaced_at_once_and_keeps_the_archive(tmp_path: Path) -> None:
    """As its compaction does from 0.24 on; earlier ones clear the session, and then add to it."""
    with SessionManager(1, SQLiteStore(tmp_path / "chats.db", archive=True)) as manager:
        session = SessionKitSession("s", manager)
        await session.add_items([*TURN, *TURN])
        replacement: list[Any] = [QUESTION, SAMPLES["compaction"]]
        assert await session._atomic_replace_items(replacement)
        assert same(await session.get_items(), [QUESTION, SAMPLES["compaction"]])
        assert len(manager.get_archive("s")) == 5


@pytest.mark.skipif(
    not hasattr(OpenAIResponsesCompactionSession, "_run_compaction"), reason="this SDK does not compare them"
)
async def test_the_sdk_compacts_no_session_that_a_run_has_seen_a_part_of(in_memory: SessionManager) -> None:
    inner, client = SessionKitSession("s", in_memory), Compacting()
    session = OpenAIResponsesCompactionSession(
        "s",
        inner,
        client=client,  # type: ignore[arg-type]
        compaction_mode="input",
        should_trigger_compaction=lambda _: True,
    )
    model = Scripted([says("1")], [says("2")], [says("3")])
    await Runner.run(agent(model), "Hello", session=inner)
    config = RunConfig(session_settings=SessionSettings(limit=0))
    await Runner.run(agent(model), "And now?", session=session, run_config=config)
    assert client.asked == []
    assert len(await inner.get_items()) == 4
    await Runner.run(agent(model), "Bye", session=session)
    assert len(client.asked[0]["input"]) == 4
    assert same(await inner.get_items(), [QUESTION, SAMPLES["compaction"]])
