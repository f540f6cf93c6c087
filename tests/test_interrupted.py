"""Sessions whose calls were interrupted, as each reader sees them; what is stored stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, TextBlock

from sessionkit_integrations import CorruptSessionError, Edit, SessionKitChatStore, SessionManager, Window
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from sessionkit_integrations.llama_index import SessionKitAsyncChatStore
from sessionkit_integrations.records.codec import PlainCodec
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.sessions import edits
from sessionkit_integrations.sessions.showing import concern_calls, show_records
from sessionkit_integrations.window.open_calls import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import StoreMaker


def user(text: str = "Hello") -> Any:
    return {"role": "user", "content": text}


def calling(*ids: str, text: str | None = None) -> Any:
    calls = [{"id": each, "type": "function", "function": {"name": "look", "arguments": "{}"}} for each in ids]
    return {"role": "assistant", "content": text, "tool_calls": calls}


def result(call_id: str, text: str = "found") -> Any:
    return {"role": "tool", "content": text, "tool_call_id": call_id, "name": "look"}


def made_up(call_id: str) -> Any:
    return {**result(call_id, INTERRUPTED), "is_error": True}


def says(text: str) -> Any:
    return {"role": "assistant", "content": text}


def test_a_call_that_was_interrupted_is_answered_when_the_next_turn_begins(
    make_store: StoreMaker, call: Callable[..., Any]
) -> None:
    sessions = SessionManager(2, make_store())
    crashed = [user("one"), calling("a", "b"), result("b")]
    call(sessions, "send_messages", "s", crashed)
    assert call(sessions, "get_session", "s") == crashed  # it may still be running
    call(sessions, "add_user_message", "s", "two")
    before = sessions.store.read("s").records
    assert call(sessions, "get_session", "s") == [*crashed, made_up("a"), user("two")]
    assert sessions.store.read("s").records == before
    assert [message.role for message in sessions.view("s").messages] == ["user", "assistant", "tool", "user"]
    call(sessions, "send_message", "s", result("a", "late"))
    assert call(sessions, "get_session", "s") == [*crashed, result("a", "late"), user("two")]
    call(sessions, "add_user_message", "s", "three")
    assert call(sessions, "get_session", "s") == [user("two"), user("three")]  # the call has left


def test_langchain_is_given_an_error_of_the_tool() -> None:
    sessions = SessionManager()
    broken = {"name": "look", "args": "{", "id": "b", "error": "not JSON", "type": "invalid_tool_call"}
    asked = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "a"}], invalid_tool_calls=[broken])
    history = SessionKitChatMessageHistory("s", sessions)
    history.add_messages([HumanMessage("one"), asked, HumanMessage("two")])
    assert history.messages == [
        HumanMessage("one"),
        asked,
        ToolMessage(INTERRUPTED, tool_call_id="a", name="look", status="error"),
        ToolMessage(INTERRUPTED, tool_call_id="b", name="look", status="error"),
        HumanMessage("two"),
    ]


def test_invalid_calls_that_openai_has_no_place_for_are_answered_too() -> None:
    history = SessionKitChatMessageHistory("s", SessionManager())
    broken = {"name": None, "args": None, "id": "b", "error": None, "type": "invalid_tool_call"}
    history.add_messages([HumanMessage("one"), AIMessage("", invalid_tool_calls=[broken]), HumanMessage("two")])
    assert history.messages[2] == ToolMessage(INTERRUPTED, tool_call_id="b", status="error")


def test_results_of_calls_in_a_way_that_cannot_be_read_are_shown() -> None:
    sessions = SessionManager()
    old = {"name": "look", "arguments": "{}"}
    SessionKitChatMessageHistory("s", sessions).add_messages(
        [HumanMessage("one"), AIMessage("", additional_kwargs={"function_call": old})]
    )
    sessions.send_messages("s", [result(""), user("two")])
    assert sessions.get_session("s")[2:] == [result(""), user("two")]
    junk: Any = [{"call": "look"}]
    record = Record(b'{"role":"assistant","content":"","tool_calls":[{"call":"look"}]}')
    sessions.store.replace("t", Edit((record,)), None, "once")
    sessions.send_messages("t", [result("x"), user("two")])
    assert sessions.get_session("t") == [
        {"role": "assistant", "content": "", "tool_calls": junk},
        result("x"),
        user("two"),
    ]


def test_llama_index_is_given_a_failed_tool() -> None:
    sessions = SessionManager()
    sessions.send_messages("s", [user("one"), calling("a"), user("two")])
    asked, answer, last = SessionKitChatStore(sessions=sessions).get_messages("s")[1:]
    assert answer == ChatMessage(
        role="tool",
        blocks=[TextBlock(text=INTERRUPTED)],
        additional_kwargs={"tool_call_id": "a", "name": "look", "is_error": True},
    )
    assert (asked.role, last.content) == ("assistant", "two")


def test_histories_of_the_factory_show_the_last_turn_as_over(call: Callable[..., Any]) -> None:
    sessions = SessionManager()
    sessions.send_messages("s", [user("one"), calling("a")])
    history = SessionKitChatMessageHistory.factory(sessions)("s")
    answer = ToolMessage(INTERRUPTED, tool_call_id="a", name="look", status="error")
    assert history.messages[2:] == [answer]
    assert len(SessionKitChatMessageHistory("s", sessions).messages) == 2


async def test_asynchronous_histories_of_the_factory_do_so_too() -> None:
    sessions = SessionManager()
    sessions.send_messages("s", [user("one"), calling("a")])
    assert len(await SessionKitChatMessageHistory.factory(sessions)("s").aget_messages()) == 3


def test_a_record_that_cannot_be_read_is_told_by_its_place_in_the_store() -> None:
    sessions = SessionManager(1)
    sessions.send_messages("s", [user("one"), calling("a"), user("two")])
    records = sessions.store.read("s").records
    broken = Record(b'{"role":"tool","content":')
    for position in range(len(records) + 1):
        stored = (*records[:position], broken, *records[position:])
        sessions.store.replace("s", Edit(stored), sessions.store.read("s").version, str(position))
        with pytest.raises(CorruptSessionError) as raised:
            SessionManager(Window(9), sessions.store).get_session("s")
        assert raised.value.position == position


def test_a_late_result_that_cannot_be_read_is_told_by_its_own_place() -> None:
    sessions = SessionManager()
    sessions.send_messages("s", [user("one"), calling("a"), user("two"), result("a")])
    *rest, _ = sessions.store.read("s").records
    broken = Record(b'{"role":"tool","content":5,"tool_call_id":"a"}')
    sessions.store.replace("s", Edit((*rest, broken)), sessions.store.read("s").version, "broken")
    assert [kind for kind, *_ in show_records((*rest, broken), over=False)] == [*rest[:2], broken, rest[2]]
    with pytest.raises(CorruptSessionError) as raised:
        sessions.get_session("s")
    assert raised.value.position == 3


roles = st.sampled_from(["user", "assistant", "system"])
said: st.SearchStrategy[Any] = st.one_of(
    st.builds(lambda role, text: {"role": role, "content": text}, roles, st.sampled_from(["x", "[tool_calls]"])),
    st.builds(lambda ids: calling(*ids), st.lists(st.sampled_from("abc"), min_size=1, max_size=2, unique=True)),
    st.builds(result, st.sampled_from("abc"), st.sampled_from(["one", "two"])),
)
conversations = st.lists(said, max_size=10)
quick = settings(max_examples=150, deadline=None)


def stored(sessions: SessionManager) -> list[Any]:
    found: list[Any] = sessions.using(PlainCodec()).snapshot("s").messages("preamble", "window")
    return found


def shown_of(messages: list[Any]) -> list[Any]:
    """Return what is shown of messages, as they are read once they are stored."""
    sessions = SessionManager(Window(50))
    sessions.send_messages("s", messages)
    return sessions.get_session("s")


@given(messages=conversations)
@quick
def test_any_session_is_shown_again_as_it_was_shown_and_stays_as_it_is(messages: list[Any]) -> None:
    sessions = SessionManager(Window(50))
    sessions.send_messages("s", messages)
    records = sessions.store.read("s").records
    shown = sessions.get_session("s")
    assert sessions.store.read("s").records == records
    assert stored(sessions) == messages
    assert shown_of(shown) == shown
    if not any(message["role"] == "tool" or "tool_calls" in message for message in messages):
        assert shown == messages


@given(messages=conversations, window=st.integers(1, 3))
@quick
def test_the_window_is_applied_first(messages: list[Any], window: int) -> None:
    sessions = SessionManager(window)
    sessions.send_messages("s", messages)
    assert sessions.get_session("s") == shown_of(stored(sessions))


indexes = st.integers(-6, 8)
operations = st.one_of(
    st.tuples(st.just("insert"), indexes, said),
    st.tuples(st.just("delete"), indexes),
    st.tuples(st.just("oldest"), st.integers(0, 5)),
    st.tuples(st.just("archive"), st.integers(0, 5)),
    st.tuples(st.just("set")),
)


@given(messages=conversations, operation=operations)
@example(
    messages=[calling("b"), user("x")], operation=("insert", -1, result("b", "one"))
)  # it takes the answer's place
@settings(max_examples=200, deadline=None)
def test_edits_by_index_do_to_what_is_shown_what_a_list_does(messages: list[Any], operation: Any) -> None:
    """Beside results that are not shown, and answers that were made up, which cannot be taken away from their calls."""
    sessions = SessionManager(Window(50))
    sessions.send_messages("s", shown_of(messages))
    sessions.send_messages("s", [])
    chats = sessions.using(PlainCodec())
    without = [message for message in stored(sessions) if message.get("content") != INTERRUPTED]
    sessions.reset_session("s")
    sessions.send_messages("s", without)  # nothing of it is hidden
    shown = sessions.get_session("s")
    method, *given_ = operation
    if method == "insert":
        index, message = given_
        chats.edit("s", edits.insert(index, chats.encode([message])))
        expected = [*shown[:index], message, *shown[index:]]
    elif method == "delete":
        (index,) = given_
        removed = chats.edit("s", edits.remove(index))
        expected = list(shown)
        if not -len(shown) <= index < len(shown) or shown[index].get("content") == INTERRUPTED:
            assert removed is None
        else:
            assert removed == expected.pop(index)
    elif method == "set":
        chats.edit("s", edits.replace_all(chats.encode(shown)))
        assert stored(sessions) == without
        expected = shown
    else:
        count = given_[0]
        pinned = [message["role"] == "system" for message in [*shown, user()]].index(False)
        start = pinned if method == "archive" else 0
        stop = max(count, start)
        edit: Any = edits.archive_oldest if method == "archive" else edits.remove_oldest
        assert chats.edit("s", edit(count)) == shown[start:stop]
        expected = [*shown[:start], *shown[stop:]]
    assert sessions.get_session("s") == shown_of([each for each in expected if each.get("content") != INTERRUPTED])


def test_hidden_results_leave_with_what_was_before_them() -> None:
    sessions = SessionManager()
    chats = sessions.using(PlainCodec())
    sessions.send_messages("s", [user("one"), result("x"), says("a"), result("y"), user("two"), result("z")])
    assert sessions.get_session("s") == [user("one"), says("a"), user("two")]
    assert chats.edit("s", edits.remove_oldest(1)) == [user("one")]
    assert stored(sessions)[0] == says("a")
    assert chats.edit("s", edits.archive_oldest(1)) == [says("a")]
    assert stored(sessions) == [user("two"), result("z")]
    chats.edit("s", edits.insert(5, chats.encode([says("end")])))
    assert stored(sessions) == [user("two"), result("z"), says("end")]
    assert chats.edit("s", edits.remove(-1)) == says("end")
    assert chats.edit("s", edits.clear_all) == [user("two")]
    assert stored(sessions) == []


async def test_the_asynchronous_chat_store_counts_what_is_shown() -> None:
    sessions = SessionManager()
    store = SessionKitAsyncChatStore(sessions=sessions)
    sessions.send_messages("s", [user("one"), calling("a"), user("two"), says("b")])
    assert await store.count_messages("s") == 5
    shown = await store.get_messages("s")
    assert (await store.get_messages("s", None), await store.get_messages("s", None, 2, 1)) == (shown, shown[1:3])
    assert await store.delete_message("s", 2) is None
    assert await store.delete_message("s", 4) == shown[4]
    assert await store.archive_oldest_messages("s", 3) == shown[:3]
    assert sessions.get_archive("s") == [user("one"), calling("a")]


def test_sessions_without_calls_are_not_looked_into() -> None:
    sessions = SessionManager()
    sessions.send_messages("s", [user("[tool_calls]"), says("no [tools]"), {"role": "system", "content": "_call"}])
    snapshot = sessions.using(PlainCodec()).snapshot("s")
    assert not concern_calls(snapshot.active, snapshot.roles)
    sessions.send_message("s", calling("a"))
    snapshot = sessions.using(PlainCodec()).snapshot("s")
    assert concern_calls(snapshot.active, snapshot.roles)
