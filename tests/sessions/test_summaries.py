"""Summaries of what left the window: the three modes, every store, every writer."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import Memory

from sessionkit_integrations import (
    InMemoryStore,
    SessionKitAsyncChatStore,
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionKitMemory,
    SessionManager,
    Store,
    Summary,
    SummaryError,
    Window,
)
from sessionkit_integrations.records.record import counted_tokens, decode
from sessionkit_integrations.sessions.summaries import HEADING, MOST_TURNS
from tests.sessions.scripted import Scripted, contents, said, turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import StoreMaker


def shown(*numbers: int, heading: str = HEADING) -> str:
    """Return the content of the message that summarises some turns."""
    return f"{heading}\n\n{said(*numbers)}" if heading else said(*numbers)


def summarized(sessions: SessionManager, *numbers: int) -> None:
    """Send turns, each of which may be followed by a summary."""
    for number in numbers:
        sessions.send_messages("s", turn(number))


def made(store: Store | None = None, window: int | Window = 2, **options: Any) -> tuple[SessionManager, Scripted]:
    """Return sessions that are summarised before a write returns, and their summarizer."""
    scripted = Scripted()
    summary = Summary(scripted, **{"every": 2, "background": False, **options})
    return SessionManager(window, store, summary=summary), scripted


@pytest.mark.pairwise
@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("mode", [{"background": True}, {"background": False}, {"every": None}])
def test_turns_that_left_become_a_summary(
    make_store: StoreMaker, call: Callable[..., Any], archive: bool, mode: dict[str, Any]
) -> None:
    sessions, scripted = made(make_store(archive=archive), **mode)
    call(sessions, "add_system_message", "s", "pinned")
    for number in range(5):
        call(sessions, "send_messages", "s", turn(number))
        call(sessions, "close")  # waits for what goes on in the background
    if mode == {"every": None}:
        assert call(sessions, "get_summary", "s") is None
        assert contents(call(sessions, "get_archive", "s")) == said(0, 1, 2).split()
        summary = call(sessions, "summarize", "s")
        assert (summary.text, scripted.given) == (said(0, 1, 2), [(None, said(0, 1, 2).split())])
    else:
        assert contents(call(sessions, "get_session", "s")) == ["pinned", shown(0, 1), *said(3, 4).split()]
        assert contents(call(sessions, "get_archive", "s")) == said(*((0, 1, 2) if archive else (2,))).split()
        info = call(sessions, "describe", "s")
        assert (info.waiting, info.summarized, info.archived, info.turns) == (2, 4, 6 if archive else 2, 2)
        summary = call(sessions, "get_summary", "s")
        assert (summary.text, summary.turns, summary.messages) == (said(0, 1), 2, 4)
        assert info.summary == summary
        assert summary.until <= summary.at
        summary = call(sessions, "summarize", "s")
        assert scripted.given == [(None, said(0, 1).split()), (said(0, 1), said(2).split())]
    assert (summary.text, summary.turns, summary.messages) == (said(0, 1, 2), 3, 6)
    assert call(sessions, "summarize", "s") == call(sessions, "get_summary", "s") == summary
    assert contents(call(sessions, "get_session", "s")) == ["pinned", shown(0, 1, 2), *said(3, 4).split()]
    assert contents(call(sessions, "get_archive", "s")) == (said(0, 1, 2).split() if archive else [])


@pytest.mark.pairwise
def test_a_prompt_holds_the_summary_that_it_caused(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    sessions, _ = made(make_store(), 1)
    for number in range(2):
        call(sessions, "send_messages", "s", turn(number))
    assert contents(call(sessions, "prompt", "s", "q2")) == [shown(0, 1), "q2"]
    assert contents(call(sessions, "prompt", "s", "q3")) == [shown(0, 1), "q3"]


def write_plain(sessions: SessionManager, number: int) -> None:
    sessions.send_messages("s", turn(number))


def write_langchain(sessions: SessionManager, number: int) -> None:
    history = SessionKitChatMessageHistory("s", sessions)
    history.add_user_message(f"q{number}")
    history.add_ai_message(f"a{number}")


def chat_messages(number: int) -> list[ChatMessage]:
    return [ChatMessage(**message) for message in turn(number)]


def write_chat_store(sessions: SessionManager, number: int) -> None:
    store = SessionKitChatStore(sessions=sessions)
    for message in chat_messages(number):
        store.add_message("s", message)


def write_async_chat_store(sessions: SessionManager, number: int) -> None:
    store = SessionKitAsyncChatStore(sessions=sessions)
    asyncio.run(store.add_messages("s", chat_messages(number)))


def write_memory(sessions: SessionManager, number: int) -> None:
    memory = SessionKitMemory.from_defaults("s", sessions=sessions)
    asyncio.run(memory.aput_messages(chat_messages(number)))  # its synchronous methods leave an event loop open


def write_history(sessions: SessionManager, number: int) -> None:
    """Set all of the history again, as an engine does that is given it."""
    store = SessionKitChatStore(sessions=sessions)
    store.set_messages("s", [*store.get_messages("s"), *chat_messages(number)])


@pytest.mark.pairwise
@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize(
    "write", [write_plain, write_langchain, write_chat_store, write_async_chat_store, write_memory, write_history]
)
def test_every_writer_leaves_turns_for_a_summary(
    make_store: StoreMaker, write: Callable[[SessionManager, int], None], archive: bool
) -> None:
    sessions, scripted = made(make_store(archive=archive))
    sessions.add_system_message("s", "pinned")
    for number in range(7):
        write(sessions, number)
    assert contents(sessions.get_session("s")) == ["pinned", shown(0, 1, 2, 3), *said(5, 6).split()]
    assert contents(sessions.get_archive("s")) == said(*((0, 1, 2, 3, 4) if archive else (4,))).split()
    assert scripted.given == [(None, said(0, 1).split()), (said(0, 1), said(2, 3).split())]


@pytest.mark.parametrize("archive", [False, True])
def test_what_a_memory_archives_itself_is_summarised(archive: bool) -> None:
    sessions, scripted = made(InMemoryStore(archive=archive), 3)
    store = SessionKitAsyncChatStore(sessions=sessions, evict=False)

    async def write() -> None:
        memory: Any = Memory.from_defaults(
            session_id="s",
            chat_store=store,
            token_limit=10,
            token_flush_size=1,
            chat_history_token_ratio=1.0,
            tokenizer_fn=str.split,
        )
        for number in range(12):
            await memory.aput_messages(chat_messages(number))

    asyncio.run(write())
    info = sessions.describe("s")
    assert info is not None
    assert info.summary is not None
    assert len(scripted.given) > 1
    waiting = contents(sessions.get_archive("s"))[info.archived - info.waiting :]
    active = contents(map(decode, sessions.store.read("s").records))[1:]
    assert [*info.summary.text.split(), *waiting, *active] == said(*range(12)).split()
    assert info.archived == (24 - len(active) if archive else len(waiting))


@pytest.mark.pairwise
@pytest.mark.parametrize("archive", [False, True])
def test_turns_wait_whoever_evicts_them_once_there_is_a_summary(make_store: StoreMaker, archive: bool) -> None:
    store = make_store(archive=archive)
    others = SessionManager(1, store)
    sessions, scripted = made(store)
    summarized(others, 0, 1)
    assert contents(sessions.get_archive("s")) == (said(0).split() if archive else [])
    summarized(sessions, 2, 3, 4)
    assert contents(sessions.get_session("s")) == [shown(1, 2), *said(3, 4).split()]
    summarized(others, 5, 6)
    assert contents(sessions.get_session("s")) == [shown(1, 2), *said(6).split()]
    assert contents(sessions.get_archive("s")) == said(*((0, 1, 2, 3, 4, 5) if archive else (3, 4, 5))).split()
    summarized(sessions, 7)
    assert contents(sessions.get_session("s")) == [shown(1, 2, 3, 4, 5), *said(6, 7).split()]
    assert scripted.given == [(None, said(1, 2).split()), (said(1, 2), said(3, 4, 5).split())]


@pytest.mark.pairwise
def test_edits_leave_the_summary_alone(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    sessions, _ = made(make_store())
    summarized(sessions, 0, 1, 2, 3)
    call(sessions, "set_system_message", "s", "pinned")
    assert contents(call(sessions, "get_session", "s")) == ["pinned", shown(0, 1), *said(2, 3).split()]
    call(sessions, "set_system_message", "s", "another")
    assert contents(call(sessions, "get_session", "s")) == ["another", shown(0, 1), *said(2, 3).split()]
    assert call(sessions, "get_summary", "s").text == said(0, 1)


@pytest.mark.pairwise
@pytest.mark.parametrize("heading", [HEADING, ""])
def test_a_history_that_is_set_again_keeps_the_newest_summary(make_store: StoreMaker, heading: str) -> None:
    sessions, _ = made(make_store(), heading=heading)
    store = SessionKitChatStore(sessions=sessions)
    sessions.add_system_message("s", "pinned")
    summarized(sessions, 0, 1, 2, 3)
    read = store.get_messages("s")
    store.set_messages("s", read)
    assert (store.get_messages("s"), sessions.get_summary("s").text) == (read, said(0, 1))  # type: ignore[union-attr]
    if heading:
        summarized(sessions, 4, 5)
        store.set_messages("s", read)
        assert contents(sessions.get_session("s")) == ["pinned", shown(0, 1, 2, 3), *said(2, 3).split()]
        assert sessions.get_summary("s").text == said(0, 1, 2, 3)  # type: ignore[union-attr]
    store.set_messages("s", chat_messages(6))
    assert contents(sessions.get_session("s")) == said(6).split()
    assert sessions.get_summary("s") is None


def test_a_summary_that_was_deleted_begins_again(make_store: StoreMaker) -> None:
    sessions, scripted = made(make_store())
    store = SessionKitChatStore(sessions=sessions)
    summarized(sessions, 0, 1, 2, 3)
    deleted = store.delete_message("s", 0)
    assert deleted is not None
    assert deleted.content == shown(0, 1)
    assert sessions.get_summary("s") is None
    store.add_message("s", chat_messages(9)[0], idx=0)  # evicts what is oldest, which is itself
    summarized(sessions, 4)
    assert scripted.given[-1] == (None, ["q9", *said(2).split()])
    assert contents(sessions.get_session("s")) == [f"{HEADING}\n\nq9 {said(2)}", *said(3, 4).split()]


def test_an_edit_that_evicts_begins_a_summary() -> None:
    sessions, scripted = made(every=1)
    store = SessionKitChatStore(sessions=sessions)
    summarized(sessions, 0, 1)
    store.add_message("s", chat_messages(2)[0], idx=2)
    assert scripted.given == [(None, said(0).split())]
    assert contents(sessions.get_session("s")) == [shown(0), "q2", *said(1).split()]


@pytest.mark.pairwise
def test_a_session_that_is_reset_begins_again(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    sessions, scripted = made(make_store(archive=True))
    summarized(sessions, 0, 1, 2, 3, 4)
    call(sessions, "reset_session", "s")
    assert call(sessions, "get_summary", "s") is call(sessions, "summarize", "s") is None
    assert call(sessions, "describe", "s") is None
    for number in range(4):
        call(sessions, "send_messages", "s", turn(number))
    assert scripted.given[1:] == [(None, said(0, 1).split())]
    summary = call(sessions, "get_summary", "s")
    assert (summary.turns, summary.messages, summary.text) == (2, 4, said(0, 1))


def test_a_session_that_ends_begins_again(make_store: StoreMaker) -> None:
    sessions, scripted = made(make_store(ttl=0.5))
    summarized(sessions, 0, 1, 2, 3, 4)
    assert sessions.get_summary("s") is not None
    time.sleep(0.6)
    assert (sessions.get_session("s"), sessions.get_archive("s"), sessions.get_summary("s")) == ([], [], None)
    summarized(sessions, 5, 6, 7)
    assert contents(sessions.get_archive("s")) == said(5).split()
    assert len(scripted.given) == 1


def test_a_summary_renews_the_time_that_a_session_has(make_store: StoreMaker) -> None:
    sessions, _ = made(make_store(ttl=0.8), every=None)
    summarized(sessions, 0, 1, 2, 3)
    time.sleep(0.5)
    sessions.summarize("s")
    time.sleep(0.5)
    assert contents(sessions.get_session("s")) == [shown(0, 1), *said(2, 3).split()]


def characters(message: Any) -> int:
    return len(message["content"])


@pytest.mark.pairwise
def test_a_summary_too_long_for_the_window_makes_turns_leave(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    texts = iter(["x" * 30, "y" * 10])
    window = Window(tokens=20, trigger_tokens=28)
    summary = Summary(lambda _previous, _messages: next(texts), every=1, background=False, heading="")
    sessions = SessionManager(window, make_store(), summary=summary, count_tokens=characters)
    for number in range(7):
        call(sessions, "send_messages", "s", turn(number))  # of 4 tokens each
    assert call(sessions, "get_summary", "s") is None
    assert sessions.describe("s").tokens == 28  # type: ignore[union-attr]
    call(sessions, "send_messages", "s", turn(7))
    assert contents(call(sessions, "get_session", "s")) == ["x" * 30, *said(7).split()]
    info = call(sessions, "describe", "s")
    assert (info.tokens, info.turns, info.waiting) == (50, 5, 0)  # the next write evicts
    call(sessions, "send_messages", "s", turn(8))
    assert contents(call(sessions, "get_session", "s")) == ["y" * 10, *said(8).split()]
    assert call(sessions, "get_summary", "s").turns == 8


@pytest.mark.parametrize("tokens", [1_000, None])
def test_a_summary_made_elsewhere_is_counted_where_messages_are(tokens: int | None) -> None:
    """As ``sessionkit summarize`` makes one, which knows of no window."""
    store = InMemoryStore()
    writer, _ = made(store, Window(2, tokens=tokens), every=None)
    summarized(writer, *range(5))
    elsewhere, _ = made(store, every=None)
    assert elsewhere.summarize("s") is not None
    assert (counted_tokens(store.read("s").records[0]) is None) is (tokens is None)


def test_a_heading_may_change(make_store: StoreMaker) -> None:
    store = make_store()
    sessions, first = made(store, heading="Earlier:")
    summarized(sessions, 0, 1, 2, 3)
    assert contents(sessions.get_session("s"))[0] == f"Earlier:\n\n{said(0, 1)}"
    for heading, number in (("", 4), ("Before:", 5)):
        sessions, scripted = made(store, heading=heading, every=1)
        summarized(sessions, number)
        before = tuple(range(number - 2))
        assert scripted.given == [(said(*before), said(number - 2).split())]
        assert contents(sessions.get_session("s"))[0] == shown(*before, number - 2, heading=heading)
    assert len(first.given) == 1


@pytest.mark.pairwise
def test_a_long_wait_is_made_up_for_in_parts(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    sessions, scripted = made(make_store(), 1, every=None)
    sessions.send_messages("s", [message for number in range(2 * MOST_TURNS + 8) for message in turn(number)])
    summary = call(sessions, "summarize", "s")
    assert [len(messages) for _, messages in scripted.given] == [2 * MOST_TURNS, 2 * MOST_TURNS, 14]
    assert (summary.turns, summary.text) == (2 * MOST_TURNS + 7, said(*range(2 * MOST_TURNS + 7)))
    assert call(sessions, "describe", "s").waiting == 0


def test_a_turn_longer_than_what_is_read_at_once_is_summarised_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessionkit_integrations.sessions.summaries.MOST_RECORDS", 4)
    sessions, scripted = made(window=1, every=None)
    answers = [{"role": "assistant", "content": f"a{number}"} for number in range(6)]
    sessions.send_messages("s", [{"role": "user", "content": "q"}, *answers, *turn(7), *turn(8)])  # type: ignore[list-item]
    summary = sessions.summarize("s")
    assert [messages for _, messages in scripted.given] == [
        ["q", "a0", "a1", "a2"],
        ["a3", "a4", "a5"],
        ["q7", "a7"],
    ]
    assert summary is not None
    assert (summary.messages, summary.text) == (9, "q a0 a1 a2 a3 a4 a5 q7 a7")


def test_the_summarizer_sees_calls_of_turns_that_are_over_answered() -> None:
    given: list[Any] = []

    def summarize(_previous: str | None, messages: list[Any]) -> str:
        given.extend(messages)
        return "text"

    sessions = SessionManager(1, summary=Summary(summarize, every=1, background=False))
    called: Any = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    sessions.send_messages("s", [{"role": "user", "content": "q"}, called, {"role": "user", "content": "r"}])
    assert [message["role"] for message in given] == ["user", "assistant", "tool"]


def test_a_manager_without_a_summarizer_says_so(call: Callable[..., Any]) -> None:
    sessions = SessionManager(1)
    with pytest.raises(SummaryError, match="make the SessionManager with summary=Summary"):
        call(sessions, "summarize", "s")
    assert call(sessions, "get_summary", "s") is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"summarize": "text"}, TypeError, "summarize must be a callable, got str"),
        ({"summarize": str, "every": "5"}, TypeError, "every must be a number of turns or None, got str"),
        ({"summarize": str, "every": True}, TypeError, "every must be a number of turns or None, got bool"),
        ({"summarize": str, "every": 0}, ValueError, "every must be at least 1 turn, got 0"),
        ({"summarize": str, "background": "no"}, TypeError, "background must be a bool, got str"),
        ({"summarize": str, "heading": None}, TypeError, "heading must be a str, got NoneType"),
    ],
)
def test_bad_options_are_refused(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Summary(**arguments)
