"""What ``sessionkit doctor`` looks at: a module for each kind of store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """What was found.

    Attributes:
        check: What was looked at.
        status: ``ok``; ``warn`` if it could lose data, or could not be looked at; ``fail`` if it would.
        text: What that means, in plain words.
        unusable: Whether the store cannot be used at all.
    """

    check: str
    status: Literal["ok", "warn", "fail"]
    text: str
    unusable: bool = False


def ok(check: str, text: str) -> Check:
    """Return what is as it should be."""
    return Check(check, "ok", text)


def warn(check: str, text: str) -> Check:
    """Return what could lose data, or could not be looked at."""
    return Check(check, "warn", text)


def fail(check: str, text: str) -> Check:
    """Return what would lose data."""
    return Check(check, "fail", text)


def unusable(check: str, text: str) -> Check:
    """Return what keeps a store from being used at all."""
    return Check(check, "fail", text, unusable=True)
