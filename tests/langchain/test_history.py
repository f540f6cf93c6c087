"""`SessionKitChatMessageHistory` is a chat message history as LangChain means it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from sessionkit_integrations import InMemoryStore, SessionManager
from sessionkit_integrations.errors import InvalidSessionIdError
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from sessionkit_integrations.stores.base import Store
from tests.langchain.runs import RUN, Parrot, session, with_history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from typing_extensions import Unpack

    from sessionkit_integrations import Window
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.values import Appended, AppendOptions, Edit, Snapshot

QUESTION, ANSWER = HumanMessage("hello", id="1"), AIMessage("hi", id="2")
TURN = [QUESTION, ANSWER]


class HalfStore(Store):
    """A store of which only the plain methods work, or only their ``a`` twins."""

    def __init__(self, *, asynchronous: bool) -> None:
        self._store = InMemoryStore()
        self._asynchronous = asynchronous

    def _half(self, *, asynchronous: bool) -> InMemoryStore:
        assert asynchronous == self._asynchronous, "called from the wrong side"
        return self._store

    def append(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        return self._half(asynchronous=False).append(session_id, records, window, operation_id, **options)

    def read(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        return self._half(asynchronous=False).read(session_id, archived=archived, start=start, stop=stop)

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        self._half(asynchronous=False).replace(session_id, edit, expected, operation_id)

    def delete(self, session_id: str) -> None:
        self._half(asynchronous=False).delete(session_id)

    def sessions(self) -> Iterator[str]:
        return self._half(asynchronous=False).sessions()

    async def aappend(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        return await self._half(asynchronous=True).aappend(session_id, records, window, operation_id, **options)

    async def aread(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        return await self._half(asynchronous=True).aread(session_id, archived=archived, start=start, stop=stop)

    async def adelete(self, session_id: str) -> None:
        await self._half(asynchronous=True).adelete(session_id)


@pytest.fixture(params=["one for all", "one for each run"])
def make_history(request: pytest.FixtureRequest) -> Callable[[SessionManager], SessionKitChatMessageHistory]:
    """Makes histories by hand, or as `RunnableWithMessageHistory` gets them."""
    if request.param == "one for all":
        return lambda sessions: SessionKitChatMessageHistory("s", sessions)
    return lambda sessions: SessionKitChatMessageHistory.factory(sessions)("s")


@pytest.fixture
def history(make_history: Callable[[SessionManager], SessionKitChatMessageHistory]) -> SessionKitChatMessageHistory:
    return make_history(SessionManager())


def test_is_a_chat_message_history(history: SessionKitChatMessageHistory) -> None:
    assert isinstance(history, BaseChatMessageHistory)
    assert history.session_id == "s"
    assert history.messages == []
    assert str(history) == ""


def test_all_ways_to_add_append_in_order(history: SessionKitChatMessageHistory) -> None:
    history.add_message(SystemMessage("Be brief."))
    history.add_user_message("hello")
    history.add_ai_message("hi")
    history.add_user_message(QUESTION)
    history.add_ai_message(ANSWER)
    history.add_messages(TURN)
    history.add_messages([])
    added = [SystemMessage("Be brief."), HumanMessage("hello"), AIMessage("hi"), *TURN, *TURN]
    assert history.messages == added
    assert str(history).splitlines()[:3] == ["System: Be brief.", "Human: hello", "AI: hi"]


async def test_all_asynchronous_methods_do_as_the_plain_ones(history: SessionKitChatMessageHistory) -> None:
    assert await history.aget_messages() == []
    await history.aadd_messages(TURN)
    await history.aadd_messages([])
    await history.aadd_messages(tuple(TURN))
    assert await history.aget_messages() == history.messages == [*TURN, *TURN]
    await history.aclear()
    assert await history.aget_messages() == history.messages == []


def test_clear_deletes_the_session_and_no_other(
    make_history: Callable[[SessionManager], SessionKitChatMessageHistory], call: Callable[..., Any]
) -> None:
    sessions = SessionManager()
    history = make_history(sessions)
    other = SessionKitChatMessageHistory("other", sessions)
    for one in (history, other):
        one.add_messages(TURN)
    assert history.messages == TURN
    call(history, "clear")
    assert history.messages == []
    assert list(sessions.list_sessions()) == ["other"]
    history.add_messages(TURN)
    assert history.messages == TURN


def test_reads_the_window(history: SessionKitChatMessageHistory) -> None:
    history.add_messages([SystemMessage("Be brief."), *TURN * 11])
    assert history.messages == [SystemMessage("Be brief."), *TURN * 10]


def test_changing_what_was_read_changes_no_history(history: SessionKitChatMessageHistory) -> None:
    history.add_messages(TURN)
    history.messages.append(HumanMessage("more"))
    history.messages.clear()
    assert history.messages == TURN


def test_a_history_made_by_hand_always_reads_afresh(call: Callable[..., Any]) -> None:
    sessions = SessionManager()
    history = SessionKitChatMessageHistory("s", sessions)
    assert history.messages == []
    call(SessionKitChatMessageHistory("s", sessions), "add_messages", TURN)
    assert history.messages == TURN
    call(sessions, "send_message", "s", {"role": "user", "content": "bye"})
    assert history.messages == [*TURN, HumanMessage("bye")]
    call(sessions, "reset_session", "s")
    assert history.messages == []


async def test_a_history_made_by_hand_always_reads_afresh_asynchronously() -> None:
    sessions = SessionManager()
    history = SessionKitChatMessageHistory("s", sessions)
    assert await history.aget_messages() == []
    await sessions.asend_message("s", {"role": "user", "content": "bye"})
    assert await history.aget_messages() == [HumanMessage("bye")]


@pytest.mark.parametrize("change", [("add_messages", TURN), ("clear",)])
def test_a_history_of_a_run_keeps_its_first_read_until_it_writes(
    call: Callable[..., Any], change: tuple[Any, ...]
) -> None:
    sessions = SessionManager()
    history = SessionKitChatMessageHistory.factory(sessions)("s")
    assert history.messages == []
    sessions.add_user_message("s", "meanwhile")
    assert history.messages == []
    call(history, *change)
    assert history.messages == SessionKitChatMessageHistory("s", sessions).messages


async def test_asynchronous_methods_use_no_plain_method_of_the_store(
    make_history: Callable[[SessionManager], SessionKitChatMessageHistory],
) -> None:
    history = make_history(SessionManager(store=HalfStore(asynchronous=True)))
    await history.aadd_messages(TURN)
    assert await history.aget_messages() == TURN
    await history.aclear()
    assert await history.aget_messages() == []


def test_plain_methods_use_no_asynchronous_method_of_the_store(
    make_history: Callable[[SessionManager], SessionKitChatMessageHistory],
) -> None:
    history = make_history(SessionManager(store=HalfStore(asynchronous=False)))
    history.add_messages(TURN)
    assert history.messages == TURN
    history.clear()
    assert history.messages == []


@pytest.mark.parametrize("run", RUN)
def test_runs_stay_on_their_side_of_the_store(run: str) -> None:
    asynchronous = run.startswith("a")
    sessions = SessionManager(store=HalfStore(asynchronous=asynchronous))
    for text in ("hello", "bye"):
        RUN[run](with_history(Parrot(), sessions), text, session())
    assert len(sessions.store._store.read("s").records) == 4  # type: ignore[attr-defined]


@pytest.mark.parametrize("session_id", ["", "x" * 513, 7, None])
def test_wrong_session_ids_are_refused(session_id: Any, call: Callable[..., Any]) -> None:
    history = SessionKitChatMessageHistory(session_id, SessionManager())
    with pytest.raises(InvalidSessionIdError):
        call(history, "add_messages", TURN)
    with pytest.raises(InvalidSessionIdError):
        _ = history.messages
