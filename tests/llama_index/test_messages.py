"""ChatMessages come back equal from records and from every store."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from llama_index.core.base.llms.types import (
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    ToolCallBlock,
)
from llama_index.core.schema import ImageDocument

from sessionkit_integrations import InvalidMessageError, SessionKitAsyncChatStore, SessionKitChatStore, SessionManager
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.records.codec import decode_all, encode_all
from tests.llama_index.samples import CALL, EVERY_KIND, OPENAI_CALLS, PNG, assistant, messages, text, user

if TYPE_CHECKING:
    from pathlib import Path

    from tests.backends import StoreMaker

every_kind = pytest.mark.parametrize("message", EVERY_KIND.values(), ids=EVERY_KIND)


def through_records(*written: ChatMessage) -> list[ChatMessage]:
    return decode_all(LlamaIndexCodec(), encode_all(LlamaIndexCodec(), written), "s")


def fields_of(message: ChatMessage) -> dict[str, Any]:
    (record,) = encode_all(LlamaIndexCodec(), [message])
    fields: dict[str, Any] = json.loads(record)
    del fields["at"]
    return fields


@every_kind
def test_one_of_each_kind_comes_back_equal(message: ChatMessage) -> None:
    assert through_records(message) == [message]


@settings(deadline=None, max_examples=150)
@given(messages)
def test_any_message_comes_back_equal(message: ChatMessage) -> None:
    before = message.model_copy(deep=True)
    assert through_records(message) == [before]
    assert message == before


def stored(sessions: SessionManager, session_id: str) -> list[ChatMessage]:
    """Return the messages of a session, also results whose calls are not there, which no prompt shows."""
    return sessions.using(LlamaIndexCodec()).snapshot(session_id).messages("preamble", "window")


def test_every_kind_comes_back_equal_from_every_store(make_store: StoreMaker) -> None:
    sessions = SessionManager(1000, make_store())
    store = SessionKitChatStore(sessions=sessions)
    store.set_messages("set", list(EVERY_KIND.values()))
    for message in EVERY_KIND.values():
        store.add_message("added", message)
    assert dict(zip(EVERY_KIND, stored(sessions, "set"), strict=True)) == EVERY_KIND
    assert dict(zip(EVERY_KIND, stored(sessions, "added"), strict=True)) == EVERY_KIND


async def test_every_kind_comes_back_equal_from_every_async_store(make_store: StoreMaker) -> None:
    async with SessionManager(1000, make_store()) as sessions:
        store = SessionKitAsyncChatStore(sessions=sessions)
        await store.add_messages("s", list(EVERY_KIND.values()))
        assert dict(zip(EVERY_KIND, stored(sessions, "s"), strict=True)) == EVERY_KIND
        opened = user(text("opens a turn"))  # so that no system message is of the preamble, which is not archived
        await store.set_messages("s", [opened, *EVERY_KIND.values()])
        await store.archive_oldest_messages("s", 1000)
        archived = await store.get_messages("s", status=None)
        assert dict(zip(EVERY_KIND, archived[1:], strict=True)) == EVERY_KIND


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (user(text("Hello")), {"role": "user", "content": "Hello"}),
        (
            ChatMessage(role="tool", content="42", additional_kwargs={"tool_call_id": "call_1", "name": "search"}),
            {"role": "tool", "content": "42", "tool_call_id": "call_1", "name": "search"},
        ),
        (
            assistant(text("Let me see."), ToolCallBlock(tool_call_id="call_1", tool_name="f", tool_kwargs={"a": 1})),
            {
                "role": "assistant",
                "content": "Let me see.",
                "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
            },
        ),
    ],
    ids=["text", "tool result", "tool call"],
)
def test_what_openai_has_a_field_for_is_stored_in_it_alone(message: ChatMessage, fields: dict[str, Any]) -> None:
    assert fields_of(message) == fields


@pytest.mark.parametrize("message", [assistant(CALL), assistant(tool_calls=OPENAI_CALLS)], ids=["block", "kwarg"])
def test_tool_calls_are_read_as_such_by_any_chat_api(message: ChatMessage) -> None:
    sessions = SessionManager()
    SessionKitChatStore(sessions=sessions).add_message("s", message)
    (plain,) = sessions.get_session("s")
    (call,) = plain["tool_calls"]
    assert (plain["role"], plain["content"], call["id"]) == ("assistant", None, "call_1")
    assert json.loads(call["function"]["arguments"])["q"] == "é 🧠"


def test_the_id_of_a_call_is_a_field_of_its_result_alone() -> None:
    sessions = SessionManager()
    store = SessionKitChatStore(sessions=sessions)
    answer = EVERY_KIND["answer that is a tool's result"]
    store.add_message("s", answer)
    assert sessions.get_session("s") == [{"role": "assistant", "content": "42"}]
    assert store.get_messages("s") == [answer]


def test_what_a_chat_api_wrote_is_read() -> None:
    sessions = SessionManager()
    url = "https://example.com/cat.png"
    sessions.send_messages(
        "s",
        [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": url}}],
            },
            {"role": "assistant", "content": None, "tool_calls": OPENAI_CALLS},  # type: ignore[typeddict-item]
            {"role": "tool", "content": "42", "tool_call_id": "call_1"},
        ],
    )
    assert SessionKitChatStore(sessions=sessions).get_messages("s") == [
        ChatMessage(role="system", content="Be brief."),
        user(text("Look:"), ImageBlock(url=url)),
        assistant(ToolCallBlock(tool_call_id="call_1", tool_name="search", tool_kwargs={"q": "é 🧠"})),
        ChatMessage(role="tool", content="42", additional_kwargs={"tool_call_id": "call_1"}),
    ]


endless: list[Any] = []
endless.append(endless)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (user(text("x"), key=endless), "additional_kwargs"),
        (user(text("x")).model_copy(update={"role": "critic"}), "role"),
        (user(text("x")).model_copy(update={"role": 7}), "role"),
        ({"role": "user", "content": "x"}, "message"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_not_a_message_is_refused_and_nothing_is_written(message: Any, field: str) -> None:
    sessions = SessionManager()
    store, astore = SessionKitChatStore(sessions=sessions), SessionKitAsyncChatStore(sessions=sessions)
    fine = user(text("fine"))
    with pytest.raises(InvalidMessageError) as raised:
        store.add_message("s", message)
    assert raised.value.field == field
    with pytest.raises(InvalidMessageError):
        store.set_messages("s", [fine, message])
    with pytest.raises(InvalidMessageError):
        store.add_message("s", message, idx=0)
    with pytest.raises(InvalidMessageError):
        await astore.add_messages("s", [fine, message])
    assert store.get_keys() == []


@pytest.mark.parametrize(
    ("value", "stored"),
    [(text("x"), {"block_type": "text", "text": "x"}), ((1, 2), [1, 2])],
    ids=["model", "tuple"],
)
def test_kwargs_that_llama_index_can_dump_are_stored_as_it_dumps_them(value: object, stored: object) -> None:
    message = user(text("x"), key=[value])
    assert through_records(message) == [user(text("x"), key=[stored])]
    assert message.model_dump(mode="json")["additional_kwargs"] == {"key": [stored]}


def test_an_open_file_is_stored_as_the_bytes_in_it() -> None:
    opened = user(
        ImageBlock(image=io.BytesIO(PNG)),
        CitableBlock(title="t", source="s", content=[ImageBlock(image=io.BytesIO(PNG))]),
    )
    read = user(ImageBlock(image=PNG), CitableBlock(title="t", source="s", content=[ImageBlock(image=PNG)]))
    assert through_records(opened) == [read]


@pytest.mark.parametrize("block_type", [ImageBlock, DocumentBlock])
def test_a_session_is_readable_after_a_file_in_it_was_deleted(block_type: Any, tmp_path: Path) -> None:
    path = tmp_path / "file.png"
    path.write_bytes(PNG)
    message = user(text("see"), block_type(path=str(path)))
    records = encode_all(LlamaIndexCodec(), [message])
    path.unlink()
    assert decode_all(LlamaIndexCodec(), records, "s") == [message]


def test_a_session_is_readable_after_a_file_within_a_block_was_deleted(tmp_path: Path) -> None:
    path = tmp_path / "file.png"
    path.write_bytes(PNG)
    image = ImageBlock(path=path)
    message = user(
        CitableBlock(title="t", source="s", content=[image]),
        CitationBlock(title="t", source="s", cited_content=image, additional_location_info={}),
    )
    records = encode_all(LlamaIndexCodec(), [message])
    path.unlink()
    assert decode_all(LlamaIndexCodec(), records, "s") == [message]


def test_legacy_images_in_kwargs_are_neither_doubled_nor_unreadable() -> None:
    message = ChatMessage(content="see", additional_kwargs={"images": [ImageDocument(image=PNG)]})
    (read,) = through_records(message)
    assert read.blocks == message.blocks == [text("see"), ImageBlock(image=PNG)]


def test_what_is_read_is_the_callers_own() -> None:
    store = SessionKitChatStore(sessions=SessionManager())
    written = user(text("x"), key=[1])
    store.add_message("s", written)
    written.additional_kwargs["key"].append(2)
    store.get_messages("s")[0].additional_kwargs["key"].append(3)
    assert store.get_messages("s") == [user(text("x"), key=[1])]
