"""Whatever is stored makes a request that the API takes."""

from __future__ import annotations

import copy
import json
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter

from sessionkit_integrations import InvalidMessageError
from sessionkit_integrations.providers import to_anthropic, to_gemini, to_openai
from sessionkit_integrations.records.messages import check_message
from tests.providers.rules import anthropic, gemini, openai
from tests.providers.strategies import odd, sessions

many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
OPENAI_MESSAGES: TypeAdapter[Any] = TypeAdapter(list[ChatCompletionMessageParam])


def on_the_wire(kwargs: dict[str, Any]) -> Any:
    """Return a request as httpx encodes it."""
    return json.loads(json.dumps(kwargs, ensure_ascii=False, allow_nan=False).encode())


def gemini_on_the_wire(kwargs: dict[str, Any]) -> Any:
    """Return a request as Google's SDK encodes it."""
    from google.genai import types  # noqa: PLC0415 - takes a second

    config = types.GenerateContentConfig.model_validate(kwargs.get("config", {}))
    contents = [types.Content.model_validate(content) for content in kwargs["contents"]]
    body: dict[str, Any] = {
        "contents": [content.model_dump(mode="json", exclude_none=True, by_alias=True) for content in contents]
    }
    if config.system_instruction:
        body["systemInstruction"] = {"parts": [{"text": config.system_instruction}]}
    return on_the_wire(body)


@given(session=sessions)
@many
def test_openai_takes_it(session: list[Any]) -> None:
    for message in session:
        check_message(message)
    before = copy.deepcopy(session)
    if session:
        kwargs = to_openai(session)
        openai.check(on_the_wire(kwargs))
        OPENAI_MESSAGES.validate_python(kwargs["messages"])
        assert kwargs == to_openai(session)
    else:
        with pytest.raises(InvalidMessageError):
            to_openai(session)
    assert session == before


@given(session=sessions)
@many
def test_anthropic_takes_it(session: list[Any]) -> None:
    before = copy.deepcopy(session)
    if has_a_user(session):
        kwargs = to_anthropic(session)
        anthropic.check({"max_tokens": 1, **on_the_wire(kwargs)})
        assert kwargs == to_anthropic(session)
    else:
        with pytest.raises(InvalidMessageError) as raised:
            to_anthropic(session)
        assert raised.value.field == "messages"
    assert session == before


@given(session=sessions)
@many
def test_gemini_takes_it(session: list[Any]) -> None:
    before = copy.deepcopy(session)
    if has_a_user(session):
        kwargs = to_gemini(session)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            gemini.check(gemini_on_the_wire(kwargs))
        assert kwargs == to_gemini(session)
    else:
        with pytest.raises(InvalidMessageError) as raised:
            to_gemini(session)
        assert raised.value.field == "messages"
    assert session == before


@given(part=odd)
@example(part={"type": "search_result", "content": ""})
@many
def test_no_part_vanishes(part: dict[str, Any]) -> None:
    blank = any(isinstance(part.get(name), str) and not part[name].strip() for name in ("text", "refusal"))
    messages: Any = [{"role": "user", "content": [part]}]
    assert blank or to_openai(messages)["messages"][0]["content"]
    assert blank or to_anthropic(messages)["messages"][0]["content"] != [{"type": "text", "text": "(no message)"}]
    assert blank or to_gemini(messages)["contents"][0]["parts"] != [{"text": "(no message)"}]


def has_a_user(session: list[Any]) -> bool:
    return any(message["role"] in ("user", "tool") or message.get("tool_calls") for message in session)
