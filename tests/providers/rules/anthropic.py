"""platform.claude.com/docs/en/api/messages, agents-and-tools/tool-use, and the API's errors."""

from __future__ import annotations

import re
from typing import Any

from tests.providers.rules.shapes import check_base64, check_fields, check_list, check_text, refuse_unless

IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
SERVER_BLOCKS = {"server_tool_use": "id name input", "web_search_tool_result": "tool_use_id content"}
BLOCKS = {
    "user": {"text", "image", "document", "tool_result"},
    "assistant": {"text", "thinking", "redacted_thinking", "tool_use", *SERVER_BLOCKS},
    "result": {"text", "image", "document"},
}


def check(body: dict[str, Any]) -> None:
    """Raise `RefusedError` for a request that the API would not take."""
    refuse_unless(isinstance(body.get("max_tokens"), int), "max_tokens: field required")
    if "system" in body:
        for at, block in enumerate(check_list(body["system"], "system")):
            check_block(block, f"system.{at}", {"text"})
    messages = check_list(body.get("messages"), "messages")
    used: set[str] = set()
    open_calls: set[str] = set()
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        check_fields(message, where, "role content")
        refuse_unless(message["role"] == ("assistant" if number % 2 else "user"), f"{where}: roles must alternate")
        blocks = check_list(message["content"], f"{where}.content")
        for at, block in enumerate(blocks):
            check_block(block, f"{where}.content.{at}", BLOCKS[message["role"]])
        check_results(blocks, open_calls, where)
        open_calls = {block["id"] for block in blocks if block["type"] == "tool_use"}
        refuse_unless(len(open_calls) == len([block for block in blocks if block["type"] == "tool_use"]), "ids: unique")
        refuse_unless(not open_calls & used, f"{where}: `tool_use` ids must be unique")
        used |= open_calls
        if message["role"] == "assistant":
            check_order([block["type"] for block in blocks], where)
    refuse_unless(not open_calls, "`tool_use` ids were found without `tool_result` blocks immediately after")
    last = messages[-1]["content"][-1]
    if messages[-1]["role"] == "assistant" and last["type"] == "text":
        refuse_unless(
            last["text"] == last["text"].rstrip(), "final assistant content cannot end with trailing whitespace"
        )


def check_order(types: list[str], where: str) -> None:
    refuse_unless(types[-1] not in ("thinking", "redacted_thinking"), f"{where}: the final block cannot be `thinking`")
    if "tool_use" in types:
        after = set(types[types.index("tool_use") :])
        refuse_unless(after == {"tool_use"}, f"{where}: `tool_use` without `tool_result` immediately after: {after}")


def check_results(blocks: list[dict[str, Any]], open_calls: set[str], where: str) -> None:
    answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    refuse_unless(set(answered) <= open_calls, f"{where}: unexpected `tool_use_id` found in `tool_result` blocks")
    refuse_unless(len(answered) == len(set(answered)), f"{where}: each tool_use must have a single result")
    refuse_unless(set(answered) == open_calls, f"{where}: `tool_use` ids were found without `tool_result` blocks")
    first = [block["type"] for block in blocks[: len(answered)]]
    refuse_unless(first == ["tool_result"] * len(answered), f"{where}: tool_result blocks come first")


def check_block(block: dict[str, Any], where: str, taken: set[str]) -> None:
    kind = check_text(block.get("type"), where)
    refuse_unless(kind in taken, f"{where}: Input tag {kind!r} found")
    if kind == "text":
        check_fields(block, where, "type text", "citations cache_control")
        refuse_unless(
            check_text(block["text"], where).strip(), f"{where}: text blocks must contain non-whitespace text"
        )
        for citation in block.get("citations", ()):
            refuse_unless("file_id" not in citation, f"{where}: citations: extra inputs are not permitted")
    elif kind == "tool_result":
        check_result(block, where)
    elif kind == "tool_use":
        check_fields(block, where, "type id name input")
        refuse_unless(re.fullmatch("[a-zA-Z0-9_-]{1,64}", check_text(block["id"], where)), f"{where}.id: pattern")
        refuse_unless(re.fullmatch("[a-zA-Z0-9_-]{1,128}", check_text(block["name"], where)), f"{where}.name: pattern")
        refuse_unless(isinstance(block["input"], dict), f"{where}.input: Input should be an object")
    elif kind == "thinking":
        check_fields(block, where, "type thinking signature")
        refuse_unless(block["signature"].startswith("claude-"), f"{where}: Invalid `signature` in `thinking` block")
    elif kind == "redacted_thinking":
        check_fields(block, where, "type data")
        refuse_unless(block["data"].startswith("claude-"), f"{where}: Invalid `data` in `redacted_thinking` block")
    elif kind in SERVER_BLOCKS:
        check_fields(block, where, f"type {SERVER_BLOCKS[kind]}")
    else:
        check_fields(block, where, "type source", "title" if kind == "document" else "")
        check_source(block["source"], kind, where)


def check_result(block: dict[str, Any], where: str) -> None:
    check_fields(block, where, "type tool_use_id", "content is_error")
    for at, inner in enumerate(check_list(block["content"], where) if "content" in block else ()):
        check_block(inner, f"{where}.content.{at}", BLOCKS["result"])
        if block.get("is_error"):
            refuse_unless(inner["type"] == "text", f"{where}: all content must be type `text` if `is_error` is true")


def check_source(source: dict[str, Any], kind: str, where: str) -> None:
    if source.get("type") == "url":
        check_fields(source, where, "type url")
        refuse_unless(source["url"].lower().startswith("https://"), f"{where}: only HTTPS URLs are supported")
        return
    check_fields(source, where, "type media_type data")
    if source["type"] == "text":
        refuse_unless(kind == "document" and source["media_type"] == "text/plain", f"{where}: media_type")
        refuse_unless(check_text(source["data"], where).strip(), f"{where}: empty document")
    else:
        refuse_unless(source["type"] == "base64", f"{where}: source type")
        taken = IMAGES if kind == "image" else ("application/pdf",)
        refuse_unless(source["media_type"] in taken, f"{where}: media_type {source['media_type']!r}")
        check_base64(source["data"], where)
