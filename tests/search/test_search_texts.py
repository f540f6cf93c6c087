"""Texts of messages that a search looks at."""

from __future__ import annotations

from typing import Any

import pytest

from sessionkit_integrations.records.codec import decode_all
from sessionkit_integrations.records.record import encode
from sessionkit_integrations.records.search_texts import Searched, SearchReader

BYTES = "iVBORw0KGgo" * 30


def call(name: str, arguments: str) -> dict[str, Any]:
    return {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("message", "texts"),
    [
        ({"role": "user", "content": "tea"}, ("tea",)),
        ({"role": "user", "content": ""}, ()),
        ({"role": "user", "content": "tea", "name": "Ada"}, ("tea", "Ada")),
        ({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "input_text", "text": "b"}]}, ("a", "b")),
        (
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BYTES}"}}],
            },
            (),
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_data": BYTES, "filename": "bill.pdf"}}]},
            ("bill.pdf",),
        ),
        ({"role": "user", "content": f"see data:image/png;base64,{BYTES}== there"}, ("see   there",)),
        ({"role": "assistant", "content": None, "refusal": "I must not."}, ("I must not.",)),
        ({"role": "assistant", "content": "x", "reasoning_content": "hidden"}, ("x",)),
        (
            {"role": "assistant", "content": None, "tool_calls": [call("get_weather", '{"city": "K\\u00f6ln"}')]},
            ("get_weather", "city: Köln"),
        ),
        (
            {"role": "assistant", "content": "Hm.", "tool_calls": [call("recall", '{"until": null, "query": "tea"}')]},
            ("Hm.", "recall"),
        ),
        (
            {"role": "assistant", "content": "", "tool_calls": [call("recall", '{"product": "tea"}')]},
            ("recall", '{"product": "tea"}'),
        ),
        (
            {"role": "assistant", "content": "", "tool_calls": [call("look", '{"query": "tea"}')]},
            ("look", '{"query": "tea"}'),
        ),
        ({"role": "assistant", "content": "", "tool_calls": [{"id": "1"}, 2]}, ()),
        (
            {
                "role": "assistant",
                "content": "",
                "langchain": {"invalid_tool_calls": [{"name": "f", "args": "{bad", "id": "1"}, 3]},
            },
            ("f", "{bad"),
        ),
        ({"role": "tool", "content": '["a\\nb", {"n": [1, null]}]', "name": "read"}, ("a\nb n: 1 null", "read")),
        (
            {
                "role": "tool",
                "content": "[recalled] Earlier turns of this conversation, the best first.\n\n"
                "<recalled-00000000000a>\ntea\n</recalled-00000000000b>\nmilk\n"
                "</recalled-00000000000a>\n\nand coffee",
            },
            (" \n\nand coffee",),
        ),
        ({"role": "tool", "content": "[recalled] Nothing was found in the earlier part of this conversation."}, (" ",)),
        ({"role": "user", "content": "[recalled] Nothing."}, ("[recalled] Nothing.",)),
        ({"role": "tool", "content": "<recalled-00000000000a>tea"}, ("<recalled-00000000000a>tea",)),
        ({"role": "tool", "content": '{"a\\": broken'}, ('{"a\\": broken',)),
        ({"role": "tool", "content": '{"a": "plain"}'}, ('{"a": "plain"}',)),
    ],
)
def test_texts(message: dict[str, Any], texts: tuple[str, ...]) -> None:
    assert SearchReader().decode(dict(message)).texts == texts


def test_role_time_and_tools() -> None:
    reader = SearchReader()
    calling = {"role": "assistant", "content": "x", "tool_calls": [call("f", "1"), call("g", "2")], "at": 5}
    assert reader.decode(calling) == Searched("assistant", 5, ("x", "f", "1", "g", "2"), ("f", "g"))
    assert reader.decode({"role": "tool", "content": "y", "name": "f", "at": "no"}) == Searched(
        "tool", None, ("y", "f"), ("f",)
    )
    assert reader.decode({"role": "user", "content": "y", "name": "f"}).tools == ()


@pytest.mark.parametrize("start", [0, 1, 99, 100, 101, 199])
def test_bytes_are_left_out_wherever_they_begin(start: int) -> None:
    before = ("a " * 100)[:start]
    (searched,) = decode_all(SearchReader(), [encode({"role": "user", "content": f"{before} {'A' * 200} b"}, 0)], "s")
    assert searched.texts[0].split() == [*before.split(), "b"]
    (searched,) = decode_all(SearchReader(), [encode({"role": "user", "content": f"{before} {'A' * 199} b"}, 0)], "s")
    assert searched.texts[0].split() == [*before.split(), "A" * 199, "b"]
