"""Answers in the shape of each API, by the name of the model that a test asks."""

from __future__ import annotations

import base64
import json
from typing import Any

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SIGNATURE = base64.b64encode(b"gemini-\xfb\xff").decode()
LISBON = {"city": "Lisbon"}
PORTO = {"city": "Porto"}


def _openai(message: dict[str, Any], finish_reason: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason, "logprobs": None}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def _function(call_id: str, arguments: dict[str, str]) -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": json.dumps(arguments)}
    return {"id": call_id, "type": "function", "function": function}


def _openai_stream(*deltas: dict[str, Any]) -> str:
    chunks = [
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, **delta}]}
        for delta in deltas
    ]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


SIGNED_CALL = {**_function("c", LISBON), "extra_content": {"google": {"thought_signature": SIGNATURE}}}
DETAILS = [{"type": "reasoning.text", "text": "hm", "signature": "claude-1", "format": "anthropic-claude-v1"}]

OPENAI: dict[str, Any] = {
    "text": _openai({"content": "It is sunny."}),
    "tools": _openai(
        {"content": None, "tool_calls": [_function("call_1", LISBON), _function("call_2", PORTO)]}, "tool_calls"
    ),
    "custom": _openai(
        {"content": "Run:", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "py", "input": "1+1"}}]},
        "tool_calls",
    ),
    "refusal": _openai({"content": None, "refusal": "I cannot."}),
    "spoken": _openai({"content": None, "audio": {"id": "a", "data": "", "expires_at": 1, "transcript": "Sunny."}}),
    "thoughts": _openai({"content": "21", "reasoning_content": "7 * 3"}),
    "details": _openai({"content": "21", "reasoning": "hm", "reasoning_details": DETAILS}),
    "google": _openai({"content": None, "tool_calls": [SIGNED_CALL]}, "tool_calls"),
    "no-ids": _openai({"content": "", "tool_calls": [_function("", LISBON)]}, "tool_calls"),
    "silent": _openai({"content": None}),
    "filtered": _openai({"content": None}, "content_filter"),
    "no-choices": {**_openai({}), "choices": []},
    "stream": _openai_stream(
        {"delta": {"role": "assistant", "content": "It is "}, "finish_reason": None},
        {"delta": {"content": "sunny."}, "finish_reason": None},
        {"delta": {}, "finish_reason": "stop"},
    ),
}


def _anthropic(*content: dict[str, Any], stop_reason: str = "end_turn") -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
    return {
        **head,
        "content": list(content),
        "stop_reason": stop_reason,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def _use(call_id: str, arguments: dict[str, str]) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "get_weather", "input": arguments}


def _anthropic_stream(*blocks: tuple[dict[str, Any], dict[str, Any]]) -> str:
    start = {**_anthropic(), "stop_reason": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, (block, delta) in enumerate(blocks):
        events += [
            {"type": "content_block_start", "index": index, "content_block": block},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    end = {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}}
    events += [{**end, "usage": {"output_tokens": 1}}, {"type": "message_stop"}]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


TEXT = {"type": "text", "text": "It is sunny."}
THINKING = {"type": "thinking", "thinking": "Let me see.", "signature": "claude-1"}
REDACTED = {"type": "redacted_thinking", "data": "claude-2"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "weather"}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://w", "title": "W", "encrypted_content": "e"}],
}
CITATION = {
    "type": "char_location",
    "cited_text": "sun",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 3,
}

ANTHROPIC: dict[str, Any] = {
    "text": _anthropic(TEXT),
    "tools": _anthropic(
        {"type": "text", "text": "I look."}, _use("toolu_1", LISBON), _use("toolu_2", PORTO), stop_reason="tool_use"
    ),
    "thinking": _anthropic(THINKING, REDACTED, TEXT, _use("toolu_3", LISBON), stop_reason="tool_use"),
    "interleaved": _anthropic(TEXT, THINKING, _use("toolu_4", LISBON), stop_reason="tool_use"),
    "search": _anthropic(
        SEARCH,
        FOUND,
        {"type": "text", "text": " "},
        {**TEXT, "citations": [{**CITATION, "file_id": "file_1"}]},
        {**_use("toolu_5", LISBON), "caller": {"type": "direct"}},
        stop_reason="tool_use",
    ),
    "texts": _anthropic({**TEXT, "citations": None}, {"type": "text", "text": "Warm, too."}),
    "silent": _anthropic(),
    "refusal": _anthropic(stop_reason="refusal"),
    "limit": _anthropic(THINKING, stop_reason="max_tokens"),
    "stream": _anthropic_stream(
        ({"type": "thinking", "thinking": "", "signature": ""}, {"type": "signature_delta", "signature": "claude-1"}),
        ({"type": "text", "text": ""}, {"type": "text_delta", "text": "I look."}),
        (_use("toolu_6", {}), {"type": "input_json_delta", "partial_json": json.dumps(LISBON)}),
    ),
}


def _gemini(*parts: dict[str, Any], finish_reason: str = "STOP") -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish_reason}]}


def _call(arguments: dict[str, str], **more: str) -> dict[str, Any]:
    return {"functionCall": {"name": "get_weather", "args": arguments, **more}}


def _gemini_stream(*chunks: dict[str, Any]) -> str:
    return "".join(f"data: {json.dumps(chunk)}\r\n\r\n" for chunk in chunks)


_CODE: list[dict[str, Any]] = [
    {"text": "I compute.", "thoughtSignature": SIGNATURE},
    {"executableCode": {"language": "PYTHON", "code": "print(7 * 3)"}},
    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "21"}},
]

GEMINI: dict[str, Any] = {
    "text": _gemini({"text": "It is sunny.", "thoughtSignature": SIGNATURE}),
    "tools": _gemini({**_call(LISBON), "thoughtSignature": SIGNATURE}, _call(PORTO)),
    "ids": _gemini({"text": "I look."}, _call(LISBON, id="g1"), _call(PORTO, id="g2")),
    "thinking": _gemini({"text": "Let me ", "thought": True}, {"text": "see.", "thought": True}, {"text": "Sunny."}),
    "code": _gemini(*_CODE),
    "image": _gemini({"text": "Here:"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}),
    "silent": _gemini(),
    "safety": {"candidates": [{"finishReason": "SAFETY"}]},
    "blocked": {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
    "stream": _gemini_stream(
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "It is "}]}}]},
        _gemini({"text": "sunny."}, {"text": "", "thoughtSignature": SIGNATURE}),
    ),
}
