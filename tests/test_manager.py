"""`SessionManager` on every store, sync and async."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import (
    Appended,
    ConflictError,
    Edit,
    InMemoryStore,
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionManager,
    Store,
    Window,
)
from sessionkit_integrations.records.codec import PlainCodec
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.runtime.retries import Backoff
from sessionkit_integrations.sessions.edits import EditPlan
from sessionkit_integrations.sessions.steps import CONFLICT_POLICY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sessionkit_integrations import Message
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot
    from tests.backends import StoreMaker


def user(content: str) -> Any:
    return {"role": "user", "content": content}


def assistant(content: str) -> Any:
    return {"role": "assistant", "content": content}


def system(content: str) -> Any:
    return {"role": "system", "content": content}


def test_messages_by_role_and_in_batches(store: Store, call: Callable[..., Any]) -> None:
    sessions = SessionManager(store=store)
    call(sessions, "add_system_message", "s", "Be brief.")
    call(sessions, "add_user_message", "s", "Hello")
    call(sessions, "add_assistant_message", "s", [{"type": "text", "text": "Hi"}])
    call(sessions, "send_message", "s", user("Bye"))
    call(sessions, "send_messages", "s", [assistant("Bye!"), user("Wait"), assistant("Yes?")])
    call(sessions, "send_messages", "s", [])
    assert call(sessions, "get_session", "s") == [
        system("Be brief."),
        user("Hello"),
        assistant([{"type": "text", "text": "Hi"}]),  # type: ignore[arg-type]
        user("Bye"),
        assistant("Bye!"),
        user("Wait"),
        assistant("Yes?"),
    ]


def test_sessions_are_isolated_and_reset(store: Store, call: Callable[..., Any]) -> None:
    sessions = SessionManager(store=store)
    call(sessions, "add_user_message", "a", "for a")
    call(sessions, "add_user_message", "b", "for b")
    call(sessions, "reset_session", "a")
    assert call(sessions, "get_session", "a") == []
    assert call(sessions, "get_session", "b") == [user("for b")]
    assert list(sessions.list_sessions()) == ["b"]


def test_window_shrinks_at_the_next_read_and_grows_again(store: Store, call: Callable[..., Any]) -> None:
    sessions = SessionManager(3, store)
    for number in range(5):
        call(sessions, "send_messages", "s", [user(f"U{number}"), assistant(f"A{number}")])
    assert len(call(sessions, "get_session", "s")) == 6
    sessions.memory_window = 1
    assert call(sessions, "get_session", "s") == [user("U4"), assistant("A4")]
    sessions.memory_window = Window(2)
    assert call(sessions, "get_session", "s") == [user("U3"), assistant("A3"), user("U4"), assistant("A4")]
    assert sessions.memory_window == 2


def test_window_holds_for_what_another_process_wrote_with_a_larger_one(store: Store, call: Callable[..., Any]) -> None:
    SessionManager(10, store).send_messages("s", [user(str(number)) for number in range(10)])
    assert call(SessionManager(2, store), "get_session", "s") == [user("8"), user("9")]


def test_system_message_is_replaced_and_the_conversation_stays(store: Store, call: Callable[..., Any]) -> None:
    sessions = SessionManager(store=store)
    call(sessions, "set_system_message", "s", "first")
    call(sessions, "send_messages", "s", [system("second"), user("Hello"), system("inside")])
    call(sessions, "set_system_message", "s", "third")
    assert call(sessions, "get_session", "s") == [system("third"), system("second"), user("Hello"), system("inside")]


def test_idempotency_key_writes_once_for_each_session(store: Store, call: Callable[..., Any]) -> None:
    sessions = SessionManager(store=store)
    for _ in range(3):
        call(sessions, "send_message", "a", user("once"), idempotency_key="request-1")
        call(sessions, "send_messages", "b", [user("once")], idempotency_key="request-1")
    call(sessions, "send_message", "a", user("twice"), idempotency_key="request-2")
    assert call(sessions, "get_session", "a") == [user("once"), user("twice")]
    assert call(sessions, "get_session", "b") == [user("once")]


def test_archive_keeps_what_leaves_also_by_edits(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    sessions = SessionManager(3, make_store(archive=True))
    call(sessions, "send_messages", "s", [user("1"), user("2"), user("3")])
    sessions.memory_window = 1
    call(sessions, "set_system_message", "s", "new")
    assert call(sessions, "get_session", "s") == [system("new"), user("3")]
    assert call(sessions, "get_archive", "s") == [user("1"), user("2")]


def test_what_is_returned_is_the_callers_own(store: Store) -> None:
    sessions = SessionManager(store=store)
    message = {"role": "user", "content": [{"type": "text", "text": "x"}]}
    sessions.send_message("s", message)  # type: ignore[arg-type]
    message["content"][0]["text"] = "changed before reading"  # type: ignore[index]
    read = sessions.get_session("s")
    read[0]["content"][0]["text"] = "changed after reading"  # type: ignore[index]
    read.clear()
    assert sessions.get_session("s") == [user([{"type": "text", "text": "x"}])]  # type: ignore[arg-type]


def test_listing_is_asynchronous_too(store: Store) -> None:
    sessions = SessionManager(store=store)
    sessions.add_user_message("a", "x")

    async def listed() -> list[str]:
        async with sessions:
            return [session_id async for session_id in sessions.alist_sessions()]

    assert asyncio.run(listed()) == ["a"]


def test_memory_is_kept_between_processes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/chats.db"
    with SessionManager.from_url(url) as first:
        first.add_user_message("s", "Remember me")
    with SessionManager.from_url(url) as second:
        assert second.get_session("s") == [user("Remember me")]


class NeverQuiet(InMemoryStore):
    """A store in which somebody else always writes between the read and the write of an edit."""

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        self.append(
            session_id, [Record(b'{"role":"user","content":"me first"}')], Window(1000), f"other-{operation_id}"
        )
        super().replace(session_id, edit, expected, operation_id)


def test_an_edit_gives_up_after_bounded_retries(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fast = replace(CONFLICT_POLICY, backoff=Backoff(0, 0.001))
    monkeypatch.setattr("sessionkit_integrations.sessions.steps.CONFLICT_POLICY", fast)
    sessions = SessionManager(1000, NeverQuiet())
    with pytest.raises(ConflictError):
        call(sessions, "set_system_message", "s", "never")
    assert call(sessions, "get_session", "s") == [user("me first")] * 100


def test_an_edit_that_changes_nothing_writes_nothing(store: Store) -> None:
    sessions = SessionManager(store=store)
    assert sessions._plain.edit("s", lambda _records: EditPlan("result")) == "result"
    assert list(sessions.list_sessions()) == []


def test_deleting_all_messages_leaves_nothing_in_the_archive(make_store: StoreMaker) -> None:
    sessions = SessionManager(10, make_store(archive=True))
    sessions.send_messages("s", [user(str(number)) for number in range(4)])
    sessions.memory_window = 1
    assert SessionKitChatStore(sessions=sessions).delete_messages("s")
    assert (sessions.get_session("s"), sessions.get_archive("s"), list(sessions.list_sessions())) == ([], [], [])


def test_a_system_message_that_is_there_is_not_written_again(store: Store) -> None:
    sessions = SessionManager(store=store)
    sessions.set_system_message("s", "Be brief.")
    before = store.read("s").version
    sessions.set_system_message("s", "Be brief.")
    assert store.read("s").version == before


@pytest.mark.parametrize("given", [InMemoryStore, "redis://user:secret@localhost", object()])
def test_what_is_no_store_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="store must be an instance") as raised:
        SessionManager(store=given)
    assert "secret" not in str(raised.value)


def wrong(value: object) -> Any:
    """Return a value of another type than the parameter that it is given to."""
    return value


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (SessionManager, "memory_window must be a number of turns .*, got InMemoryStore; pass it"),
        (
            lambda store: SessionManager(store, wrong(10)),
            "memory_window must be a number of turns .*, got InMemoryStore",
        ),
        (
            lambda _: SessionManager(wrong("redis://:secret@localhost")),
            "memory_window must be a number of turns .* got str",
        ),
        (
            lambda _: SessionKitChatMessageHistory(wrong(SessionManager()), wrong("s")),
            "sessions must be a SessionManager, got str",
        ),
        (lambda _: SessionManager(count_tokens=wrong(3)), "count_tokens must be a callable, got int"),
        (lambda _: SessionManager(summary=wrong(str)), "summary must be a Summary, got the class str; make one"),
        (lambda store: SessionKitChatMessageHistory("s", store), r"got InMemoryStore; make one with SessionManager\("),
        (lambda _: SessionKitChatMessageHistory("s", wrong(SessionManager)), "got the class SessionManager"),
        (SessionKitChatMessageHistory.factory, "sessions must be a SessionManager, got InMemory"),
    ],
)
def test_swapped_and_wrong_objects_are_named(make: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message) as raised:
        make(InMemoryStore())
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("window", "shown"),
    [
        (5, "5"),
        (Window(5, 7), "5"),
        (Window(tokens=9), "Window(turns=None, max_turn_messages=1000, tokens=9)"),
        (Window(5, trigger_turns=9), "Window(turns=5, max_turn_messages=1000, trigger_turns=9)"),
    ],
)
def test_the_repr_of_a_manager_shows_what_limits_its_window(window: int | Window, shown: str) -> None:
    assert repr(SessionManager(window)).startswith(f"SessionManager(memory_window={shown}, store=")


class Silent(InMemoryStore):
    """A store whose appends return nothing that they are asked for."""

    def append(self, *args: Any, **_options: Any) -> Appended:
        super().append(*args)
        return Appended()


def test_a_prompt_is_read_from_a_store_that_does_not_return_it(call: Callable[..., Any]) -> None:
    sessions = SessionManager(store=Silent())
    assert call(sessions, "prompt", "s", "Hello") == [user("Hello")]


def test_an_idempotency_key_is_a_string() -> None:
    with pytest.raises(TypeError, match="idempotency_key"):
        SessionManager().send_message("s", user("x"), idempotency_key=5)  # type: ignore[arg-type]  # that is the point


def test_copies_are_on_the_same_sessions() -> None:
    chat_store = SessionKitChatStore(sessions=SessionManager())
    assert copy.deepcopy(chat_store).sessions is chat_store.sessions


def test_messages_may_come_from_an_iterator(call: Callable[..., Any]) -> None:
    with SessionManager() as sessions:
        messages: Any = ({"role": "user", "content": content} for content in "ab")
        call(sessions, "send_messages", "s", messages)
        assert [each["content"] for each in call(sessions, "get_session", "s")] == ["a", "b"]


def test_an_edit_has_one_window_whatever_another_thread_assigns_meanwhile() -> None:
    sessions = SessionManager(2, InMemoryStore(archive=True))
    writer = SessionManager(9, sessions.store)
    for content in "123456":
        writer.add_user_message("s", content)

    def edit(session: SessionSnapshot[Message]) -> EditPlan[None]:
        sessions.memory_window = 9
        return EditPlan(None, active=session.kept[:-1])

    sessions.using(PlainCodec()).edit("s", edit)
    assert [each["content"] for each in sessions.get_archive("s")] == ["1", "2", "3", "4"]
    assert [each["content"] for each in sessions.get_session("s")] == ["5"]
