"""Usage of the responses of the providers' SDKs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from sessionkit_integrations import SessionManager, Usage
from sessionkit_integrations.providers import from_anthropic, from_gemini, from_openai, to_openai, usage_of_response

if TYPE_CHECKING:
    from collections.abc import Callable

CHAT = ChatCompletion.model_validate(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 64},
            "completion_tokens_details": {"reasoning_tokens": 12},
        },
    }
)
RESPONSE = Response.model_construct(
    model="gpt-5",
    usage=SimpleNamespace(
        input_tokens=100,
        output_tokens=20,
        input_tokens_details=SimpleNamespace(cached_tokens=64),
        output_tokens_details=SimpleNamespace(reasoning_tokens=12),
    ),
)
FIGURES = {"input": 100, "output": 20, "cached": 64, "reasoning": 12}


@pytest.fixture(scope="module")
def sdks() -> dict[str, Any]:
    """Responses of SDKs that take seconds to import."""
    from anthropic.types import Message  # noqa: PLC0415
    from google.genai.types import (  # noqa: PLC0415
        GenerateContentResponse,
        GenerateContentResponseUsageMetadata,
    )

    claude = Message.model_validate(
        {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "Hi"}],
            "usage": {
                "input_tokens": 6,
                "output_tokens": 20,
                "cache_read_input_tokens": 64,
                "cache_creation_input_tokens": 30,
                "output_tokens_details": {"thinking_tokens": 12},
            },
        }
    )
    uncached = claude.model_copy(update={"usage": type(claude.usage)(input_tokens=6, output_tokens=2)})
    gemini = GenerateContentResponse.model_validate(
        {
            "candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finish_reason": "STOP"}],
            "model_version": "gemini-3",
            "usage_metadata": {
                "prompt_token_count": 90,
                "tool_use_prompt_token_count": 10,
                "cached_content_token_count": 64,
                "candidates_token_count": 8,
                "thoughts_token_count": 12,
                "total_token_count": 120,
            },
        }
    )
    few = GenerateContentResponseUsageMetadata(prompt_token_count=3, candidates_token_count=1)
    brief = gemini.model_copy(update={"usage_metadata": few})
    silent = gemini.model_copy(update={"usage_metadata": None})
    return {"claude": claude, "uncached": uncached, "gemini": gemini, "brief": brief, "silent": silent}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (CHAT, {**FIGURES, "model": "gpt-5"}),
        (RESPONSE, {**FIGURES, "model": "gpt-5"}),
        (CHAT.model_copy(update={"usage": None}), None),
        (SimpleNamespace(usage=SimpleNamespace(prompt_tokens="many", completion_tokens=1)), None),
        (SimpleNamespace(usage=SimpleNamespace(prompt_tokens=1, completion_tokens=True)), None),
        (SimpleNamespace(usage=SimpleNamespace(prompt_tokens=-1, completion_tokens=1)), None),
        (
            SimpleNamespace(usage=SimpleNamespace(prompt_tokens=1, completion_tokens=2), model="\n"),
            {"input": 1, "output": 2},
        ),
        (
            SimpleNamespace(
                usage=SimpleNamespace(input_tokens=1, output_tokens=2, output_tokens_details={"reasoning_tokens": 1})
            ),
            {"input": 1, "output": 2, "reasoning": 1},
        ),
        (SimpleNamespace(usage=SimpleNamespace(input_tokens=1)), None),
        (SimpleNamespace(), None),
    ],
)
def test_usage_of_a_response(response: Any, expected: object) -> None:
    assert usage_of_response(response) == expected


@pytest.mark.slow
def test_usage_of_a_response_of_claude_and_gemini(sdks: dict[str, Any]) -> None:
    assert {name: usage_of_response(response) for name, response in sdks.items()} == {
        "claude": {**FIGURES, "model": "claude"},
        "uncached": {"input": 6, "output": 2, "model": "claude"},
        "gemini": {**FIGURES, "model": "gemini-3"},
        "brief": {"input": 3, "output": 1, "model": "gemini-3"},
        "silent": None,
    }


def test_usage_of_a_response_is_added_up_and_not_shown() -> None:
    check_adding_up(from_openai, CHAT, "gpt-5")


@pytest.mark.slow
def test_usage_of_claude_and_gemini_is_added_up_and_not_shown(sdks: dict[str, Any]) -> None:
    check_adding_up(from_anthropic, sdks["claude"], "claude")
    check_adding_up(from_gemini, sdks["gemini"], "gemini-3")
    check_adding_up(from_gemini, [sdks["gemini"], sdks["silent"]], "gemini-3", content="HiHi")


def check_adding_up(convert: Callable[[Any], Any], response: Any, model: str, content: str = "Hi") -> None:
    sessions = SessionManager()
    sessions.add_user_message("s", "Hello")
    for _ in range(2):
        sessions.send_message("s", convert(response))
    info = sessions.describe("s")
    assert info is not None
    assert info.usage == (Usage(200, 40, 128, 24, model),)
    *_, said = sessions.get_session("s")
    assert said == {"role": "assistant", "content": content}
    assert all(message.keys() == {"role", "content"} for message in to_openai([convert(response)])["messages"])
