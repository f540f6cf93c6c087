"""Items of every type, and of types that do not exist yet, come back equal; other readers find what they can use."""

from __future__ import annotations

import json
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import ResponseInputItemParam

from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.openai_agents.codec import OpenAIAgentsCodec
from sessionkit_integrations.providers import to_anthropic, to_gemini, to_openai
from sessionkit_integrations.records.codec import PlainCodec, decode_all, encode_all
from sessionkit_integrations.records.messages import check_message
from sessionkit_integrations.view.reader import ViewReader
from tests.openai_agents.items import ITEMS, SAMPLES, Item

AGENTS: Any = OpenAIAgentsCodec()
PLAIN: Any = PlainCodec()
READERS: tuple[Any, ...] = (PLAIN, LangChainCodec(), LlamaIndexCodec(), ViewReader())


def stored(items: list[Item]) -> list[Any]:
    return encode_all(AGENTS, [items])


def read(records: list[Any]) -> list[Item]:
    return [item for items in decode_all(AGENTS, records, "s") for item in items]


def plain(items: list[Item]) -> list[dict[str, Any]]:
    return decode_all(PLAIN, stored(items), "s")


def test_there_is_a_sample_of_each_type_that_the_sdk_takes() -> None:
    types = set()
    for each in typing.get_args(ResponseInputItemParam):
        kind = typing.get_type_hints(each).get("type")
        types |= {name for part in (kind, *typing.get_args(kind)) for name in typing.get_args(part)}
    names = {name for name in types if isinstance(name, str)}
    assert len(names) > 25
    assert names <= {item.get("type") for item in SAMPLES.values()}


@pytest.mark.parametrize("kind", SAMPLES)
def test_an_item_comes_back_byte_for_byte(kind: str) -> None:
    item = SAMPLES[kind]
    assert json.dumps(read(stored([item]))) == json.dumps([item])


@settings(deadline=None, max_examples=300)
@given(items=st.lists(ITEMS, min_size=1, max_size=6))
def test_any_items_come_back_equal_and_every_reader_reads_them(items: list[Item]) -> None:
    records = stored(items)
    assert repr(read(records)) == repr(items)  # which tells 1 from 1.0, shows the order of keys, and NaN
    for reader in READERS:
        assert len(decode_all(reader, records, "s")) == len(records)
    messages = decode_all(PLAIN, records, "s")
    for message in messages:
        check_message(message)
    for convert in (to_openai, to_anthropic, to_gemini):
        assert convert([{"role": "user", "content": "Hi"}, *messages])
