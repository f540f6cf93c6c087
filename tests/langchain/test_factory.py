"""Which session a run belongs to."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langchain_core.runnables.history import RunnableWithMessageHistory

from sessionkit_integrations import SessionManager
from sessionkit_integrations.errors import InvalidSessionIdError
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from tests.langchain.runs import RUN, Parrot, texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.runnables import RunnableConfig

    from tests.backends import StoreMaker

KEYS = ("user_id", "conversation_id")
ALIKE = [
    ("a:b", "c"),
    ("a", "b:c"),
    ("a%3Ab", "c"),
    ("a", "b%3Ac"),
    ("a%", "3Ab:c"),
    (":", "::"),
    ("::", ":"),
    (":", ":"),
]

_parts = st.text(alphabet="ab:%3A25", min_size=1, max_size=5) | st.text(min_size=1, max_size=5)


def config(user_id: str, conversation_id: str) -> RunnableConfig:
    return {"configurable": {"user_id": user_id, "conversation_id": conversation_id}}


def keyed(sessions: SessionManager, keys: tuple[str, ...] = KEYS) -> RunnableWithMessageHistory:
    factory = SessionKitChatMessageHistory.factory(sessions, keys=keys)
    return RunnableWithMessageHistory(Parrot(), factory, history_factory_config=factory.history_factory_config)


@pytest.mark.parametrize("run", RUN)
def test_two_keys_name_a_session_however_alike_their_values_are(run: str) -> None:
    sessions = SessionManager()
    for _ in range(2):
        for pair in ALIKE:
            RUN[run](keyed(sessions), f"{pair}", config(*pair))
    factory = SessionKitChatMessageHistory.factory(sessions, keys=KEYS)
    for user_id, conversation_id in ALIKE:
        text = f"{(user_id, conversation_id)}"
        history = factory(user_id=user_id, conversation_id=conversation_id)
        assert texts(history.messages) == [("human", text), ("ai", f"1 {text}"), ("human", text), ("ai", f"3 {text}")]
    assert len(set(sessions.list_sessions())) == len(ALIKE)


def test_sessions_of_two_keys_stay_apart_in_every_store(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    factory = SessionKitChatMessageHistory.factory(SessionManager(store=make_store()), keys=KEYS)
    for pair in ALIKE:
        call(factory(*pair), "add_messages", [HumanMessage(f"{pair}")])
    assert [factory(*pair).messages for pair in ALIKE] == [[HumanMessage(f"{pair}")] for pair in ALIKE]


@settings(deadline=None)
@given(one=st.tuples(_parts, _parts), other=st.tuples(_parts, _parts))
@example(one=ALIKE[0], other=ALIKE[1])
@example(one=ALIKE[0], other=ALIKE[2])
def test_different_values_never_make_the_same_id(one: tuple[str, str], other: tuple[str, str]) -> None:
    assume(one != other)
    factory = SessionKitChatMessageHistory.factory(SessionManager(), keys=KEYS)
    assert factory.session_id(*one) != factory.session_id(*other)


@pytest.mark.parametrize("session_id", ["user123", "a:b", "50%", "a%3Ab", "émoji 🧠"])
def test_one_key_is_the_id_itself(session_id: str) -> None:
    factory = SessionKitChatMessageHistory.factory(SessionManager(), keys=("thread_id",))
    assert factory(session_id).session_id == factory(thread_id=session_id).session_id == session_id


def test_plain_ids_of_two_keys_are_readable() -> None:
    factory = SessionKitChatMessageHistory.factory(SessionManager(), keys=KEYS)
    assert factory("ada", "7").session_id == "ada:7"


def test_values_go_to_their_keys_by_name() -> None:
    factory = SessionKitChatMessageHistory.factory(SessionManager(), keys=KEYS)
    assert factory(conversation_id="c", user_id="u").session_id == factory("u", "c").session_id == "u:c"
    assert list(inspect.signature(factory).parameters) == list(KEYS)


def test_one_key_of_another_name() -> None:
    sessions = SessionManager()
    keyed(sessions, ("thread_id",)).invoke("hello", {"configurable": {"thread_id": "t"}})
    assert list(sessions.list_sessions()) == ["t"]


def test_config_describes_each_key() -> None:
    factory = SessionKitChatMessageHistory.factory(SessionManager(), keys=KEYS)
    specs = factory.history_factory_config
    assert [(spec.id, spec.annotation, spec.name, spec.is_shared) for spec in specs] == [
        ("user_id", str, "User id", True),
        ("conversation_id", str, "Conversation id", True),
    ]
    assert {spec.id for spec in keyed(SessionManager()).config_specs} >= set(KEYS)


def test_a_missing_key_is_reported_by_its_name() -> None:
    with pytest.raises(ValueError, match="conversation_id"):
        keyed(SessionManager()).invoke("hello", {"configurable": {"user_id": "u"}})


@pytest.mark.parametrize("run", RUN)
@pytest.mark.parametrize(
    "values",
    [
        {"user_id": None, "conversation_id": "c"},
        {"user_id": "u", "conversation_id": None},
        {"user_id": "u", "conversation_id": ""},
    ],
)
def test_nobody_shares_a_session_called_none(run: str, values: dict[str, Any]) -> None:
    sessions = SessionManager()
    with pytest.raises(InvalidSessionIdError, match="_id of a session must be a non-empty string"):
        RUN[run](keyed(sessions), "hello", {"configurable": values})
    with pytest.raises(InvalidSessionIdError, match="session_id of a session must be a non-empty string, got None"):
        SessionKitChatMessageHistory.factory(sessions)(None)  # type: ignore[arg-type]
    assert list(sessions.list_sessions()) == []


@pytest.mark.parametrize("keys", [(), "id", ("user-id",), ("a", "a")])
def test_wrong_keys_are_refused(keys: Any) -> None:
    with pytest.raises(ValueError, match=r"keys|parameter"):
        SessionKitChatMessageHistory.factory(SessionManager(), keys=keys)


def test_a_run_gets_a_history_of_its_own() -> None:
    factory = SessionKitChatMessageHistory.factory(SessionManager())
    assert factory("s") is not factory("s")
