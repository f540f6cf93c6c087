"""`undo` and `regenerate`: what they take off, what stays, and what they return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from sessionkit_integrations import (
    ConflictError,
    CorruptSessionError,
    Edit,
    InMemoryStore,
    Record,
    SessionKitAsyncChatStore,
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionManager,
    Summary,
    Usage,
    Window,
)
from sessionkit_integrations.records.codec import PlainCodec
from sessionkit_integrations.records.record import encode
from sessionkit_integrations.runtime.retries import Policy
from sessionkit_integrations.sessions import steps
from sessionkit_integrations.window.open_calls import INTERRUPTED
from tests.sessions.talk import SYSTEM, says, turns, user

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.backends import StoreMaker


def calling(*ids: str) -> Any:
    calls = [{"id": each, "type": "function", "function": {"name": "look", "arguments": "{}"}} for each in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(call_id: str, text: str = "found") -> Any:
    return {"role": "tool", "content": text, "tool_call_id": call_id, "name": "look"}


def of_five_turns(**options: Any) -> SessionManager:
    sessions = SessionManager(10, **options)
    sessions.send_messages("s", [SYSTEM, *turns(1, 5)])
    return sessions


@pytest.mark.pairwise
def test_every_store_takes_turns_off(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    sessions = SessionManager(Window(3, tokens=1000), make_store(archive=True), count_tokens=lambda _: 7)
    call(sessions, "send_messages", "s", [SYSTEM, *turns(1, 5)])
    assert call(sessions, "undo", "s") == turns(5, 5)
    assert call(sessions, "get_session", "s") == [SYSTEM, *turns(3, 4)]  # not filled up again
    assert call(sessions, "regenerate", "s") == [SYSTEM, *turns(3, 3), user("U4")]
    assert call(sessions, "regenerate", "s") == [SYSTEM, *turns(3, 3), user("U4")]
    info = call(sessions, "describe", "s")
    assert (info.turns, info.messages, info.archived, info.appended, info.tokens) == (2, 4, 4, 11, 28)
    call(sessions, "send_messages", "s", [says("A4"), *turns(6, 7)])
    assert call(sessions, "get_session", "s") == [SYSTEM, *turns(4, 4), *turns(6, 7)]
    assert call(sessions, "undo", "s", 9) == [*turns(4, 4), *turns(6, 7)]
    assert call(sessions, "get_session", "s") == [SYSTEM]
    assert call(sessions, "get_archive", "s") == turns(1, 3)
    assert call(sessions, "undo", "s") == []
    assert call(sessions, "regenerate", "s") == [SYSTEM]


@pytest.mark.parametrize(("count", "left"), [(1, 4), (2, 3), (5, 0), (9, 0)])
def test_undone_turns_can_be_put_back(count: int, left: int) -> None:
    sessions = of_five_turns()
    before = sessions.get_session("s")
    undone = sessions.undo("s", count)
    assert undone == turns(left + 1, 5)
    assert sessions.get_session("s") == [SYSTEM, *turns(1, left)]
    sessions.send_messages("s", undone)
    assert sessions.get_session("s") == before


def test_a_session_of_which_nothing_is_left_is_over() -> None:
    sessions = SessionManager()
    sessions.add_user_message("s", "U1")
    assert sessions.undo("s") == [user("U1")]
    assert (list(sessions.list_sessions()), sessions.undo("s"), sessions.regenerate("s")) == ([], [], [])


def test_a_greeting_is_a_turn_and_has_no_question() -> None:
    sessions = SessionManager()
    sessions.add_assistant_message("s", "Welcome!")
    assert sessions.regenerate("s") == [says("Welcome!")]
    sessions.send_messages("s", turns(1, 1))
    assert sessions.undo("s") == turns(1, 1)
    assert sessions.undo("s") == [says("Welcome!")]


def test_what_is_outside_the_window_leaves_as_by_every_edit() -> None:
    store = InMemoryStore(archive=True)
    SessionManager(10, store).send_messages("s", turns(1, 5))
    sessions = SessionManager(2, store)
    assert sessions.undo("s") == turns(5, 5)
    assert (sessions.get_archive("s"), sessions.get_session("s")) == (turns(1, 3), turns(4, 4))


def test_a_summary_stays_whatever_is_taken_off() -> None:
    sessions = SessionManager(2, summary=Summary(lambda _, __: "So far.", every=None))
    sessions.send_messages("s", [SYSTEM, *turns(1, 5)])
    summary = sessions.summarize("s")
    assert sessions.undo("s", 9) == turns(4, 5)
    assert (sessions.get_summary("s"), [each["role"] for each in sessions.get_session("s")]) == (
        summary,
        ["system", "system"],
    )
    assert sessions.regenerate("s") == sessions.get_session("s")


def test_open_calls_are_returned_as_they_are_stored() -> None:
    sessions = SessionManager()
    written = [user("U1"), calling("a", "b"), result("b"), user("U2"), calling("c")]
    sessions.send_messages("s", written)
    assert INTERRUPTED in str(sessions.get_session("s"))
    assert sessions.undo("s", 2) == written
    sessions.send_messages("s", written)
    assert sessions.undo("s", 1) == written[3:]
    assert sessions.get_session("s") == written[:3]  # the call is open again, and may be running


def test_a_late_result_stays_with_its_call_and_leaves_with_it() -> None:
    sessions = SessionManager()
    asked, late = [user("U1"), calling("a")], result("a", "late")
    sessions.send_messages("s", [*asked, user("U2"), late, says("A2")])
    assert sessions.regenerate("s") == [*asked, late, user("U2")]
    assert sessions.undo("s") == [user("U2")]
    assert sessions.get_session("s") == [*asked, late]
    sessions.add_user_message("s", "U2")
    assert sessions.undo("s", 2) == [*asked, late, user("U2")]


def test_a_result_whose_call_is_gone_leaves_unseen() -> None:
    sessions = SessionManager()
    sessions.send_messages("s", [*turns(1, 1), user("U2"), result("gone")])
    assert sessions.undo("s") == [user("U2")]
    assert [record[:14] for record in sessions.store.read("s").records] == [b'{"role":"user"', b'{"role":"assis']


_ids = st.sampled_from(["a", "b"])
_messages = st.one_of(
    st.just(user("U")),
    st.just(user("U")),
    st.just(says("A")),
    st.just(SYSTEM),
    st.builds(result, _ids),
    st.lists(_ids, min_size=1, max_size=2, unique=True).map(lambda ids: calling(*ids)),
)


def stored_of(messages: Sequence[Any]) -> list[Any]:
    return [message for message in messages if message.get("content") != INTERRUPTED]


@given(st.lists(_messages, min_size=1, max_size=12), st.integers(1, 4))
def test_what_the_model_saw_is_what_is_left_and_what_was_taken_off(messages: list[Any], count: int) -> None:
    sessions = SessionManager(20)
    sessions.send_messages("s", messages)
    questions = sum(message["role"] == "user" for message in messages)
    plain = sessions.using(PlainCodec())
    before = plain.snapshot("s", over=questions > 0).shown_messages()
    undone = sessions.undo("s", count)
    after = plain.snapshot("s", over=True).shown_messages()
    assert stored_of(before) == stored_of(after) + undone
    taken = sum(message["role"] == "user" for message in undone)
    assert taken == min(count, questions)
    assert taken < count or undone[0]["role"] == "user"


@given(st.lists(_messages, min_size=1, max_size=12))
def test_a_prompt_again_is_the_prompt_that_there_was(messages: list[Any]) -> None:
    last = max((position for position, each in enumerate(messages) if each["role"] == "user"), default=None)
    sessions = SessionManager(20)
    if last is None:
        sessions.send_messages("s", messages)
        assert sessions.regenerate("s") == sessions.get_session("s")
        return
    sessions.send_messages("s", messages[:last])
    prompt = sessions.prompt("s", "U")
    sessions.send_messages("s", [each for each in messages[last + 1 :] if each["role"] != "tool"])
    assert sessions.regenerate("s") == prompt
    assert sessions.get_session("s") == prompt


@pytest.mark.parametrize("method", ["undo", "regenerate"])
def test_others_who_write_meanwhile_lose_nothing(
    method: str, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = of_five_turns()
    replace, written = InMemoryStore.replace, iter([user("U6")])

    def late(store: InMemoryStore, *args: Any) -> None:
        for message in written:  # once
            sessions.send_message("s", message)
        replace(store, *args)

    monkeypatch.setattr(InMemoryStore, "replace", late)
    found = call(sessions, method, "s")
    assert found == ([user("U6")] if method == "undo" else [SYSTEM, *turns(1, 5), user("U6")])


def test_faster_writers_are_a_conflict_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = of_five_turns()

    def refuse(*_args: Any) -> None:
        raise ConflictError("faster")

    monkeypatch.setattr(InMemoryStore, "replace", refuse)
    monkeypatch.setattr(steps, "CONFLICT_POLICY", Policy(steps.CONFLICT_POLICY.backoff, attempts=2))
    with pytest.raises(ConflictError):
        sessions.undo("s")


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (0, ValueError, "turns must be at least 1, got 0"),
        (-1, ValueError, "turns must be at least 1, got -1"),
        (True, TypeError, "turns must be an integer, got bool"),
        ("2", TypeError, "turns must be an integer, got str"),
        (None, TypeError, "turns must be an integer, got NoneType"),
    ],
)
def test_bad_numbers_take_nothing_off(given: Any, error: type[Exception], said: str, call: Callable[..., Any]) -> None:
    sessions = of_five_turns()
    with pytest.raises(error, match=said):
        call(sessions, "undo", "s", given)
    assert sessions.get_session("s") == [SYSTEM, *turns(1, 5)]


def test_what_cannot_be_read_is_not_taken_off() -> None:
    sessions = SessionManager()
    good, bad = encode(user("U"), 0), Record(b'{"role":"assistant",')
    sessions.store.replace("s", Edit((good, bad, good, bad)), None, "1")
    for method in (sessions.undo, sessions.regenerate):
        with pytest.raises(CorruptSessionError):
            method("s")
    assert sessions.store.read("s").records == (good, bad, good, bad)
    sessions.store.replace("s", Edit((good, bad)), None, "2")
    assert sessions.regenerate("s") == [user("U")]  # an answer that cannot be read can be made again


def test_frameworks_get_their_own_messages(call: Callable[..., Any]) -> None:
    sessions = SessionManager()
    history = SessionKitChatMessageHistory("s", sessions)
    said = [HumanMessage("U1", id="1"), AIMessage("A1", id="2", usage_metadata=None)]
    history.add_messages(said)
    assert call(history, "undo") == said
    assert history.messages == []
    in_run = SessionKitChatMessageHistory.factory(sessions)("s")
    in_run.add_messages(said)
    assert in_run.messages == said
    assert call(in_run, "undo") == said
    assert in_run.messages == []  # and not what the run read at first
    store = SessionKitChatStore(sessions=sessions)
    asked = [ChatMessage(role="user", content=f"U{number}", additional_kwargs={"n": number}) for number in (1, 2, 3)]
    store.set_messages("s", asked)
    assert call(store, "undo", "s", 2) == asked[1:]
    assert store.get_messages("s") == asked[:1]


async def test_the_asynchronous_chat_store_undoes_as_well() -> None:
    store = SessionKitAsyncChatStore(sessions=SessionManager(1), evict=False)
    asked = [ChatMessage(role="user", content=f"U{number}") for number in (1, 2, 3)]
    await store.add_messages("s", asked)
    assert await store.undo("s", 2) == asked[1:]
    assert await store.get_messages("s") == asked[:1]


def test_usage_that_was_taken_off_stays_counted() -> None:
    usage: Any = {"input_tokens": 10, "output_tokens": 1, "total_tokens": 11}
    sessions = SessionManager()
    sessions.send_message("s", SYSTEM)  # of an empty session nothing would stay counted
    history = SessionKitChatMessageHistory("s", sessions)
    said = [HumanMessage("U1"), AIMessage("A1", usage_metadata=usage)]
    history.add_messages(said)

    def totals() -> object:
        info = sessions.describe("s")
        return info and info.usage

    undone = history.undo()
    assert undone == said
    history.add_messages(undone)
    assert totals() == (Usage(20, 2),)
    sessions.send_messages("s", sessions.undo("s"))
    assert totals() == (Usage(20, 2),)
    assert history.messages[-1].usage_metadata is None  # type: ignore[attr-defined]
