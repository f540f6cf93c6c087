"""LlamaIndex copies, pickles and writes what it is given: it works on the same sessions, or is refused."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import pytest
from llama_index.core.memory import ChatMemoryBuffer, Memory
from llama_index.core.memory.memory import InsertMethod
from llama_index.core.prompts import RichPromptTemplate
from llama_index.core.workflow import Context, JsonSerializer
from workflows.context.serializers import PickleSerializer

from sessionkit_integrations import (
    Compress,
    Embed,
    Encrypt,
    InMemoryStore,
    SessionKitAsyncChatStore,
    SessionKitChatStore,
    SessionKitMemory,
    SessionManager,
    SQLiteStore,
    StoreError,
    Summary,
    Window,
)
from sessionkit_integrations.records import encryption
from tests.llama_index.agents import Script, react_agent, says
from tests.llama_index.engines import split
from tests.llama_index.samples import text, user
from tests.llama_index.test_memory import Flushed

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

HELLO = user(text("Hello"))


def buffer(sessions: SessionManager) -> ChatMemoryBuffer:
    store = SessionKitChatStore(sessions=sessions)
    return ChatMemoryBuffer.from_defaults(chat_store=store, chat_store_key="s", tokenizer_fn=split)


def queue(sessions: SessionManager) -> Memory:
    store = SessionKitAsyncChatStore(sessions=sessions, evict=False)
    return Memory.from_defaults(session_id="s", chat_store=store, tokenizer_fn=split)


def memory(sessions: SessionManager) -> SessionKitMemory:
    return SessionKitMemory.from_defaults(session_id="s", sessions=sessions, tokenizer_fn=split)


def sessions_of(made: Any) -> SessionManager:
    """Return the sessions that a memory is on."""
    sessions: SessionManager = (made if isinstance(made, SessionKitMemory) else made.chat_store).sessions
    return sessions


def pickled_and_back(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own


MAKERS = [buffer, queue, memory]
WAYS = [
    pickled_and_back,
    copy.copy,
    copy.deepcopy,
    lambda value: value.model_copy(),
    lambda value: value.model_copy(deep=True),
    lambda value: PickleSerializer().deserialize(PickleSerializer().serialize(value)),
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("way", WAYS)
def test_a_copy_is_on_the_same_sessions(
    make: Callable[[SessionManager], Any], way: Callable[[Any], Any], own_loop: asyncio.AbstractEventLoop
) -> None:
    sessions = SessionManager(3)
    original = make(sessions)
    copied = way(original)
    copied.put(HELLO)
    assert original.get() == copied.get() == [HELLO]
    assert [message["content"] for message in sessions.get_session("s")] == ["Hello"]


@pytest.mark.parametrize("make", [SessionKitChatStore, SessionKitAsyncChatStore])
@pytest.mark.parametrize("way", [*WAYS, lambda store: type(store)(**store.model_dump())])
def test_a_copy_of_a_chat_store_is_on_the_same_sessions(make: Any, way: Callable[[Any], Any]) -> None:
    sessions = SessionManager(3)
    copied = way(make(sessions=sessions))
    assert type(copied) is make
    assert copied.sessions is sessions


def test_what_is_assigned_is_used() -> None:
    one, other = SessionManager(3), SessionManager(3)
    other.add_user_message("s", "Hello")
    store: Any = SessionKitChatStore(sessions=one)
    store.sessions = other
    assert store.get_messages("s") == [HELLO]
    assert store.model_copy(update={"sessions": one}).get_messages("s") == []
    with pytest.raises(ValueError, match="SessionManager"):
        store.sessions = "redis://localhost"
    assert store.get_messages("s") == [HELLO]


async def test_what_is_assigned_is_used_asynchronously() -> None:
    one, other = SessionManager(1), SessionManager(1)
    store = SessionKitAsyncChatStore(sessions=one)
    store.sessions, store.evict = other, False
    await store.add_messages("s", [HELLO, HELLO])
    assert len(await store.get_messages("s")) == 2
    assert one.get_session("s") == []
    made = memory(one)
    made.sql_store = SessionKitAsyncChatStore(sessions=other)
    assert await made.aget() == [HELLO]


@pytest.mark.parametrize("serializer", [JsonSerializer(), PickleSerializer()])
@pytest.mark.parametrize("make", [buffer, memory])
def test_what_is_written_as_json_is_read_on_the_same_sessions(
    make: Callable[[SessionManager], Any],
    serializer: JsonSerializer,
    tmp_path: Path,
    own_loop: asyncio.AbstractEventLoop,
) -> None:
    for store in (InMemoryStore(), SQLiteStore(tmp_path / "s.db")):
        with SessionManager(3, store) as sessions:
            original = make(sessions)
            written = serializer.serialize(original)
            read = serializer.deserialize(written)
            read.put(HELLO)
            assert original.get() == read.get() == [HELLO]
    # As in another process, which does not have these sessions.
    elsewhere = serializer.deserialize(written.replace('"identity": "', '"identity": "x'))
    assert elsewhere.get() == [HELLO]
    assert elsewhere.token_limit == original.token_limit
    sessions_of(elsewhere).close()


FUNCTIONS = {
    "count_tokens": len,
    "summary": Summary(lambda *_: "", every=None),
    "embed": Embed(lambda texts: [[1.0] for _ in texts], name="one"),
}


@pytest.mark.parametrize("options", [{}, FUNCTIONS])
def test_functions_that_json_cannot_hold_are_missed(
    options: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    window = Window(3, trigger_turns=5, tokens=50)
    written = JsonSerializer().serialize(buffer(SessionManager(window, SQLiteStore(tmp_path / "s.db"), **options)))
    elsewhere = JsonSerializer().deserialize(written.replace('"identity": "', '"identity": "x'))
    assert elsewhere.chat_store.sessions.window == window
    warning = "sessions were made again from JSON without their count_tokens, summary, embed"
    assert caplog.messages == ([warning] if options else [])


def test_sealed_sessions_are_sealed_again_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = base64.b64encode(b"x" * 32).decode()
    sessions = SessionManager(3, SQLiteStore(tmp_path / "s.db"), seal=[Compress(1), Encrypt(key)])
    written = JsonSerializer().serialize(buffer(sessions)).replace('"identity": "', '"identity": "x')
    assert key not in written
    monkeypatch.setattr(encryption, "_known", WeakValueDictionary())  # as in another process
    with pytest.raises(StoreError, match="was written without itself: set SESSIONKIT_KEYS in the environment"):
        JsonSerializer().deserialize(written)
    monkeypatch.setenv(encryption.VARIABLE, key)
    elsewhere = JsonSerializer().deserialize(written).chat_store.sessions
    elsewhere.add_user_message("s", "I am allergic to peanuts.")
    (record,) = elsewhere.store.read("s").records
    assert b"peanuts" not in record
    assert sessions.get_session("s") == elsewhere.get_session("s")
    elsewhere.close()
    sessions.close()


def test_what_is_in_the_memory_of_another_process_is_refused() -> None:
    for make in (buffer, memory):
        written = JsonSerializer().serialize(make(SessionManager(3, InMemoryStore())))
        with pytest.raises(StoreError, match="in one process only"):
            JsonSerializer().deserialize(written.replace('"identity": "', '"identity": "x'))


def test_all_settings_of_a_memory_are_written() -> None:
    sessions = SessionManager(3)
    original = SessionKitMemory.from_defaults(
        session_id="s",
        sessions=sessions,
        token_limit=123,
        token_flush_size=45,
        chat_history_token_ratio=0.6,
        insert_method=InsertMethod.USER,
        memory_blocks_template=RichPromptTemplate("{{ memory_blocks }}!"),
        image_token_size_estimate=7,
    )
    read = SessionKitMemory.from_dict(json.loads(json.dumps(original.to_dict())))
    assert read.sessions is sessions
    names = SessionKitMemory.model_fields.keys() - {"tokenizer_fn", "sql_store"}
    for name in names:
        assert getattr(read, name) == getattr(original, name), name


def test_memory_blocks_are_not_written_as_json() -> None:
    made = SessionKitMemory.from_defaults(sessions=SessionManager(), memory_blocks=[Flushed()])
    with pytest.raises(ValueError, match="memory blocks cannot be written as JSON"):
        made.to_dict()
    assert pickled_and_back(made).memory_blocks == made.memory_blocks


READ = """
import pickle, sys
from sessionkit_integrations import StoreError
for pickled in pickle.load(sys.stdin.buffer):
    try:
        print([message.content for message in pickle.loads(pickled).get()])
    except StoreError as error:
        print("refused:", error)
"""


def test_a_pickle_is_read_in_another_process_on_the_same_sessions(tmp_path: Path) -> None:
    with SessionManager(3, SQLiteStore(tmp_path / "s.db")) as sessions:
        sessions.add_user_message("s", "Hello")
        stored: list[Any] = [make(sessions) for make in MAKERS]
        for made in stored:
            made.tokenizer_fn = list  # which a pickle names
        of_this_process = [make(SessionManager(3)) for make in MAKERS]
        pickles = pickle.dumps([pickle.dumps(made) for made in (*stored, *of_this_process)])
        done = subprocess.run([sys.executable, "-c", READ], input=pickles, capture_output=True, check=False)  # noqa: S603
    read = done.stdout.decode().splitlines()
    assert read[: len(stored)] == ["['Hello']"] * len(stored), done.stderr.decode()
    assert [line.startswith("refused: ") for line in read[len(stored) :]] == [True] * len(of_this_process), read


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LlamaIndex's agents use what others deprecate
@pytest.mark.parametrize("serializer", [JsonSerializer(), PickleSerializer()])
@pytest.mark.parametrize("make", [buffer, memory])
async def test_a_context_of_an_agent_goes_on_in_the_same_session(
    make: Callable[[SessionManager], Any], serializer: JsonSerializer
) -> None:
    sessions = SessionManager(5)
    answer = says("Thought: easy.\nAnswer: done")
    agent = react_agent(Script(answer, answer))
    context = Context(agent)
    await agent.run("one", ctx=context, memory=make(sessions))
    restored = Context.from_dict(
        agent, json.loads(json.dumps(context.to_dict(serializer=serializer))), serializer=serializer
    )
    await agent.run("two", ctx=restored)
    assert [message["content"] for message in sessions.get_session("s")][::2] == ["one", "two"]
