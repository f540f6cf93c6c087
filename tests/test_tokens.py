"""Counters of tokens."""

from __future__ import annotations

import base64
import pickle
import random
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llama_index.core
import numpy as np
import pytest
from hypothesis import given, settings
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, get_buffer_string

from sessionkit_integrations import InvalidMessageError, Message, tokens
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.records.codec import PlainCodec, decode_all, encode_all
from sessionkit_integrations.tokens import (
    approximate_tokens,
    counted,
    langchain_counter,
    llama_index_counter,
    tiktoken_counter,
    vocabulary,
)
from sessionkit_integrations.tokens.approximate import approximate_text
from tests.benchmarks.tokens import CONVERSATIONS, TEXTS, conversations, rows
from tests.langchain.messages import EVERY_KIND as LANGCHAIN
from tests.llama_index.samples import EVERY_KIND as LLAMA_INDEX
from tests.test_records import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    import tiktoken

    from sessionkit_integrations.tokens import CountTokens

HELLO: Message = {"role": "user", "content": "Hello"}
PAGE = (Path(__file__).parents[1] / "docs" / "tokens.md").read_text("utf-8")
CALL: dict[str, Any] = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
}

CALL_TEXTS = ["get_weather", '{"city": "Paris"}']


@cache
def o200k() -> tiktoken.Encoding:
    tiktoken_counter()
    return vocabulary._load("o200k_base")


def words(text: str) -> list[int]:
    return list(range(len(text.split())))


class Model(GenericFakeChatModel):
    """A scripted chat model whose tokens are words."""

    def __init__(self) -> None:
        super().__init__(messages=iter(()), custom_get_token_ids=words)


MAKERS: dict[str, Callable[[], CountTokens]] = {
    "approximate": lambda: approximate_tokens,
    "tiktoken": tiktoken_counter,
    "langchain": lambda: langchain_counter(Model()),
    "llama_index": llama_index_counter,
}
every_counter = pytest.mark.parametrize("counter", MAKERS)


# What a counter may return


@pytest.mark.parametrize("tokens", [0, 7, np.int64(7), np.uint8(7)])
def test_what_a_counter_returns_is_an_integer(tokens: Any) -> None:
    number = counted(lambda _: tokens, HELLO)
    assert (number, type(number)) == (int(tokens), int)


@pytest.mark.parametrize("tokens", [-1, True, np.True_, 7.0, "7", None, np.int64(-1)])
def test_anything_else_is_refused(tokens: Any) -> None:
    with pytest.raises(InvalidMessageError, match="count_tokens must return an integer of at least 0, got ") as error:
        counted(lambda _: tokens, HELLO)
    assert error.value.field == "tokens"


def test_an_error_of_a_counter_is_the_cause_and_stays_out_of_the_text() -> None:
    def fail(message: Message) -> int:
        raise ValueError("key sk-123 is not valid")

    with pytest.raises(InvalidMessageError) as error:
        counted(fail, HELLO)
    assert str(error.value) == "tokens: cannot be counted: count_tokens raised ValueError; see the cause"
    assert isinstance(error.value.__cause__, ValueError)


# What of a message counts

TEXT = "What is the weather in Paris, and how warm is it?"
COUNTED: list[tuple[dict[str, Any], list[str], int]] = [
    ({"role": "user", "content": ""}, [], 4),
    ({"role": "assistant", "content": None}, [], 4),
    ({"role": "user", "content": TEXT}, [TEXT], 4),
    ({"role": "user", "content": [{"type": "text", "text": TEXT}, {"type": "text", "text": "Hi"}]}, [TEXT, "Hi"], 4),
    ({"role": "user", "content": TEXT, "name": "Ada"}, [TEXT, "Ada"], 5),
    ({"role": "tool", "content": TEXT, "name": "get_weather", "tool_call_id": "call_1"}, [TEXT, "get_weather"], 5),
    ({"role": "assistant", "content": None, "tool_calls": [CALL]}, CALL_TEXTS, 7),
    ({"role": "assistant", "content": "Hi", "tool_calls": [CALL, CALL]}, ["Hi", *CALL_TEXTS, *CALL_TEXTS], 10),
    (
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "run", "input": "print(1)"}}],
        },
        ["run", "print(1)"],
        7,
    ),
    ({"role": "assistant", "content": "Hi", "reasoning_content": TEXT}, ["Hi", TEXT], 4),
    (
        {
            "role": "assistant",
            "content": "Hi",
            "reasoning_details": [
                {"type": "reasoning.text", "text": TEXT, "signature": "x" * 500},
                {"type": "reasoning.summary", "summary": "short"},
                {"type": "reasoning.encrypted", "data": "x" * 500},
            ],
        },
        ["Hi", TEXT, "short"],
        4,
    ),
    ({"role": "assistant", "content": None, "refusal": TEXT}, [TEXT], 4),
    (
        {"role": "assistant", "content": None, "tool_calls": [{"function": {**CALL["function"], "id": "call_1"}}]},
        CALL_TEXTS,
        7,
    ),
    (
        {"role": "assistant", "content": None, "audio": {"id": "a", "transcript": TEXT, "data": "x" * 500}},
        [TEXT],
        4,
    ),
    (
        {"role": "assistant", "content": [{"type": "thinking", "thinking": TEXT, "signature": "x" * 500}]},
        ["thinking", TEXT],
        4,
    ),
    (
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "run", "input": {"code": "1"}}]},
        ["name", "run", "input", "code", "1"],
        4,
    ),
    (
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c", "name": "get_weather"}],
            "tool_calls": [CALL],
        },
        CALL_TEXTS,
        7,
    ),
    ({"role": "user", "content": [{"type": "later", "value": [TEXT, 1.5, 3, None]}]}, ["value", TEXT, "1.5"], 6),
]


@pytest.mark.parametrize(("message", "texts", "more"), COUNTED)
def test_the_texts_of_a_message_count_and_a_few_tokens_more(message: Any, texts: list[str], more: int) -> None:
    assert tiktoken_counter()(message) == more + sum(len(o200k().encode_ordinary(text)) for text in texts)
    assert approximate_tokens(message) == more + sum(map(approximate_text, texts))
    assert llama_index_counter(words)(message) == more + sum(len(text.split()) for text in texts)


PNG = base64.b64encode(b"\x89PNG" + bytes(30_000)).decode()
MEDIA: dict[str, dict[str, Any]] = {
    "image": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    "image by URL": {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
    "sound": {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
    "video": {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{PNG}"}},
    "file": {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}", "filename": "a.pdf"}},
    "Anthropic's image": {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PNG},
    },
    "file by id": {"type": "file", "file": {"file_id": "file-1"}},
    "image in a result": {
        "type": "tool_result",
        "tool_use_id": "c",
        "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}],
    },
}


@pytest.mark.parametrize("part", MEDIA.values(), ids=MEDIA)
@every_counter
def test_media_count_by_a_flat_figure(counter: str, part: dict[str, Any]) -> None:
    count = MAKERS[counter]()
    text = {"type": "text", "text": TEXT}
    alone = count({"role": "user", "content": [text]})
    assert count({"role": "user", "content": [text, part]}) == alone + 765
    assert count({"role": "user", "content": [part, text, part]}) == alone + 2 * 765


# Whatever a session returns


@settings(deadline=None)  # the first call loads a vocabulary
@given(messages)
@every_counter
def test_every_plain_message_can_be_counted(counter: str, message: Any) -> None:
    (read,) = decode_all(PlainCodec(), encode_all(PlainCodec(), [message]), "s")
    assert counted(MAKERS[counter](), read) > 0


def nested(depth: int) -> Any:
    part: Any = {"type": "text", "text": "deep"}
    for _ in range(depth):
        part = {"type": "tool_result", "content": [part]}
    return part


ODD: list[Any] = [
    {"role": "user", "content": "\ud800 half a pair"},
    {"role": "user", "content": [nested(400)]},
    {"role": "user", "content": ["text", 7, None, [["x"]], {"no": "type"}, {"type": ["list"]}, {}]},
    {"role": "user", "content": [{"type": "later", "value": 10**5000}]},
    {"role": "user", "content": {"not": "a list"}},
    {"role": "user", "content": 7},
    {"role": "user"},
    {"role": "assistant", "content": None, "tool_calls": ["x", 7, {}, {"function": 7}, {"function": {"name": 7}}]},
    {"role": "assistant", "content": None, "tool_calls": {"not": "a list"}},
    {"role": "assistant", "content": None, "function_call": {"name": "run", "arguments": "{}"}},
    {"role": "assistant", "content": "", "reasoning_details": "x", "reasoning_content": 7, "refusal": 7, "name": 7},
]


@pytest.mark.slow
@pytest.mark.parametrize("message", ODD)
@pytest.mark.parametrize("counter", ["approximate", "tiktoken", "llama_index"])
def test_what_no_one_checked_can_be_counted(counter: str, message: Any) -> None:
    assert counted(MAKERS[counter](), message) >= 4


@pytest.mark.parametrize(
    ("codec", "written"), [(LangChainCodec(), LANGCHAIN), (LlamaIndexCodec(), LLAMA_INDEX.values())]
)
@every_counter
def test_what_frameworks_wrote_can_be_counted(counter: str, codec: Any, written: Any) -> None:
    count = MAKERS[counter]()
    for message in decode_all(PlainCodec(), encode_all(codec, list(written)), "s"):
        assert counted(count, message) > 0


# How close the approximation is


def test_the_conversations_are_within_a_tenth() -> None:
    row = conversations()
    assert row.tokens == 183_756
    assert abs(row.error) < 0.1


def test_each_language_and_each_kind_of_code_is_within_a_fifth() -> None:
    found = [row for row in rows() if row.text != CONVERSATIONS]
    assert len(found) == len(list(TEXTS.iterdir())) == 18
    assert {row.text: row.error for row in found if abs(row.error) >= 0.2} == {}


def test_the_page_has_the_table_that_is_measured() -> None:
    on_page = {
        line.split(" | ")[0]: line for line in PAGE.splitlines() if re.fullmatch(r"\|.*\d+ \| [+-]\d+% \|", line)
    }
    measured = {f"| {row.text}": str(row) for row in rows()}
    assert {text: on_page.get(text) for text in measured} == measured
    assert on_page.keys() - measured.keys() <= {f"| {CONVERSATIONS}"}  # which not every checkout has beside it


def hostile() -> dict[str, str]:
    chance = random.Random(7)  # noqa: S311 - the same each time
    hexadecimal = chance.randbytes(5_000).hex()
    return {
        "spaces": " " * 10_000,
        "lines": "\n" * 10_000,
        "tabs": "\t" * 10_000,
        "dashes": "-" * 10_000,
        "digits": "".join(chance.choices("0123456789", k=10_000)),
        "base64": base64.b64encode(chance.randbytes(10_000)).decode(),
        "hexadecimal": hexadecimal,
        "HEXADECIMAL": hexadecimal.upper(),
        "letters": "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=10_000)),
        "punctuation": "".join(chance.choices("!@#$%^&*()_+{}[];:,.<>/?", k=10_000)),
        "emoji": "😀🎉👍🚀" * 1_000,
        "flags": "🇩🇪🇫🇷🇯🇵" * 1_000,
    }


@pytest.mark.parametrize("name", hostile())
def test_texts_that_nobody_writes_are_within_a_factor(name: str) -> None:
    text = hostile()[name]
    assert 1 / 1.6 < approximate_text(text) / len(o200k().encode_ordinary(text)) < 1.6


@pytest.mark.parametrize(("letter", "most"), [*((each, 1.6) for each in "a \n\t-A7你😀"), ("я", 2.6), ("क", 4.1)])
def test_a_letter_repeated_never_counts_little(letter: str, most: float) -> None:
    text = letter * 10_000
    assert approximate_text(text) >= len(o200k().encode_ordinary(text)) / most


@pytest.mark.parametrize("counter", ["approximate", "tiktoken"])
def test_counters_can_be_sent_between_processes(counter: str) -> None:
    sent = pickle.dumps(MAKERS[counter]())
    assert len(sent) < 200
    assert pickle.loads(sent)(HELLO) == 5  # noqa: S301 - our own


# The frameworks


def test_langchain_counts_as_the_model_does() -> None:
    count = langchain_counter(Model())
    calling: Any = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    shown: Any = [{"name": "get_weather", "args": {"city": "Paris"}, "id": "call_1", "type": "tool_call"}]
    assert count({"role": "user", "content": "one two"}) == len(["Human:", "one", "two"])
    assert count(calling) == len(get_buffer_string([AIMessage("", tool_calls=shown)]).split())  # as of this version
    assert count({"role": "tool", "content": "21 °C", "tool_call_id": "call_1"}) == len(["Tool:", "21", "°C"])


def test_langchain_shows_the_model_a_copy() -> None:
    message: Any = {
        "role": "assistant",
        "content": [{"type": "text", "text": "x"}, MEDIA["file"]],
        "tool_calls": [CALL],
    }
    before = pickle.dumps(message)
    langchain_counter(Model())(message)
    assert pickle.dumps(message) == before


def test_llama_index_counts_by_its_global_tokenizer() -> None:
    text = "Grüße aus Köln, 1234567!"
    count = llama_index_counter()({"role": "user", "content": text})
    assert count == tiktoken_counter("cl100k_base")({"role": "user", "content": text})
    assert count == 4 + len(llama_index.core.utils.get_tokenizer()(text))


def test_what_is_neither_a_model_nor_a_tokenizer_is_refused() -> None:
    wrong: Any = "gpt-4o"
    with pytest.raises(TypeError, match="model must be a chat model of LangChain, got 'gpt-4o'"):
        langchain_counter(wrong)
    with pytest.raises(TypeError, match="tokenizer must be a callable from a text to its tokens, got 'gpt-4o'"):
        llama_index_counter(wrong)


def test_public_names_are_there_and_misspelled_ones_are_not() -> None:
    for name in tokens.__all__:
        assert getattr(tokens, name)
    with pytest.raises(AttributeError, match="no attribute 'tiktoken_count'"):
        getattr(tokens, "tiktoken_count")  # noqa: B009 - a type checker knows as well


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_the_code_of_the_page_runs(code: str) -> None:
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own
    for expression, said in re.findall(r"^(\w+\(.*\))  # (\d+)$", code, re.MULTILINE):
        assert eval(expression, names) == int(said)  # noqa: S307 - our own
