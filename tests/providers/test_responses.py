"""Responses as they are stored, and as they go back."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import InvalidMessageError
from sessionkit_integrations.providers import from_gemini, to_anthropic, to_gemini, to_openai
from sessionkit_integrations.window.open_calls import INTERRUPTED
from tests.providers import answers
from tests.providers.answers import LISBON, PNG, PORTO, SIGNATURE

if TYPE_CHECKING:
    from tests.providers.clients import Clients

USER: Any = {"role": "user", "content": "Hello"}
SIGNED = {"google": {"thought_signature": SIGNATURE}}
CLAUDE = "anthropic-claude-v1"


def stored(clients: Clients, name: str, model: str) -> Any:
    provider = clients.provider(name)
    message: Any = provider.message(provider.ask(model, provider.request([USER])))
    message.pop("usage", None)
    return message


def call(call_id: str, arguments: dict[str, str], **more: Any) -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": json.dumps(arguments)}
    return {"id": call_id, "type": "function", "function": function, **more}


def assistant(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


@pytest.mark.parametrize(
    ("name", "model", "message"),
    [
        ("openai", "text", assistant("It is sunny.")),
        ("openai", "stream", assistant("It is sunny.")),
        ("openai", "tools", assistant(None, tool_calls=[call("call_1", LISBON), call("call_2", PORTO)])),
        (
            "openai",
            "custom",
            assistant("Run:", tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "py", "input": "1+1"}}]),
        ),
        ("openai", "refusal", assistant([{"type": "refusal", "refusal": "I cannot."}])),
        ("openai", "spoken", assistant("Sunny.")),
        ("openai", "thoughts", assistant("21", reasoning_details=[{"type": "reasoning.text", "text": "7 * 3"}])),
        ("openai", "details", assistant("21", reasoning_details=answers.DETAILS)),
        ("openai", "google", assistant(None, tool_calls=[call("c", LISBON, extra_content=SIGNED)])),
        ("openai", "silent", assistant("")),
        ("anthropic", "text", assistant("It is sunny.")),
        (
            "anthropic",
            "texts",
            assistant([{"type": "text", "text": "It is sunny."}, {"type": "text", "text": "Warm, too."}]),
        ),
        ("anthropic", "tools", assistant("I look.", tool_calls=[call("toolu_1", LISBON), call("toolu_2", PORTO)])),
        (
            "anthropic",
            "thinking",
            assistant(
                "It is sunny.",
                tool_calls=[call("toolu_3", LISBON)],
                reasoning_details=[
                    {"type": "reasoning.text", "text": "Let me see.", "signature": "claude-1", "format": CLAUDE},
                    {"type": "reasoning.encrypted", "data": "claude-2", "format": CLAUDE},
                ],
            ),
        ),
        (
            "anthropic",
            "stream",
            assistant(
                "I look.",
                tool_calls=[call("toolu_6", LISBON)],
                reasoning_details=[
                    {"type": "reasoning.text", "text": "", "signature": "claude-1", "format": CLAUDE},
                ],
            ),
        ),
        ("anthropic", "silent", assistant("")),
        ("gemini", "text", assistant("It is sunny.", extra_content=SIGNED)),
        ("gemini", "stream", assistant("It is sunny.", extra_content=SIGNED)),
        ("gemini", "ids", assistant("I look.", tool_calls=[call("g1", LISBON), call("g2", PORTO)])),
        (
            "gemini",
            "thinking",
            assistant(
                "Sunny.",
                reasoning_details=[{"type": "reasoning.text", "text": "Let me see.", "format": "google-gemini-v1"}],
            ),
        ),
        ("gemini", "code", assistant("I compute.\n```\nprint(7 * 3)\n```\n\n```\n21\n```\n", extra_content=SIGNED)),
        (
            "gemini",
            "image",
            assistant(
                [
                    {"type": "text", "text": "Here:"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                ]
            ),
        ),
        ("gemini", "silent", assistant("")),
    ],
)
def test_what_is_stored(clients: Clients, name: str, model: str, message: dict[str, Any]) -> None:
    assert stored(clients, name, model) == message


def test_calls_without_an_id_get_one_of_their_own(clients: Clients) -> None:
    calls = [
        *stored(clients, "gemini", "tools")["tool_calls"],
        *stored(clients, "gemini", "tools")["tool_calls"],
        *stored(clients, "openai", "no-ids")["tool_calls"],
    ]
    ids = [call["id"] for call in calls]
    assert len(set(ids)) == 5
    assert all(len(call_id) <= 40 for call_id in ids)
    assert [call.get("extra_content") for call in calls] == [SIGNED, None, SIGNED, None, None]


@pytest.mark.parametrize(
    ("name", "model", "problem"),
    [
        ("openai", "filtered", "it ended with content_filter"),
        ("openai", "no-choices", "has no choices"),
        ("anthropic", "refusal", "it ended with refusal"),
        ("anthropic", "limit", "it ended with max_tokens"),
        ("gemini", "safety", "it ended with SAFETY"),
        ("gemini", "blocked", "the prompt was blocked for PROHIBITED_CONTENT"),
    ],
)
def test_a_response_with_nothing_in_it_is_an_error(clients: Clients, name: str, model: str, problem: str) -> None:
    with pytest.raises(InvalidMessageError, match=problem) as raised:
        stored(clients, name, model)
    assert raised.value.field == "response"


def test_a_stream_that_gave_nothing_is_an_error() -> None:
    with pytest.raises(InvalidMessageError, match="no reason given"):
        from_gemini([])


@pytest.mark.parametrize("model", ["interleaved", "search"])
def test_what_anthropic_answers_goes_back_as_it_was(clients: Clients, model: str) -> None:
    message = stored(clients, "anthropic", model)
    blocks = to_anthropic([USER, message])["messages"][1]["content"]
    expected = [block for block in answers.ANTHROPIC[model]["content"] if block.get("text") != " "]
    for block in expected:
        block.pop("caller", None)  # the default
    if model == "search":
        expected[2] = {**expected[2], "citations": [answers.CITATION]}
    assert blocks == expected


@pytest.mark.parametrize("change", [{"content": "Redacted."}, {"tool_calls": []}, {"content": None}])
def test_a_message_that_was_changed_goes_back_changed(clients: Clients, change: dict[str, Any]) -> None:
    message: Any = {**stored(clients, "anthropic", "search"), **change}
    blocks = to_anthropic([USER, message, USER])["messages"][1]["content"]
    assert {block["type"] for block in blocks} <= {"text", "tool_use"}


def test_replaced_ids_are_replaced_in_content_that_goes_back_unchanged(clients: Clients) -> None:
    message = stored(clients, "anthropic", "interleaved")
    result: Any = {"role": "tool", "tool_call_id": "toolu_4", "content": "sunny"}
    first, second = (
        turn["content"]
        for turn in to_anthropic([USER, message, result, message, result])["messages"]
        if turn["role"] == "assistant"
    )
    assert first[-1]["id"] == "toolu_4" != second[-1]["id"]
    assert first[:-1] == second[:-1]


def test_thinking_goes_back_to_anthropic_only(clients: Clients) -> None:
    message = stored(clients, "anthropic", "thinking")
    assert to_anthropic([USER, message])["messages"][1]["content"] == answers.ANTHROPIC["thinking"]["content"]
    assert to_openai([USER, message])["messages"][1].keys() == {"role", "content", "tool_calls"}
    assert [part.keys() for part in to_gemini([USER, message])["contents"][1]["parts"]] == [
        {"text"},
        {"function_call", "thought_signature"},
    ]


def test_thinking_of_others_and_at_the_end_is_left_out() -> None:
    details = [
        {"type": "reasoning.text", "text": "unsigned"},
        {"type": "reasoning.text", "text": "", "signature": "x", "format": "google-gemini-v1"},
        {"type": "reasoning.encrypted", "data": "x"},
        {"type": "reasoning.summary", "summary": "x"},
    ]
    message: Any = assistant("Hi", reasoning_details=details)
    assert to_anthropic([USER, message])["messages"][1]["content"] == [{"type": "text", "text": "Hi"}]
    alone: Any = assistant("", reasoning_details=answers.DETAILS)
    assert len(to_anthropic([USER, alone])["messages"]) == 1


def test_signatures_go_back_to_gemini_where_they_were(clients: Clients) -> None:
    signature = base64.b64decode(SIGNATURE)
    text, calls = stored(clients, "gemini", "text"), stored(clients, "gemini", "tools")
    contents = to_gemini([USER, text, USER, calls])["contents"]
    assert contents[1]["parts"] == [{"text": "It is sunny.", "thought_signature": signature}]
    assert contents[3]["parts"] == [
        {"function_call": {"name": "get_weather", "args": LISBON}, "thought_signature": signature},
        {"function_call": {"name": "get_weather", "args": PORTO}},
    ]


def test_calls_of_others_get_the_signature_that_skips_the_check(clients: Clients) -> None:
    calls = stored(clients, "openai", "tools")
    assert to_gemini([USER, calls])["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {
                    "function_call": {"id": "call_1", "name": "get_weather", "args": LISBON},
                    "thought_signature": b"skip_thought_signature_validator",
                },
                {"function_call": {"id": "call_2", "name": "get_weather", "args": PORTO}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {
                    "function_response": {
                        "id": call_id,
                        "name": "get_weather",
                        "response": {"error": INTERRUPTED},
                    }
                }
                for call_id in ("call_1", "call_2")
            ],
        },
    ]
