"""Whatever a message of LlamaIndex holds is stored and can be read: no turn is lost over a value."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from sessionkit_integrations import SessionKitChatMessageHistory, SessionKitChatStore, SessionManager
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.providers import to_anthropic, to_gemini, to_openai
from sessionkit_integrations.records.codec import decode_all, encode_all
from tests.llama_index.samples import PNG, assistant, text, user
from tests.llama_index.test_session_memory import memory_of

if TYPE_CHECKING:
    from collections.abc import Callable

HALF = "half \ud83d"


def passed(message: ChatMessage) -> ChatMessage:
    records = encode_all(LlamaIndexCodec(), [message])
    for record in records:
        json.loads(record.decode(), parse_constant=pytest.fail)  # any reader of JSON can parse it
    (read,) = decode_all(LlamaIndexCodec(), records, "s")
    return read


EQUAL = [b"\x00\xff", 10**400, -(10**400), math.inf, -math.inf, HALF, [b"a", {"b": [math.inf, HALF]}], {HALF: 1}]


@pytest.mark.parametrize("value", EQUAL, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize(
    "put",
    [
        lambda value: user(text("x"), key=value, deep={"a": [value]}),
        lambda value: assistant(ThinkingBlock(content="hm", additional_information={"a": value})),
        lambda value: assistant(ThinkingBlock(additional_information={"a": [value]})),
        lambda value: assistant(ToolCallBlock(tool_name="f", tool_call_id="1", tool_kwargs={"a": value})),
    ],
)
def test_what_json_cannot_hold_comes_back_equal(put: Callable[[Any], ChatMessage], value: Any) -> None:
    assert passed(put(value)) == put(value)


def test_a_nan_comes_back_as_one() -> None:
    read = passed(user(text("x"), key=[math.nan]))
    assert math.isnan(read.additional_kwargs["key"][0])


@pytest.mark.parametrize(
    "message",
    [
        user(text(HALF), text("whole")),
        user(text("x"), name=HALF),
        assistant(ThinkingBlock(content=HALF, additional_information={"signature": HALF})),
        assistant(ToolCallBlock(tool_name=HALF, tool_call_id=HALF, tool_kwargs=HALF)),
        assistant(ToolCallBlock(tool_name="f", tool_kwargs={HALF: HALF})),
        user(CitableBlock(title=HALF, source=HALF, content=[text(HALF)])),
        user(DocumentBlock(data=b"Hello", title=HALF, document_mimetype="text/plain")),
        ChatMessage(role="tool", content=HALF, additional_kwargs={"tool_call_id": HALF}),
    ],
    ids=range(8),
)
def test_half_an_emoji_comes_back_equal_from_every_place(message: ChatMessage) -> None:
    before = pickle.loads(pickle.dumps(message))  # noqa: S301 - our own
    assert passed(message) == before


@dataclass
class Score:
    value: float


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({1: "page one", (2, 3): "two"}, {"1": "page one", "2,3": "two"}),
        ((1, 2), [1, 2]),
        (Score(0.5), {"value": 0.5}),
        (text("x"), {"block_type": "text", "text": "x"}),
    ],
)
def test_other_values_come_back_as_llama_index_dumps_them(value: Any, read: Any) -> None:
    assert passed(user(text("x"), key=[value])) == user(text("x"), key=[read])


def test_what_nothing_can_dump_leaves_a_mark_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as opened:
        read = passed(user(text("x"), a=opened, b=[itertools.count()]))
    assert read == user(text("x"), a="[socket.socket left out]", b=["[itertools.count left out]"])
    assert "without 2 of its values" in caplog.text


CONSTANTS: list[Any] = [None, True, 7, 1.5, math.nan, 10**400, Ellipsis, object()]
TEXTS: list[Any] = ["", "text", HALF, b"\xff", b"aGk=", PNG, MessageRole.USER]
CONTAINERS: list[Any] = [[], [1], ["a"], {}, {"a": 1}, {1: b"x"}, (1, 2), {"block_type": "text"}, Score(1)]
junk: st.SearchStrategy[Any] = st.sampled_from(
    [*CONSTANTS, *TEXTS, *CONTAINERS, text("inner"), ImageBlock(image=PNG), user(text("m"))]
)
KWARGS = ["tool_calls", "name", "tool_call_id", "is_error", "refusal", "x"]
BLOCKS: list[Callable[[], Any]] = [
    lambda: text("x"),
    lambda: ImageBlock(image=PNG),
    lambda: ImageBlock(url="https://example.com/a.png"),
    lambda: AudioBlock(audio=b"RIFF", format="wav"),
    lambda: VideoBlock(url="https://example.com/a.mp4"),
    lambda: DocumentBlock(data=b"%PDF-", title="a.pdf"),
    lambda: CachePoint(cache_control=CacheControl(type="ephemeral")),
    lambda: CitableBlock(title="t", source="s", content=[text("x")]),
    lambda: CitationBlock(cited_content=text("x"), source="s", title="t", additional_location_info={"page": 1}),
    lambda: ThinkingBlock(content="hm", additional_information={"signature": "s"}),
    lambda: ToolCallBlock(tool_call_id="1", tool_name="f", tool_kwargs={"a": 1}),
]


@st.composite
def junk_blocks(draw: st.DrawFn) -> Any:
    block = draw(st.sampled_from(BLOCKS))()
    for name in draw(st.lists(st.sampled_from(sorted(type(block).model_fields)), max_size=3)):
        value = draw(junk)
        if draw(st.booleans()):
            vars(block)[name] = value
        else:
            block = type(block).model_construct(**{**vars(block), name: value})
    return block


@st.composite
def junk_messages(draw: st.DrawFn) -> ChatMessage:
    message = ChatMessage(role=draw(st.sampled_from(MessageRole)))
    message.blocks = draw(st.lists(junk_blocks() | junk, max_size=3) | junk)
    message.additional_kwargs = draw(
        st.dictionaries(st.sampled_from(["tool_calls", "name", "tool_call_id", "is_error", "refusal", "x"]), junk)
        | junk
    )
    if draw(st.booleans()):
        message.role = draw(st.sampled_from([role.value for role in MessageRole]))  # type: ignore[assignment]
    return message


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(message=junk_messages())
async def test_whatever_is_accepted_can_be_read_by_every_reader(message: ChatMessage) -> None:
    sessions = SessionManager()
    store = SessionKitChatStore(sessions=sessions)
    store.add_message("s", assistant(text("a greeting")))
    store.add_message("s", message)
    read = store.get_messages("s")
    assert len(read) == 2
    assert read[1].role == message.role
    plain = sessions.get_session("s")
    assert len(SessionKitChatMessageHistory("s", sessions).messages) == 2
    assert sessions.view("s")._repr_html_()
    for convert in (to_openai, to_anthropic, to_gemini):
        json.dumps(convert([*plain, {"role": "user", "content": "Hello"}]), default=repr).encode()
    memory = memory_of(sessions)
    await memory.aput(user(text("a later turn")))
    assert (await memory.aget())[-1] == user(text("a later turn"))
    assert len(sessions.view("s").messages) == 3
    store.set_messages("s", read)
    assert len(store.get_messages("s")) == 2


def as_text(message: ChatMessage) -> str:
    """Return what a message holds; a NaN is not equal to itself."""

    def dump(value: Any) -> Any:
        names = getattr(type(value), "model_fields", None)
        return repr(value) if names is None else {name: getattr(value, name) for name in names}

    return json.dumps(message, default=dump, sort_keys=True)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(message=junk_messages())
def test_what_was_read_is_written_and_read_the_same(message: ChatMessage) -> None:
    once = passed(message)
    assert as_text(passed(once)) == as_text(once)


def test_bytes_of_earlier_records_come_back() -> None:
    extra = b'{"additional_kwargs":{"a":"aGk="},"objects":[[["a"],"bytes"]]}'
    (message,) = decode_all(LlamaIndexCodec(), [b'{"role":"user","content":"x","llama_index":%b,"at":1}' % extra], "s")
    assert message == ChatMessage(role="user", content="x", additional_kwargs={"a": b"hi"})
