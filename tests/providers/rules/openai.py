"""platform.openai.com/docs/api-reference/chat/create, and the API's errors."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.providers.rules.shapes import RefusedError, check_base64, check_fields, check_list, check_text, refuse_unless

FIELDS = {
    "system": "content name",
    "user": "content name",
    "assistant": "content name tool_calls refusal",
    "tool": "content tool_call_id",
}
PARTS = {
    "system": {"text"},
    "user": {"text", "image_url", "input_audio", "file"},
    "assistant": {"text", "refusal"},
    "tool": {"text"},
}
IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,(.*)", re.DOTALL)


def check(body: dict[str, Any]) -> None:
    """Raise `RefusedError` for a request that the API would not take."""
    open_calls: set[str] = set()
    for number, message in enumerate(check_list(body.get("messages"), "messages")):
        where = f"messages[{number}]"
        role = message.get("role")
        refuse_unless(role in FIELDS, f"{where}.role: {role!r}")
        check_fields(message, where, "role", FIELDS[role])
        if role == "tool":
            call_id = check_text(message.get("tool_call_id"), f"{where}.tool_call_id")
            problem = "'tool' must be a response to a preceding message with 'tool_calls'"
            refuse_unless(call_id in open_calls, f"{where}: messages with role {problem}")
            open_calls.remove(call_id)
        else:
            refuse_unless(
                not open_calls,
                f"{where}: 'tool_calls' must be followed by tool messages responding to each: {open_calls}",
            )
        if "name" in message:
            name = check_text(message["name"], f"{where}.name")
            refuse_unless(re.fullmatch(r"[^\s<|\\/>]+", name) and len(name) <= 64, f"{where}.name: pattern")
        check_content(message, where)
        if "tool_calls" in message:
            open_calls = check_calls(message["tool_calls"], where)
    refuse_unless(not open_calls, f"'tool_calls' must be followed by tool messages responding to each: {open_calls}")


def check_content(message: dict[str, Any], where: str) -> None:
    content = message.get("content")
    if content is None:
        refuse_unless(
            message["role"] == "assistant" and message.get("tool_calls"), f"{where}.content: expected a string"
        )
    elif not isinstance(content, str):
        types = []
        for at, part in enumerate(check_list(content, f"{where}.content")):
            check_part(part, f"{where}.content[{at}]", PARTS[message["role"]])
            types.append(part["type"])
        refuse_unless("refusal" not in types or types == ["refusal"], f"{where}.content: exactly one refusal")


def check_part(part: dict[str, Any], where: str, taken: set[str]) -> None:
    kind = part.get("type")
    refuse_unless(kind in taken, f"{where}.type: invalid value {kind!r}")
    check_fields(part, where, f"type {kind}")
    value = part[str(kind)]
    if kind in ("text", "refusal"):
        check_text(value, where)
    elif kind == "image_url":
        check_fields(value, where, "url", "detail")
        refuse_unless(value.get("detail", "auto") in ("auto", "low", "high"), f"{where}.detail")
        check_image(check_text(value["url"], where), where)
    elif kind == "input_audio":
        check_fields(value, where, "data format")
        refuse_unless(value["format"] in ("wav", "mp3"), f"{where}.format: {value['format']!r}")
        check_base64(value["data"], where)
    elif "file_id" in value:
        check_fields(value, where, "file_id")
    else:
        check_fields(value, where, "file_data filename")
        head, _, data = check_text(value["file_data"], where).partition(";base64,")
        refuse_unless(re.fullmatch(r"data:[\w.+-]+/[\w.+-]+", head), f"{where}.file_data: {head!r}")
        check_base64(data, where)


def check_image(url: str, where: str) -> None:
    match = IMAGE.fullmatch(url)
    if match:
        check_base64(match[2], where)
    else:
        refuse_unless(re.match("https?://", url, re.IGNORECASE), f"{where}.url: {url[:40]!r}")


def check_calls(calls: Any, where: str) -> set[str]:
    ids: set[str] = set()
    for at, call in enumerate(check_list(calls, f"{where}.tool_calls")):
        place = f"{where}.tool_calls[{at}]"
        kind = call.get("type")
        refuse_unless(kind in ("function", "custom"), f"{place}.type: {kind!r}")
        check_fields(call, place, f"id type {kind}")
        check_fields(call[kind], place, "name arguments" if kind == "function" else "name input")
        refuse_unless(re.fullmatch("[a-zA-Z0-9_-]{1,64}", call[kind]["name"]), f"{place}.name: pattern")
        text = check_text(call[kind].get("arguments", call[kind].get("input")), place)
        if kind == "function":
            # OpenAI itself takes any text; servers that fill a chat template with the arguments do not.
            refuse_unless(isinstance(json.loads(text), dict), f"{place}.arguments: not an object")
        refuse_unless(0 < len(check_text(call["id"], place)) <= 40, f"{place}.id: string too long")
        if call["id"] in ids:
            raise RefusedError(f"{place}.id: duplicate")
        ids.add(call["id"])
    return ids
