"""The rules that requests are checked by refuse what they should, so that the other tests can fail."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tests.providers.rules import anthropic as anthropic_rules
from tests.providers.rules import gemini as gemini_rules
from tests.providers.rules import openai as openai_rules
from tests.providers.rules.shapes import RefusedError

if TYPE_CHECKING:
    from tests.providers.clients import Clients

PNG = base64.b64encode(b"png").decode()
USER = {"role": "user", "content": "Hi"}


def call(call_id: str = "a", name: str = "f", **more: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}, **more}


def calling(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def result(call_id: str = "a", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": "", **more}


def saying(*parts: dict[str, Any], role: str = "user") -> list[dict[str, Any]]:
    return [{"role": role, "content": list(parts)}]


def text(text: Any = "Hi", **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **more}


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def audio(data: str, kind: str) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": data, "format": kind}}


REFUSAL = {"type": "refusal", "refusal": "No."}


def test_openai_takes_what_is_right() -> None:
    parts = [
        text(),
        image("https://x", detail="low"),
        image(f"data:image/png;base64,{PNG}"),
        audio(PNG, "wav"),
        {"type": "file", "file": {"file_id": "f"}},
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}", "filename": "f"}},
    ]
    custom = {"id": "b", "type": "custom", "custom": {"name": "f", "input": ""}}
    openai_rules.check({"messages": [*saying(*parts), calling(call(), custom), result("b"), result(), USER]})
    openai_rules.check(
        {"messages": [{"role": "system", "content": "", "name": "n"}, *saying(REFUSAL, role="assistant")]}
    )


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "developer", "content": "x"}],
        [{**USER, "at": 1}],
        [{**USER, "name": "two words"}],
        [{**USER, "name": "n" * 65}],
        [{"role": "user"}],
        [{"role": "assistant", "content": None}],
        [{"role": "user", "content": []}],
        [USER, result()],
        [USER, calling(call())],
        [USER, calling(call()), USER, result()],
        [USER, calling(call("a"), call("b")), result("a")],
        [USER, calling(call()), result(), result()],
        [USER, calling(call()), result(name="f")],
        [USER, calling(call("x" * 41)), result("x" * 41)],
        [USER, calling(call("")), result("")],
        [USER, calling(call(), call()), result(), result()],
        [USER, calling(call(name="two words")), result()],
        [USER, calling(call(name="")), result()],
        [USER, calling(call(extra_content={})), result()],
        [USER, {"role": "assistant", "content": "x", "tool_calls": []}],
        [USER, calling({"id": "a", "function": {"name": "f", "arguments": "{}"}}), result()],
        saying(text(1)),
        saying(text(more=1)),
        saying({"type": "mystery"}),
        saying(REFUSAL),
        saying(REFUSAL, text(), role="assistant"),
        saying(image("https://x"), role="assistant"),
        saying(image("https://x"), role="system"),
        saying(image("gs://x")),
        saying(image(f"data:image/tiff;base64,{PNG}")),
        saying(image("data:image/png;base64,?")),
        saying(image("https://x", detail="much")),
        saying(audio(PNG, "ogg")),
        saying(audio("?", "wav")),
        saying(audio("", "wav")),
        saying({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}"}}),
        saying({"type": "file", "file": {"file_data": "https://x", "filename": "f"}}),
        saying({"type": "file", "file": {"file_id": "f", "filename": "f"}}),
    ],
)
def test_openai_refuses(messages: list[Any]) -> None:
    with pytest.raises(RefusedError):
        openai_rules.check({"messages": messages})


def use(call_id: str = "a", **more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "f", "input": {}, **more}


def answer(call_id: str = "a", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, **more}


def source(kind: str, **source: Any) -> dict[str, Any]:
    return {"type": kind, "source": source}


def turns(*contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"role": "assistant" if at % 2 else "user", "content": content} for at, content in enumerate(contents)]


THINKING = {"type": "thinking", "thinking": "", "signature": "claude-1"}
IMAGE = source("image", type="base64", media_type="image/png", data=PNG)


def test_anthropic_takes_what_is_right() -> None:
    documents = [
        source("document", type="url", url="https://x"),
        source("document", type="text", media_type="text/plain", data="x"),
        {**source("document", type="base64", media_type="application/pdf", data=PNG), "title": "t"},
    ]
    redacted = {"type": "redacted_thinking", "data": "claude-1"}
    messages = turns(
        [text(), IMAGE, *documents],
        [THINKING, redacted, text(), use("a"), use("b")],
        [answer("b", content=[text(), IMAGE]), answer("a", content=[text()], is_error=True), text()],
        [text()],
    )
    anthropic_rules.check({"max_tokens": 1, "system": [text()], "messages": messages})


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "assistant", "content": [text()]}],
        [*turns([text()]), *turns([text()])],
        [{"role": "system", "content": [text()]}, *turns([text()])],
        [{**turns([text()])[0], "at": 1}],
        turns([]),
        turns([text("")]),
        turns([text(" \n")]),
        turns([text(more=1)]),
        turns([{"type": "input_audio"}]),
        turns([answer()]),
        turns([text()], [use()]),
        turns([text()], [use()], [text()]),
        turns([text()], [use()], [text(), answer()]),
        turns([text()], [use()], [answer(), answer()]),
        turns([text()], [use("a"), use("b")], [answer("a")]),
        turns([text()], [use(), use()], [answer()]),
        turns([text()], [use()], [answer()], [use()], [answer()]),
        turns([text()], [use(), text()], [answer()]),
        turns([text()], [use("a|b")], [answer("a|b")]),
        turns([text()], [use("a" * 65)], [answer("a" * 65)]),
        turns([text()], [use(name="a b")], [answer()]),
        turns([text()], [use(input=[])], [answer()]),
        turns([text()], [use(caller=None)], [answer()]),
        turns([text()], [use()], [answer(content=[])]),
        turns([text()], [use()], [answer(content=[text("")])]),
        turns([text()], [use()], [answer(content=[IMAGE], is_error=True)]),
        turns([text()], [use()], [answer(name="f")]),
        turns([text()], [IMAGE]),
        turns([text()], [text("Hi ")]),
        turns([text()], [text(citations=[{"file_id": None}])]),
        turns([text()], [text(), THINKING]),
        turns([text()], [{**THINKING, "signature": "other"}, text()]),
        turns([text()], [{"type": "redacted_thinking", "data": "other"}, text()]),
        turns([THINKING, text()]),
        turns([source("image", type="url", url="http://x")]),
        turns([source("image", type="base64", media_type="image/tiff", data=PNG)]),
        turns([source("image", type="base64", media_type="image/png", data="?")]),
        turns([source("image", type="text", media_type="text/plain", data="x")]),
        turns([source("document", type="base64", media_type="image/png", data=PNG)]),
        turns([source("document", type="text", media_type="text/plain", data=" ")]),
    ],
)
def test_anthropic_refuses(messages: list[Any]) -> None:
    with pytest.raises(RefusedError):
        anthropic_rules.check({"max_tokens": 1, "messages": messages})


@pytest.mark.parametrize("more", [{}, {"max_tokens": 1, "system": []}, {"max_tokens": 1, "system": [text(" ")]}])
def test_anthropic_refuses_more(more: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        anthropic_rules.check({"messages": turns([text()]), **more})


def function(call_id: str | None = None, **more: Any) -> dict[str, Any]:
    identity = {} if call_id is None else {"id": call_id}
    return {"functionCall": {"name": "f", "args": {}, **identity}, "thoughtSignature": SKIP, **more}


def response(call_id: str | None = None, **more: Any) -> dict[str, Any]:
    identity = {} if call_id is None else {"id": call_id}
    return {"functionResponse": {"name": "f", "response": {}, **identity, **more}}


def contents(*parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"role": "model" if at % 2 else "user", "parts": each} for at, each in enumerate(parts)]


SKIP = base64.b64encode(gemini_rules.SKIP).decode()
SAID = {"text": "Hi"}
INLINE = {"inlineData": {"data": PNG, "mimeType": "image/png"}}
FILE = {"fileData": {"fileUri": "https://x", "mimeType": "video/mp4"}}


def test_gemini_takes_what_is_right() -> None:
    unsigned = function("b")
    del unsigned["thoughtSignature"]
    parts = [response("a"), response("b"), INLINE]
    turns = contents([SAID, INLINE, FILE], [SAID, function("a"), unsigned], parts, [{**SAID, "thoughtSignature": SKIP}])
    gemini_rules.check({"contents": turns, "systemInstruction": {"parts": [SAID]}})


@pytest.mark.parametrize(
    "turns",
    [
        [],
        [{"role": "model", "parts": [SAID]}],
        [*contents([SAID]), *contents([SAID])],
        [{"role": "user", "parts": []}],
        [{"role": "user", "parts": [SAID], "at": 1}],
        contents([{}]),
        contents([{"text": ""}]),
        contents([{"text": " "}]),
        contents([{**SAID, **INLINE}]),
        contents([{**SAID, "thoughtSignature": SKIP}]),
        contents([SAID], [{**SAID, "thoughtSignature": "?"}]),
        contents([SAID], [{**SAID, "thoughtSignature": PNG}]),
        contents([function()]),
        contents([response()]),
        contents([SAID], [function()]),
        contents([SAID], [function()], [SAID]),
        contents([SAID], [function(), function()], [response()]),
        contents([SAID], [function()], [response(), response()]),
        contents([SAID], [function()], [SAID, response()]),
        contents([SAID], [function("a")], [response("b")]),
        contents([SAID], [function("a")], [response()]),
        contents([SAID], [function("")], [response("")]),
        contents([SAID], [function("a"), function("a")], [response("a"), response("a")]),
        contents([SAID], [function()], [response(name="g")]),
        contents([SAID], [function()], [response(response="x")]),
        contents([SAID], [{"functionCall": {"name": "f", "args": {}}}], [response()]),
        contents([SAID], [function(functionCall={"name": "1 f", "args": {}})], [response(name="1 f")]),
        contents([SAID], [function(functionCall={"name": "f", "args": []})], [response()]),
        contents([{"inlineData": {"data": "?", "mimeType": "image/png"}}]),
        contents([{"inlineData": {"data": PNG, "mimeType": "image/tiff"}}]),
        contents([{"inlineData": {"data": PNG}}]),
        contents([{"fileData": {"fileUri": "https://x"}}]),
        contents([{"fileData": {"fileUri": "", "mimeType": "video/mp4"}}]),
        contents([{"fileData": {"fileUri": "https://x", "mimeType": "application/zip"}}]),
    ],
)
def test_gemini_refuses(turns: list[Any]) -> None:
    with pytest.raises(RefusedError):
        gemini_rules.check({"contents": turns})


def test_a_refusal_is_an_error_of_the_sdk(clients: Clients) -> None:
    with pytest.raises(clients.refusals["openai"], match="is too short"):
        clients.ask_openai("text", {"messages": []})
    with pytest.raises(clients.refusals["anthropic"], match="is too short"):
        clients.ask_anthropic("text", {"messages": []})
    with pytest.raises(clients.refusals["gemini"], match="roles must alternate"):
        clients.ask_gemini("text", {"contents": contents([SAID]) * 2})
