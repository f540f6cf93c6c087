"""Exact requests that sessions become."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sessionkit_integrations import InvalidMessageError
from sessionkit_integrations.providers import to_anthropic, to_gemini, to_openai
from sessionkit_integrations.window.open_calls import INTERRUPTED
from tests.providers.answers import PNG

SYSTEM: Any = {"role": "system", "content": "Be brief."}
USER: Any = {"role": "user", "content": "Hello"}
GREETING: Any = {"role": "assistant", "content": "Welcome! "}
PDF = base64.b64encode(b"%PDF-").decode()
OGG = base64.b64encode(b"OggS").decode()


def call(call_id: str = "call_1", name: str = "get_weather", arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: dict[str, Any]) -> Any:
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def result(call_id: str = "call_1", content: Any = "sunny", **more: Any) -> Any:
    return {"role": "tool", "tool_call_id": call_id, "content": content, **more}


def text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def results_of(messages: list[Any]) -> list[tuple[str, Any]]:
    """Return what OpenAI is told, by role: with the ids of calls and of what they are answered with."""
    told: list[tuple[str, Any]] = []
    for message in to_openai(messages)["messages"]:
        if message["role"] == "tool":
            told.append((message["tool_call_id"], message["content"]))
        elif message.get("tool_calls"):
            told.append(("calls", [each["id"] for each in message["tool_calls"]]))
        else:
            told.append((message["role"], message["content"]))
    return told


def test_a_conversation_with_tools() -> None:
    said = calling(call(arguments='{"city": "Lisbon"}'))
    messages = [SYSTEM, USER, said, result(is_error=True), GREETING, USER]
    assert to_openai(messages) == {
        "messages": [SYSTEM, USER, said, {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}, GREETING, USER]
    }
    assert to_anthropic(messages) == {
        "system": [text("Be brief.")],
        "messages": [
            {"role": "user", "content": [text("Hello")]},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Lisbon"}}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": [text("sunny")], "is_error": True}
                ],
            },
            {"role": "assistant", "content": [text("Welcome! ")]},
            {"role": "user", "content": [text("Hello")]},
        ],
    }
    function = {"id": "call_1", "name": "get_weather"}
    assert to_gemini(messages) == {
        "config": {"system_instruction": "Be brief."},
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}]},
            {
                "role": "model",
                "parts": [
                    {
                        "function_call": {**function, "args": {"city": "Lisbon"}},
                        "thought_signature": b"skip_thought_signature_validator",
                    }
                ],
            },
            {"role": "user", "parts": [{"function_response": {**function, "response": {"error": "sunny"}}}]},
            {"role": "model", "parts": [{"text": "Welcome! "}]},
            {"role": "user", "parts": [{"text": "Hello"}]},
        ],
    }


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        # results in the order of the calls
        (
            [calling(call("a"), call("b")), result("b", "2"), result("a", "1")],
            [("calls", ["a", "b"]), ("a", "1"), ("b", "2")],
        ),
        # a call that was never answered, at the end and before
        ([calling(call("a"))], [("calls", ["a"]), ("a", INTERRUPTED)]),
        ([calling(call("a")), USER], [("calls", ["a"]), ("a", INTERRUPTED), ("user", "Hello")]),
        # a result that comes late, one whose call is gone, and one too many
        (
            [calling(call("a")), USER, result("a", "late")],
            [("calls", ["a"]), ("a", "late"), ("user", "Hello")],
        ),
        ([USER, result("a", "late")], [("user", "Hello"), ("user", [text("Result of a tool:"), text("late")])]),
        (
            [calling(call("a")), result("a", "1"), result("a", "2", name="f", is_error=True)],
            [("calls", ["a"]), ("a", "1"), ("user", [text("Error of the tool f:"), text("2")])],
        ),
        # a system message between call and result
        ([calling(call("a")), SYSTEM, result("a", "1")], [("calls", ["a"]), ("a", "1"), ("system", "Be brief.")]),
        # the same id twice in a message: by order
        (
            [calling(call("a"), call("a")), result("a", "1"), result("a", "2")],
            [
                ("calls", ["a", "sessionkit_cf6d9263cf71ceca813d69ff"]),
                ("a", "1"),
                ("sessionkit_cf6d9263cf71ceca813d69ff", "2"),
            ],
        ),
    ],
)
def test_calls_are_answered(messages: list[Any], told: list[Any]) -> None:
    assert results_of(messages) == told


def test_calls_and_results_without_ids_are_paired_by_name_and_order() -> None:
    calls = calling(call("", "f"), call("", "g"), call("", "f"))
    results = [result("", "g", name="g"), result("", "f1", name="f"), result("", "f2"), result("", "h", name="h")]
    told = results_of([calls, *results])
    assert [content for _, content in told[1:]] == ["f1", "g", "f2", [text("Result of the tool h:"), text("h")]]
    ids = [call_id for call_id, _ in told[1:4]]
    assert told[0] == ("calls", ids)
    assert len(set(ids)) == 3
    assert told == results_of([calls, *results])  # the same each time


def test_ids_are_what_each_api_takes() -> None:
    messages = [
        USER,
        *(each for call_id in ("a|b", "x" * 41, "x" * 65) for each in (calling(call(call_id)), result(call_id))),
    ]
    openai = [each["tool_call_id"] for each in to_openai(messages)["messages"] if each["role"] == "tool"]
    assert [len(call_id) for call_id in openai] == [3, 35, 35]
    anthropic = [turn["content"][0]["tool_use_id"] for turn in to_anthropic(messages)["messages"][2::2]]
    assert [len(call_id) for call_id in anthropic] == [35, 41, 35]
    assert openai[2] == anthropic[2] != openai[1]
    functions = [turn["parts"][0]["function_call"]["id"] for turn in to_gemini(messages)["contents"][1::2]]
    assert functions == ["a|b", "x" * 41, "x" * 65]


def test_gemini_is_told_no_id_that_nobody_gave() -> None:
    contents = to_gemini([USER, calling(call("")), result("")])["contents"]
    assert contents[1]["parts"][0]["function_call"].keys() == {"name", "args"}
    assert contents[2]["parts"][0]["function_response"].keys() == {"name", "response"}


@pytest.mark.parametrize(
    ("name", "openai", "anthropic", "gemini"),
    [
        ("get_weather", "get_weather", "get_weather", "get_weather"),
        ("a.b:c", "a_b_c", "a_b_c", "a.b:c"),
        ("1 é", "1__", "1__", "_1__"),
        ("", "_", "_", "_"),
        ("n" * 200, "n" * 64, "n" * 128, "n" * 64),
    ],
)
def test_names_of_tools(name: str, openai: str, anthropic: str, gemini: str) -> None:
    messages = [USER, calling(call(name=name)), result()]
    assert to_openai(messages)["messages"][1]["tool_calls"][0]["function"]["name"] == openai
    assert to_anthropic(messages)["messages"][1]["content"][0]["name"] == anthropic
    contents = to_gemini(messages)["contents"]
    assert contents[1]["parts"][0]["function_call"]["name"] == gemini
    assert contents[2]["parts"][0]["function_response"]["name"] == gemini


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"a":  1}', {"a": 1}),
        (" ", {}),
        ("[1]", {"arguments": "[1]"}),
        ("{", {"arguments": "{"}),
        ('{"a": NaN}', {"arguments": '{"a": NaN}'}),
        ('{"a": "\\ud800"}', {"arguments": '{"a": "\\ud800"}'}),
    ],
)
def test_arguments_are_an_object(arguments: str, expected: dict[str, Any]) -> None:
    messages = [USER, calling(call(arguments=arguments)), result()]
    written = to_openai(messages)["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(written) == expected
    assert (written == arguments) is arguments.startswith('{"a":  ')
    assert to_anthropic(messages)["messages"][1]["content"][0]["input"] == expected
    assert to_gemini(messages)["contents"][1]["parts"][0]["function_call"]["args"] == expected


def test_custom_tools() -> None:
    custom = {"id": "call_1", "type": "custom", "custom": {"name": "py", "input": "1 + 1"}}
    messages = [USER, calling(custom), result()]
    assert to_openai(messages)["messages"][1]["tool_calls"] == [custom]
    assert to_anthropic(messages)["messages"][1]["content"][0]["input"] == {"input": "1 + 1"}


def test_only_openais_fields_are_sent() -> None:
    stored: Any = [
        {"role": "system", "content": "s", "name": "a b", "at": 1},
        {"role": "user", "content": "u", "name": "ada", "mood": "good"},
        {**calling({**call(), "index": 0, "extra_content": {}}), "extra_content": {}, "reasoning_details": []},
        result(name="get_weather", is_error=False),
        {"role": "assistant", "content": [], "name": "bob"},
    ]
    assert to_openai(stored)["messages"] == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u", "name": "ada"},
        calling(call()),
        result(),
        {"role": "assistant", "content": "", "name": "bob"},
    ]


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"content": [{"type": "refusal", "refusal": "No."}]}, [{"type": "refusal", "refusal": "No."}]),
        ({"content": None, "refusal": "No."}, [{"type": "refusal", "refusal": "No."}]),
        ({"content": [text("Hm."), {"type": "refusal", "refusal": "No."}]}, [text("Hm."), text("No.")]),
    ],
)
def test_refusals(message: dict[str, Any], content: list[Any]) -> None:
    messages: Any = [USER, {"role": "assistant", **message}]
    assert to_openai(messages)["messages"][1]["content"] == content
    assert to_anthropic(messages)["messages"][1]["content"][-1] == text("No.")
    assert to_gemini(messages)["contents"][1]["parts"][-1] == {"text": "No."}


def test_a_greeting_and_silence() -> None:
    silent: Any = {"role": "assistant", "content": " "}
    wordless: Any = {"role": "user", "content": ""}
    assert to_anthropic([GREETING, USER, USER, silent])["messages"] == [
        {"role": "user", "content": [text("(no message)")]},
        {"role": "assistant", "content": [text("Welcome! ")]},
        {"role": "user", "content": [text("Hello"), text("Hello")]},
    ]
    assert to_gemini([GREETING, wordless])["contents"] == [
        {"role": "user", "parts": [{"text": "(no message)"}]},
        {"role": "model", "parts": [{"text": "Welcome! "}]},
        {"role": "user", "parts": [{"text": "(no message)"}]},
    ]
    assert to_anthropic([USER, GREETING])["messages"][1]["content"] == [text("Welcome!")]


@pytest.mark.parametrize("messages", [[], [SYSTEM], [SYSTEM, GREETING]])
def test_what_cannot_be_asked(messages: list[Any]) -> None:
    for convert in (to_anthropic, to_gemini):
        with pytest.raises(InvalidMessageError, match="add one before you ask"):
            convert(messages)
    if not messages:
        with pytest.raises(InvalidMessageError, match="add one before you ask"):
            to_openai(messages)


def test_configuration_of_gemini() -> None:
    assert to_gemini([USER]) == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
    config = {"temperature": 0}
    assert to_gemini([SYSTEM, USER], config)["config"] == {"system_instruction": "Be brief.", "temperature": 0}
    assert config == {"temperature": 0}
    assert to_gemini([SYSTEM, USER], {"system_instruction": "x"})["config"] == {"system_instruction": "x"}


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def file(data: str, **more: str) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": data, **more}}


def inline(data: str, mime_type: str) -> dict[str, Any]:
    return {"inline_data": {"data": base64.b64decode(data), "mime_type": mime_type}}


def by_url(url: str, mime_type: str) -> dict[str, Any]:
    return {"file_data": {"file_uri": url, "mime_type": mime_type}}


def block(kind: str, **source: str) -> dict[str, Any]:
    return {"type": kind, "source": source}


INLINE_IMAGE = image(f"data:image/png;base64,{PNG}")
PAPER = "https://example.com/paper.pdf"
MEDIA: list[tuple[Any, ...]] = [
    (
        INLINE_IMAGE,
        INLINE_IMAGE,
        block("image", type="base64", media_type="image/png", data=PNG),
        inline(PNG, "image/png"),
    ),
    (
        image(f"data:;base64,{PNG}"),
        INLINE_IMAGE,
        block("image", type="base64", media_type="image/png", data=PNG),
        inline(PNG, "image/png"),
    ),
    (
        image("https://example.com/a?b=c"),
        image("https://example.com/a?b=c"),
        block("image", type="url", url="https://example.com/a?b=c"),
        by_url("https://example.com/a?b=c", "image/jpeg"),
    ),
    (
        image("http://example.com/a.webp"),
        image("http://example.com/a.webp"),
        "[image left out: http://example.com/a.webp]",
        by_url("http://example.com/a.webp", "image/webp"),
    ),
    (image("data:image/tiff;base64,SUkq"), *["[image left out]"] * 3),
    (image("data:image/png;base64,iVBO!Rw0K"), *["[image left out]"] * 3),
    (
        {"type": "input_audio", "input_audio": {"data": OGG, "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": OGG, "format": "wav"}},
        "[audio left out]",
        inline(OGG, "audio/wav"),
    ),
    (
        {"type": "input_audio", "input_audio": {"data": OGG, "format": "ogg"}},
        "[audio left out]",
        "[audio left out]",
        inline(OGG, "audio/ogg"),
    ),
    (
        {"type": "video_url", "video_url": {"url": "https://youtu.be/x"}},
        *["[video left out: https://youtu.be/x]"] * 2,
        by_url("https://youtu.be/x", "video/mp4"),
    ),
    (
        file(f"data:application/pdf;base64,{PDF}", filename="a.pdf"),
        file(f"data:application/pdf;base64,{PDF}", filename="a.pdf"),
        {**block("document", type="base64", media_type="application/pdf", data=PDF), "title": "a.pdf"},
        inline(PDF, "application/pdf"),
    ),
    (
        file(PAPER),
        f"[file left out: {PAPER}]",
        block("document", type="url", url=PAPER),
        by_url(PAPER, "application/pdf"),
    ),
    (
        file("data:text/markdown;base64,SGVsbG8="),
        file("data:text/markdown;base64,SGVsbG8=", filename="file"),
        block("document", type="text", media_type="text/plain", data="Hello"),
        inline("SGVsbG8=", "text/markdown"),
    ),
    (
        file("data:text/plain;base64,ICA="),
        file("data:text/plain;base64,ICA=", filename="file"),
        "[file left out]",
        inline("ICA=", "text/plain"),
    ),
    (
        file("data:application/zip;base64,UEs=", filename="a.zip"),
        file("data:application/zip;base64,UEs=", filename="a.zip"),
        "[file a.zip left out]",
        "[file a.zip left out]",
    ),
    (
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        *["[file left out: file-1]"] * 2,
    ),
    ({"type": "mystery"}, *["[mystery left out]"] * 3),
    ({"type": "mystery", "name": "x"}, *["[mystery x left out]"] * 3),
    *[({"type": kind, "text": "Hi"}, *["Hi"] * 3) for kind in ("input_text", "output_text", "text-plain")],
    (
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
        block("image", type="base64", media_type="image/png", data=PNG),
        inline(PNG, "image/png"),
    ),
    ({"type": "input_image", "file_id": "file-1"}, *["[image left out: file-1]"] * 3),
    ({"type": "input_image"}, *["[input_image left out]"] * 3),
    (
        {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
        file(f"data:application/pdf;base64,{PDF}", filename="a.pdf"),
        {**block("document", type="base64", media_type="application/pdf", data=PDF), "title": "a.pdf"},
        inline(PDF, "application/pdf"),
    ),
    (
        {"type": "input_file", "file_url": PAPER},
        f"[file left out: {PAPER}]",
        block("document", type="url", url=PAPER),
        by_url(PAPER, "application/pdf"),
    ),
    (
        {
            "type": "document",
            "title": "a.pdf",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
        },
        file(f"data:application/pdf;base64,{PDF}", filename="a.pdf"),
        {**block("document", type="base64", media_type="application/pdf", data=PDF), "title": "a.pdf"},
        inline(PDF, "application/pdf"),
    ),
    ({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}}, *["Hi"] * 3),
    ({"type": "document", "source": {"type": "content", "content": "Hi"}}, *["Hi"] * 3),
    ({"type": "file", "source_type": "text", "mime_type": "text/plain", "text": "Hi"}, *["Hi"] * 3),
    (
        {"type": "file", "source_type": "id", "id": "file-1"},
        {"type": "file", "file": {"file_id": "file-1"}},
        *["[file left out: file-1]"] * 2,
    ),
    (
        {"type": "image", "data": PNG, "mimeType": "image/png"},
        INLINE_IMAGE,
        block("image", type="base64", media_type="image/png", data=PNG),
        inline(PNG, "image/png"),
    ),
    (
        {"type": "media", "mime_type": "video/mp4", "file_uri": "https://youtu.be/x"},
        *["[video left out: https://youtu.be/x]"] * 2,
        by_url("https://youtu.be/x", "video/mp4"),
    ),
    ({"type": "tool_result", "tool_use_id": "a", "content": [text("Hi")]}, *["Hi"] * 3),
    ({"type": "tool_use", "id": "a", "name": "f", "input": {}}, *["[tool_use f left out]"] * 3),
    ({"type": "thinking", "thinking": "hm"}, *["[thinking left out]"] * 3),
]


def test_a_search_result_is_its_texts() -> None:
    found = {"type": "search_result", "title": "Note", "source": "https://example.org", "content": [text("Buy milk.")]}
    expected = [text("Note: https://example.org"), text("Buy milk.")]
    messages = [USER, calling(call()), result(content=[found])]
    assert to_openai(messages)["messages"][2]["content"] == expected
    assert to_anthropic(messages)["messages"][2]["content"][0]["content"] == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"audio": {"id": "audio_1", "transcript": "Hi"}}, "Hi"),
        ({"audio": {"id": "audio_1"}}, "[audio left out]"),
        ({"function_call": {"name": "f", "arguments": "{}"}}, "[function_call f left out]"),
        ({"refusal": "No."}, "No."),
    ],
)
def test_what_stands_in_the_place_of_content_is_told(fields: dict[str, Any], expected: str) -> None:
    messages: Any = [USER, {"role": "assistant", "content": None, **fields}]
    (part,) = to_openai(messages)["messages"][1]["content"]
    assert part[part["type"]] == expected
    assert to_anthropic(messages)["messages"][1]["content"] == [text(expected)]
    assert to_gemini(messages)["contents"][1]["parts"] == [{"text": expected}]


def test_half_an_emoji_can_be_sent() -> None:
    messages: Any = [{"role": "user", "content": "\ud83d!"}, calling(call(arguments='{"a": "\ud83d"}')), result()]
    for kwargs in (to_openai(messages), to_anthropic(messages), to_gemini(messages)):
        assert "\ufffd!" in json.dumps(kwargs, ensure_ascii=False, default=str).encode().decode()


THOUGHT = {"type": "reasoning.text", "text": "hm"}


@pytest.mark.parametrize("stored", [{"reasoning_content": "hm"}, {"reasoning_details": [THOUGHT]}])
@pytest.mark.parametrize(
    ("name", "sent"), [("reasoning_content", "hm"), ("reasoning", "hm"), ("reasoning_details", [THOUGHT])]
)
def test_reasoning_is_sent_to_openais_kin_that_ask_for_it(stored: dict[str, Any], name: str, sent: Any) -> None:
    messages: list[Any] = [{**USER, **stored}, {**calling(call()), **stored}, result()]
    kept = to_openai(messages, keep=[name])["messages"]
    assert kept[1] == {**to_openai(messages)["messages"][1], name: sent}
    assert kept[2] == to_openai(messages)["messages"][2]


def test_what_else_a_server_asks_for_is_sent_in_messages_and_calls() -> None:
    signed = {"google": {"thought_signature": "c2ln"}}
    said: Any = {**calling({**call(), "extra_content": signed, "index": 0}), "extra_content": signed, "later": 1}
    plain = to_openai([USER, said, result()])["messages"]
    assert plain[1] == calling(call())
    for keep in ("extra_content", ["extra_content", "role"], {"extra_content": True}):
        kept = to_openai([USER, said, result()], keep=keep)["messages"]
        assert kept[1] == {**calling({**call(), "extra_content": signed}), "extra_content": signed}
        assert kept[2:] == plain[2:]


@pytest.mark.parametrize(("part", "openai", "anthropic", "gemini"), MEDIA)
def test_media(part: dict[str, Any], openai: Any, anthropic: Any, gemini: Any) -> None:
    messages: Any = [{"role": "user", "content": [part]}]
    assert to_openai(messages)["messages"][0]["content"] == [text(openai) if isinstance(openai, str) else openai]
    block = text(anthropic) if isinstance(anthropic, str) else anthropic
    assert to_anthropic(messages)["messages"][0]["content"] == [block]
    assert to_gemini(messages)["contents"][0]["parts"] == [{"text": gemini} if isinstance(gemini, str) else gemini]


@pytest.mark.parametrize("is_error", [False, True])
def test_media_in_results(is_error: bool) -> None:
    messages = [
        USER,
        calling(call(), call("b")),
        result(content=[text("See:"), INLINE_IMAGE], is_error=is_error),
        result("b"),
    ]
    assert to_openai(messages)["messages"][2]["content"] == [text("See:"), text("[image left out]")]
    image = block("image", type="base64", media_type="image/png", data=PNG)
    first, second, *after = to_anthropic(messages)["messages"][2]["content"]
    assert first["content"] == ([text("See:")] if is_error else [text("See:"), image])
    assert second == {"type": "tool_result", "tool_use_id": "b", "content": [text("sunny")]}
    assert after == ([image] if is_error else [])
    parts = to_gemini(messages)["contents"][2]["parts"]
    assert parts[0]["function_response"]["response"] == {"error" if is_error else "output": "See:"}
    assert parts[1]["function_response"]["response"] == {"output": "sunny"}
    assert parts[2:] == [inline(PNG, "image/png")]


def test_media_of_an_assistant() -> None:
    messages: Any = [USER, {"role": "assistant", "content": [text("Here:"), INLINE_IMAGE]}, USER]
    assert to_openai(messages)["messages"][1]["content"] == [text("Here:"), text("[image left out]")]
    assert to_anthropic(messages)["messages"][1]["content"] == [text("Here:"), text("[image left out]")]
    assert to_gemini(messages)["contents"][1]["parts"] == [{"text": "Here:"}, inline(PNG, "image/png")]
