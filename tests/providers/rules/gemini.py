"""ai.google.dev/api/caching#Content, ai.google.dev/gemini-api/docs: function-calling, thought-signatures; errors."""

from __future__ import annotations

import re
from typing import Any

from tests.providers.rules.shapes import check_base64, check_fields, check_list, check_text, refuse_unless

PARTS = {
    "user": {"text", "inlineData", "fileData", "functionResponse"},
    "model": {"text", "inlineData", "fileData", "functionCall"},
}
TYPES = r"image/(png|jpeg|webp|heic|heif)|audio/.+|video/.+|text/.+|application/pdf"
SKIP = b"skip_thought_signature_validator"


def check(body: dict[str, Any]) -> None:
    """Raise `RefusedError` for a request that the API would not take."""
    if "systemInstruction" in body:
        for part in check_list(body["systemInstruction"].get("parts"), "system_instruction"):
            check_fields(part, "system_instruction", "text")
            refuse_unless(part["text"], "system_instruction: empty text")
    calls: list[dict[str, Any]] = []
    for number, content in enumerate(check_list(body.get("contents"), "contents")):
        where = f"contents[{number}]"
        check_fields(content, where, "role parts")
        refuse_unless(content["role"] == ("model" if number % 2 else "user"), f"{where}: roles must alternate")
        parts = check_list(content["parts"], f"{where}.parts")
        for at, part in enumerate(parts):
            check_part(part, f"{where}.parts[{at}]", PARTS[content["role"]])
        answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
        check_answers(calls, answers, where)
        refuse_unless(
            all("functionResponse" in part for part in parts[: len(answers)]), f"{where}: responses come first"
        )
        called = [part for part in parts if "functionCall" in part]
        if called:
            refuse_unless("thoughtSignature" in called[0], f"{where}: function call is missing a thought_signature")
        calls = [part["functionCall"] for part in called]
    refuse_unless(not calls, "a function call turn must be followed by its responses")


def check_answers(calls: list[dict[str, Any]], answers: list[dict[str, Any]], where: str) -> None:
    problem = "the number of function response parts is equal to the number of function call parts"
    refuse_unless(len(calls) == len(answers), f"{where}: please ensure that {problem} of the function call turn")
    for call, answer in zip(calls, answers, strict=True):
        refuse_unless(call["name"] == answer["name"], f"{where}: {answer['name']!r} was not called")
        refuse_unless(call.get("id") == answer.get("id"), f"{where}: ids do not match")
    ids = [call["id"] for call in calls if "id" in call]
    refuse_unless(len(ids) == len(set(ids)), f"{where}: ids are not unique")


def check_part(part: dict[str, Any], where: str, taken: set[str]) -> None:
    kinds = part.keys() & {"text", "inlineData", "fileData", "functionCall", "functionResponse"}
    refuse_unless(len(kinds) == 1, f"{where}: required oneof field 'data' must have one initialized field")
    kind = next(iter(kinds))
    refuse_unless(kind in taken, f"{where}: {kind} is not for this role")
    check_fields(part, where, kind, "thoughtSignature" if "functionCall" in taken else "")
    value = in_camel_case(part[kind]) if kind in ("inlineData", "fileData") else part[kind]
    if "thoughtSignature" in part:
        signature = check_base64(part["thoughtSignature"], where, b"-_")
        refuse_unless(signature == SKIP or signature.startswith(b"gemini-"), f"{where}: thought signature is not valid")
    if kind == "text":
        refuse_unless(check_text(value, where).strip(), f"{where}: empty text parameter")
    elif kind == "inlineData":
        check_fields(value, where, "data mimeType")
        refuse_unless(re.fullmatch(TYPES, value["mimeType"]), f"{where}: unsupported MIME type: {value['mimeType']}")
        check_base64(value["data"], where, b"-_")
    elif kind == "fileData":
        check_fields(value, where, "fileUri mimeType")
        refuse_unless(re.fullmatch(TYPES, value["mimeType"]), f"{where}: unsupported MIME type: {value['mimeType']}")
        refuse_unless(check_text(value["fileUri"], where), f"{where}: empty URI")
    else:
        inner = "args" if kind == "functionCall" else "response"
        check_fields(value, where, f"name {inner}", "id")
        refuse_unless(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}", value["name"]), f"{where}: invalid function name")
        refuse_unless(isinstance(value[inner], dict), f"{where}.{inner}: not a Struct")
        refuse_unless(value.get("id", "x"), f"{where}.id: empty")


def in_camel_case(value: dict[str, Any]) -> dict[str, Any]:
    """Return fields by their names in JSON: the API takes those of protobuf too, and Google's SDK mixes both."""
    return {re.sub("_([a-z])", lambda match: match[1].upper(), name): each for name, each in value.items()}
