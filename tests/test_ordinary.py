"""Ordinary messages take a short path, which does what the long one does."""

from __future__ import annotations

import copy
import json
import math
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, FunctionMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages import ChatMessage as RoleMessage
from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock

from sessionkit_integrations import CorruptSessionError, InvalidMessageError, SealError
from sessionkit_integrations.adapting import with_pydantic
from sessionkit_integrations.langchain import codec as langchain_codec
from sessionkit_integrations.langchain import decoding
from sessionkit_integrations.langchain.fields import read_fields
from sessionkit_integrations.llama_index import codec as llama_index_codec
from sessionkit_integrations.openai_agents.codec import OpenAIAgentsCodec
from sessionkit_integrations.porting import exporting
from sessionkit_integrations.records import codec, record
from sessionkit_integrations.records.codec import NO_TEXT_DECODERS, PLAIN, decode_all, encode_all
from sessionkit_integrations.records.ordinary import is_ordinary
from sessionkit_integrations.records.record import encode, records_of_texts, role_of, roles_of
from tests.equality import exact
from tests.langchain.messages import AS_MODELS_GIVE_AND_TAKE, BY_CLASS, json_values, replies
from tests.llama_index.samples import messages as messages_of_llama_index

if TYPE_CHECKING:
    from collections.abc import Callable

AT = 1763800000123
MAX_BYTES, LARGE = 150, 2**20
SIZES = st.sampled_from([MAX_BYTES, LARGE])

texts = st.text(st.characters(categories=["L", "N", "P", "Z", "Cs", "Cc", "So"]), max_size=12) | st.just("x" * 149)
anything: st.SearchStrategy[Any] = texts | st.none() | st.integers() | st.just([]) | st.just({})
calls = st.fixed_dictionaries(
    {
        "id": texts,
        "type": st.sampled_from(["function", "function", "custom"]),
        "function": st.fixed_dictionaries({"name": texts, "arguments": texts | anything}, optional={"more": anything}),
    },
    optional={"extra_content": anything},
)
plain = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system", "developer", "robot"]), "content": anything},
    optional={
        "tool_calls": st.lists(calls, max_size=3) | anything,
        "tool_call_id": anything,
        "name": anything,
        "is_error": st.booleans(),
    },
)


def outcome(messages: list[Any], max_bytes: int) -> Any:
    try:
        return encode_all(PLAIN, messages, max_bytes, at=AT)
    except InvalidMessageError as error:
        return str(error)


CALLED = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":"é"}'}}


@example({"role": "user", "content": 'quotes " and \\ and \n and \x7f and \u2028 and é'})
@example({"content": "the role comes first", "role": "assistant"})
@example({"role": "user", "content": "half an emoji \ud83d"})
@example({"role": "user", "content": "x" * (MAX_BYTES + 1)})
@example({"role": "user", "content": "x" * (8 * MAX_BYTES + 1)})
@example({"role": "assistant", "content": None, "tool_calls": [CALL]})
@example({"role": "assistant", "content": None, "tool_calls": []})
@example({"role": "user", "content": None, "tool_calls": [CALL]})
@example({"role": "assistant", "content": "", "tool_calls": [CALL] * 100})
@example({"role": "tool", "content": "rain", "tool_call_id": "c", "name": "f"})
@example({"role": "tool", "content": None, "tool_call_id": "c"})
@given(plain)
def test_a_plain_message_becomes_the_same_record_on_either_path(message: dict[str, Any]) -> None:
    short = outcome([message], MAX_BYTES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "records_of_texts", lambda messages, at, max_bytes: None)
        assert outcome([message], MAX_BYTES) == short
        patch.setattr(codec, "is_ordinary", lambda message, max_bytes: False)
        assert outcome([message], MAX_BYTES) == short
    if not isinstance(short, str):
        whole = {"role": message["role"], **message, "at": AT}
        whole["role"] = whole["role"].replace("developer", "system")
        assert short == [json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()]


SAID = {"role": "user", "content": "Hello"}


@pytest.mark.parametrize(
    "other",
    [
        {**SAID, "content": None},
        {**SAID, "content": []},
        {**SAID, "content": "\ud83d"},
        {**SAID, "content": "x" * (MAX_BYTES - 10)},
        {**SAID, "content": "x" * (MAX_BYTES + 1)},
        {**SAID, "role": "developer"},
        {**SAID, "role": "robot"},
        {**SAID, "role": ["user"]},
        {**SAID, "name": "Ada"},
        {"role": "user"},
        SimpleNamespace(**SAID),
        MappingProxyType(SAID),
    ],
    ids=repr,
)
def test_texts_beside_another_message_take_the_path_of_both(other: Any) -> None:
    assert records_of_texts([SAID, SAID], AT, MAX_BYTES) == [encode(SAID, AT)] * 2
    assert records_of_texts([SAID, other], AT, MAX_BYTES) is None
    together = outcome([SAID, other], MAX_BYTES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "records_of_texts", lambda messages, at, max_bytes: None)
        assert outcome([SAID, other], MAX_BYTES) == together


def test_nothing_is_made_of_a_text_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(record, "_record_of_text")
    assert records_of_texts([{**SAID, "content": "x" * (MAX_BYTES + 1)}], AT, MAX_BYTES) is None


@pytest.mark.parametrize(
    "message",
    [
        SAID,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "assistant", "content": "Let me see", "tool_calls": [CALL, CALL], "name": "bot"},
        {"role": "tool", "content": "rain", "tool_call_id": "c", "name": "f"},
    ],
)
def test_texts_calls_and_results_are_ordinary(message: dict[str, Any]) -> None:
    assert is_ordinary(message, 1000)


ordinary = st.one_of(
    *(
        st.builds(cls, content=texts, name=st.none() | texts, id=st.none() | texts)
        for cls in (HumanMessage, AIMessage, SystemMessage)
    ),
    st.builds(ToolMessage, content=texts, tool_call_id=texts, name=st.none() | texts, id=st.none() | texts),
    st.builds(FunctionMessage, content=texts, name=texts),
)


class Remark(HumanMessage):
    """A message of somebody's own class, with a field that LangChain's have not."""

    tool_call_id: str = ""


def fields_or_error(encode: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return encode(*arguments)
    except InvalidMessageError as error:
        return error.field, str(error)


def calling(*calls: dict[str, Any]) -> AIMessage:
    return AIMessage.model_construct(content="", tool_calls=list(calls))


@example(ToolMessage.model_construct(content="it has no call"), MAX_BYTES)
@example(Remark(content="mine", tool_call_id="c"), MAX_BYTES)
@example(HumanMessage.model_construct(content=None), MAX_BYTES)
@example(RoleMessage.model_construct(content="it has no role"), MAX_BYTES)
@example(FunctionMessage.model_construct(content="it has no name"), MAX_BYTES)
@example(HumanMessage.model_construct(content="x", additional_kwargs=5), LARGE)
@example(HumanMessage("x", additional_kwargs={"refusal": "said by a user", "reasoning_content": "hm"}), LARGE)
@example(AIMessage("x", additional_kwargs={"reasoning_content": "hm", "refusal": "no", "tool_calls": []}), LARGE)
@example(AIMessage.model_construct(content="x", usage_metadata={"input_tokens": 1, "output_tokens": 2}), LARGE)
@example(AIMessage.model_construct(content=["x", 5]), LARGE)
@example(AIMessage("x", response_metadata={"model_name": "m", "logprobs": [math.nan]}), LARGE)
@example(AIMessage("x", response_metadata={"text": "x" * (8 * MAX_BYTES + 1)}), MAX_BYTES)
@example(AIMessage("x", response_metadata={"numbers": [0] * (8 * MAX_BYTES)}), MAX_BYTES)
@example(calling({"name": "f", "args": {}, "id": None, "type": "tool_call"}), LARGE)
@example(calling({"name": "f", "args": {"a": 1.5}, "id": "c", "type": "tool_call", "index": 0}), LARGE)
@example(calling({"name": "f", "args": {}, "id": "c"}), LARGE)
@given(ordinary | st.sampled_from(list(BY_CLASS)).flatmap(BY_CLASS.__getitem__) | replies, SIZES)
def test_a_message_of_langchain_becomes_the_same_fields_on_any_path(message: BaseMessage, max_bytes: int) -> None:
    given, role = copy.deepcopy(read_fields(message)), langchain_codec._role_of(message)
    at_length = fields_or_error(langchain_codec._encode_at_length, message, role, given, max_bytes)
    short = fields_or_error(langchain_codec._encode, message, max_bytes)
    assert exact(short) == exact(at_length)
    assert list(short) == list(at_length)
    assert exact(read_fields(message)) == exact(given)


@pytest.mark.parametrize("name", AS_MODELS_GIVE_AND_TAKE)
def test_messages_as_models_give_and_take_them_take_the_short_path(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    message = AS_MODELS_GIVE_AND_TAKE[name]
    at_length = langchain_codec._encode_at_length(
        message, langchain_codec._role_of(message), read_fields(message), LARGE
    )
    monkeypatch.setattr(langchain_codec, "_encode_at_length", None)
    codec = langchain_codec.LangChainCodec()
    (fields,) = codec.encode([message])
    assert fields == at_length
    (read,) = decode_all(codec, encode_all(codec, [message]), "s")
    assert exact(read) == exact(message)


@pytest.mark.parametrize("cls", [HumanMessage, AIMessage, SystemMessage])
def test_a_text_and_nothing_else_takes_the_shortest_path(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(langchain_codec, "_encode_texts", None)
    role = {HumanMessage: "user", AIMessage: "assistant", SystemMessage: "system"}[cls]
    assert langchain_codec._encode(cls("Grüezi"), MAX_BYTES) == {"role": role, "content": "Grüezi"}


def test_texts_of_langchain_take_the_short_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(langchain_codec, "_encode_at_length", None)
    monkeypatch.setattr(decoding, "_decode_ordinary", None)
    result = ToolMessage("rain", tool_call_id="c", name="f", id="3")
    said = [SystemMessage("Be brief."), HumanMessage("Hello", id="1"), AIMessage("Hi", name="bot", id="2"), result]
    codec = langchain_codec.LangChainCodec()
    records = encode_all(codec, said, at=AT)
    assert decode_all(codec, records, "s") == said
    assert records[3] == (
        b'{"role":"tool","content":"rain","tool_call_id":"c","name":"f","langchain":{"id":"3"},"at":1763800000123}'
    )


TEXT = b'{"role":"user","content":"Hello","at":1763800000123}'
record_fields: dict[str, st.SearchStrategy[Any]] = {
    "role": st.sampled_from(["user", "assistant", "tool", "system", "developer", "robot", ["user"], None]),
    "content": texts | anything,
    "at": st.just(AT) | anything,
}
more_fields: dict[str, st.SearchStrategy[Any]] = {"tokens": st.integers(0) | anything, "name": texts, "sealed": texts}
fields_of_records = (
    st.fixed_dictionaries(record_fields)
    | st.fixed_dictionaries(record_fields, optional=more_fields)
    | st.fixed_dictionaries({}, optional=record_fields | more_fields)
).flatmap(lambda fields: st.permutations(list(fields.items())).map(dict))
written = st.builds(
    lambda fields, short: json.dumps(fields, separators=(",", ":") if short else None).encode(),
    fields_of_records,
    st.booleans(),
)
damaged = st.builds(
    lambda record, start, length, bytes_: record[:start] + bytes_ + record[start + length :],
    written | st.just(TEXT),
    st.integers(0, 60),
    st.integers(0, 3),
    st.binary(max_size=3)
    | st.sampled_from([b'"', b"\\", b"}", b",", b" ", b"\n", b"\\ud83d", b"01", b'"role":"tool",']),
)
any_record = st.binary(max_size=40) | written | damaged
READERS: list[Any] = [
    PLAIN,
    langchain_codec.LangChainCodec(),
    llama_index_codec.LlamaIndexCodec(),
    exporting._PromptReader(),
]


def at_length(reader: Any) -> Any:
    """Return a reader that reads texts as it reads everything else."""
    return SimpleNamespace(parse_json=reader.parse_json, decode=reader.decode, text_decoders=NO_TEXT_DECODERS)


def read(reader: Any, record: bytes) -> Any:
    """Return all that there is to a message that a record holds, or to the error."""
    try:
        (message,) = decode_all(reader, [record], "s", first=3)
    except (CorruptSessionError, SealError) as error:
        return type(error), str(error), error.position
    if isinstance(message, dict):
        return list(message.items())
    blocks = [(type(block), vars(block), block.model_fields_set) for block in getattr(message, "blocks", ())]
    extra, private = message.__pydantic_extra__, message.__pydantic_private__
    return type(message), vars(message), message.model_fields_set, extra, private, blocks


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: type(reader).__name__)
@example(TEXT)
@example(TEXT.replace(b"user", b"tool"))
@example(TEXT.replace(b',"at"', b',"tokens":5,"at"'))
@example(TEXT.replace(b'"at"', b'"role":"system","at"'))
@example(TEXT.replace(b"Hello", b"half an emoji \\ud83d"))
@example(TEXT.replace(b"Hello", b"a line\nas it is"))
@example(TEXT.replace(b"Hello", b"\xff"))
@example(TEXT.replace(b'"Hello"', b'["Hello"]'))
@example(TEXT.replace(b'"Hello"', b"7"))
@example(TEXT.replace(b'"user"', b'["user"]'))
@example(TEXT.replace(b"1763800000123", b"01"))
@example(TEXT.replace(b"1763800000123", b"NaN"))
@example(TEXT.replace(b"1763800000123", b"1" * 5000))
@example(b" " + TEXT + b"\n")
@example(TEXT + b"}")
@example(b'["content","at",1]')
@given(any_record)
def test_a_record_is_read_as_the_same_on_either_path(reader: Any, record: bytes) -> None:
    assert read(reader, record) == read(at_length(reader), record)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: type(reader).__name__)
@pytest.mark.parametrize("tokens", [{}, {"tokens": 5}])
def test_texts_are_read_on_the_short_path(reader: Any, tokens: dict[str, int]) -> None:
    roles = ["user", "assistant", "system", *(["tool"] if reader.text_decoders.get("tool") else [])]
    records = [json.dumps({"role": role, "content": "é", **tokens, "at": AT}).encode() for role in roles]
    expected = [read(at_length(reader), record) for record in records]
    short = SimpleNamespace(parse_json=reader.parse_json, decode=None, text_decoders=reader.text_decoders)
    assert [read(short, record) for record in records] == expected


@pytest.mark.parametrize("role", ["user", "assistant", "system", "tool"])
@given(content=texts)
def test_a_text_is_read_as_the_same_message_of_llama_index_at_any_length(role: str, content: str) -> None:
    fields = {"role": role, "content": content, "at": AT}
    ordinary, longest = llama_index_codec._decode_ordinary(dict(fields)), llama_index_codec._decode(dict(fields), {})
    assert ordinary == longest
    assert vars(ordinary).keys() == vars(longest).keys()
    assert ordinary.model_fields_set == longest.model_fields_set


def test_calls_and_results_whose_tokens_were_counted_are_ordinary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_decode_foreign", None)
    monkeypatch.setattr(llama_index_codec, "_decode_foreign", None)
    said: list[Any] = [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "rain", "tool_call_id": "c", "name": "f"},
    ]
    counted = encode_all(PLAIN, said, count=lambda message: 7, at=AT)
    assert [record.count(b'"tokens":7,') for record in counted] == [1, 1]
    uncounted = encode_all(PLAIN, said, at=AT)
    for reader in READERS[1:3]:
        assert decode_all(reader, counted, "s") == decode_all(reader, uncounted, "s")


@example(b'{"role":"user"}')
@example(b'{"role":"assistant"}')
@given(any_record)
def test_the_roles_of_many_records_are_those_of_each(record: bytes) -> None:
    assert roles_of([record, TEXT]) == [role_of(record), "user"]


said = st.builds(ChatMessage, role=st.sampled_from(list(MessageRole)), content=texts)
results = st.builds(
    ChatMessage,
    role=st.sampled_from(["tool", "tool", "assistant"]),
    content=texts,
    additional_kwargs=st.fixed_dictionaries(
        {"tool_call_id": texts | st.none()}, optional={"is_error": st.just(value=True)}
    ),
)


@example(ChatMessage.model_construct(role="user", additional_kwargs={}, blocks=[TextBlock(text="a role as text")]))
@example(ChatMessage.model_construct(role=MessageRole.USER, additional_kwargs=None, blocks=[TextBlock(text="none")]))
@example(ChatMessage.model_construct(role=MessageRole.USER, additional_kwargs={}, blocks=(TextBlock(text="a tuple"),)))
@example(ChatMessage.model_construct(role=MessageRole.USER, additional_kwargs={}, blocks=["no block"]))
@example(ChatMessage(role="assistant", content="answer", additional_kwargs={"total_tokens": 5}))
@example(ChatMessage(role="tool", content="x" * MAX_BYTES, additional_kwargs={"tool_call_id": "c" * MAX_BYTES * 8}))
@example(ChatMessage(role="assistant", content="not of a tool", additional_kwargs={"tool_call_id": "c"}))
@example(ChatMessage(role="tool", content="failed", additional_kwargs={"tool_call_id": "c", "is_error": True}))
@example(ChatMessage(role="tool", content="says more", additional_kwargs={"tool_call_id": "c", "more": "x"}))
@given(said | results | messages_of_llama_index)
def test_a_message_of_llama_index_becomes_the_same_fields_on_either_path(message: ChatMessage) -> None:
    short = llama_index_codec._encode_text(message, MAX_BYTES)
    if short is not None:
        at_length = llama_index_codec._encode_at_length(message, MAX_BYTES)
        assert short == at_length
        assert list(short) == list(at_length)


@pytest.mark.parametrize("role", ["user", "assistant", "system", "tool"])
def test_texts_of_llama_index_take_the_short_path(role: str) -> None:
    message = ChatMessage(role=role, content="Grüezi")
    assert llama_index_codec._encode_text(message, MAX_BYTES) == {"role": role, "content": "Grüezi"}


def test_results_of_llama_index_take_the_short_path() -> None:
    result = ChatMessage(role="tool", content="rain", additional_kwargs={"tool_call_id": "c"})
    fields = llama_index_codec._encode_text(result, MAX_BYTES)
    assert fields == {"role": "tool", "content": "rain", "tool_call_id": "c"}


@example("user", 'quotes " and \\ and \n and \x7f and \u2028 and é', 0)
@given(
    st.sampled_from(["user", "assistant", "tool", "system"]),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.none() | st.integers(0) | st.just(np.int64(7)),
)
def test_a_text_becomes_the_json_of_its_fields(role: str, content: str, tokens: int | None) -> None:
    counted = {} if tokens is None else {"tokens": int(tokens)}
    whole = {"role": role, "content": content, **counted, "at": AT}
    written = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    assert encode({"content": content, "role": role}, AT, tokens) == written


@example([1e-7, 1e16, -0.0, 2**1023, -(2**63) - 1, '\x00\x1f\x7f\u2028"\\/é🧠', {"": None, "a": [True, {}]}])
@given(json_values)
def test_frameworks_write_the_json_that_plain_messages_are_written_as(value: Any) -> None:
    fields = {"role": "user", "content": "Hello", "more": value}
    counts: tuple[Any, ...] = (None, 7, np.int64(7))
    for tokens in counts:
        counted = {} if tokens is None else {"tokens": 7}
        written = encode(fields, AT, tokens, with_pydantic.dump_json)
        assert exact(json.loads(written)) == exact({**fields, **counted, "at": AT})
        assert written.endswith(b',"tokens":7,"at":1763800000123}' if counted else b',"at":1763800000123}')
        assert len(written) <= len(encode(fields, AT, tokens))


def test_messages_of_frameworks_are_written_by_pydantic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_ENCODER", None)
    assert encode_all(langchain_codec.LangChainCodec(), [HumanMessage("x", id="1")])
    assert encode_all(llama_index_codec.LlamaIndexCodec(), [ChatMessage("x", more=1)])
    assert encode_all(OpenAIAgentsCodec(), [[CALLED]])


def test_texts_are_written_on_the_short_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_ENCODER", None)
    assert encode({"role": "user", "content": "Hello"}, AT) == b'{"role":"user","content":"Hello","at":1763800000123}'
    counted = b'{"role":"user","content":"Hello","tokens":5,"at":1763800000123}'
    assert encode({"role": "user", "content": "Hello"}, AT, 5) == counted
