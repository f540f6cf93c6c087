from __future__ import annotations

import base64
import binascii
from typing import Any


class RefusedError(Exception):
    """A request that the API answers with 400."""


def refuse_unless(condition: object, problem: str) -> None:
    if not condition:
        raise RefusedError(problem)


def check_fields(value: Any, where: str, required: str, optional: str = "") -> None:
    """Refuse what is no object with all the required fields and none that is unknown."""
    refuse_unless(isinstance(value, dict), f"{where}: not an object")
    missing = set(required.split()) - value.keys()
    refuse_unless(not missing, f"{where}: {sorted(missing)}: field required")
    unknown = value.keys() - set(required.split()) - set(optional.split())
    refuse_unless(not unknown, f"{where}: {sorted(unknown)}: extra inputs are not permitted")


def check_text(value: Any, where: str) -> str:
    refuse_unless(isinstance(value, str), f"{where}: not a string")
    text: str = value
    return text


def check_list(value: Any, where: str) -> list[Any]:
    refuse_unless(isinstance(value, list), f"{where}: not an array")
    refuse_unless(value, f"{where}: is too short")
    items: list[Any] = value
    return items


def check_base64(value: Any, where: str, altchars: bytes | None = None) -> bytes:
    text = check_text(value, where)
    try:
        decoded = base64.b64decode(text, altchars, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(f"{where}: not base64") from error
    refuse_unless(decoded, f"{where}: empty")
    return decoded
