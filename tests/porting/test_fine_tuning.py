"""Sessions as examples for OpenAI's fine-tuning, and back."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from sessionkit_integrations import CorruptSessionError, Edit, InMemoryStore, SessionManager
from sessionkit_integrations.porting.exporting import Exported, export_sessions
from sessionkit_integrations.porting.fine_tuning import from_example, to_example
from sessionkit_integrations.porting.importing import Imported, import_lines
from sessionkit_integrations.porting.stored import StoredSession, read_session
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.window.turns import PLACES
from tests.conversations import conversations

CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
TAKEN = {"role", "content", "name", "tool_calls", "tool_call_id"}


def test_a_session_and_its_archive_are_one_example() -> None:
    """The example ends with a message of the assistant."""
    store = InMemoryStore(archive=True)
    sessions = SessionManager(1, store)
    sessions.set_system_message("s", "Be brief.")
    said: list[Any] = [
        {"role": "user", "content": "One", "mood": "good"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "name": "weather", "content": "rain"},
        {"role": "assistant", "content": "It rains."},
    ]
    sessions.send_messages("s", said)
    sessions.add_user_message("s", "Two")
    assert to_example(read_session(sessions, "s").messages(*PLACES)) == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "content": "rain", "tool_call_id": "call_1"},
            {"role": "assistant", "content": "It rains."},
        ]
    }


def test_sessions_in_which_no_assistant_speaks_are_left_out_and_counted() -> None:
    store = InMemoryStore()
    sessions = SessionManager(1, store)
    sessions.add_user_message("s", "Hello?")
    done = Exported()
    assert list(export_sessions(sessions, ["s"], done, fine_tuning_data=True)) == []
    assert (done.sessions, done.without_assistant) == (0, 1)


def test_real_conversations_become_what_the_api_takes_and_come_back() -> None:
    store, back = InMemoryStore(), InMemoryStore()
    sessions = SessionManager(1000, store)
    for number, conversation in enumerate(conversations()[:20]):
        messages: list[Any] = list(conversation)
        sessions.send_messages(str(number), messages)
    lines = list(export_sessions(sessions, sorted(store.sessions()), Exported(), fine_tuning_data=True))
    assert len(lines) == 20
    for line in lines:
        example: dict[str, Any] = json.loads(line)
        assert example.keys() == {"messages"}
        assert example["messages"][-1]["role"] == "assistant"
        assert all(message.keys() <= TAKEN for message in example["messages"])
    for written in (len(set(lines)), 0):
        done = Imported()
        list(import_lines(SessionManager(store=back), lines, done))
        assert (done.written, done.written + done.unchanged, done.bad_lines) == (written, 20, [])
    assert sorted(
        export_sessions(SessionManager(store=back), back.sessions(), Exported(), fine_tuning_data=True)
    ) == sorted(set(lines))


def test_ids_say_what_is_in_them() -> None:
    hello = {"role": "user", "content": "Hello"}
    first, second, other = (
        from_example(example, "mine:")
        for example in (
            {"messages": [hello]},
            {"messages": [hello], "tools": []},
            {"messages": [{"role": "developer", "content": "Hello"}]},
        )
    )
    assert first == second == StoredSession(first.id, (Record(b'{"role":"user","content":"Hello"}'),))
    assert first.id.startswith("mine:")
    assert other.id != first.id
    assert other.active == (b'{"role":"system","content":"Hello"}',)


BAD = (
    b"{",
    b'{"role":"assistant","content":7}',
    b'{"role":"assistant","content":null,"tool_calls":[7]}',
    b'{"role":"assistant","content":null,"tool_calls":{"id":"1"}}',
    b'{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":null}]}',
    b'{"role":"assistant","content":[{"text":"no type"}]}',
    b'{"role":"assistant","content":"x","name":["a list"]}',
)


@pytest.mark.parametrize("bad", BAD)
def test_turns_of_which_no_prompt_can_be_made_are_named_or_left_out(bad: bytes) -> None:
    store = InMemoryStore()
    sessions = SessionManager(10, store)
    turns = [[said("user", text), said("assistant", f"{text}!")] for text in ("One", "Two", "Three")]
    turns[1].insert(1, Record(bad))
    store.replace("s", Edit(tuple(itertools.chain.from_iterable(turns)), tuple(turns[1])), None, "1")
    with pytest.raises(CorruptSessionError, match="session 's', record 3: cannot be read as a message") as raised:
        list(export_sessions(sessions, ["s"], Exported(), fine_tuning_data=True))
    assert raised.value.position == 3
    done = Exported()
    [line] = export_sessions(sessions, ["s"], done, fine_tuning_data=True, skip_corrupt=True)
    assert [message["content"] for message in json.loads(line)["messages"]] == ["One", "One!", "Three", "Three!"]
    assert (done.messages, done.corrupt) == (4, {"s": 6})


def said(role: str, content: str) -> Record:
    return Record(json.dumps({"role": role, "content": content}).encode())
