"""Recalled turns in a text: they are elsewhere in the session already, so they are not found there, nor told again."""

from __future__ import annotations

import re

OPENING = "[recalled]"
"""Beginning of what an agent is told that recalls."""
TAG = "recalled"
"""Name of the tags around recalled turns; a digest of what is between them follows."""
_RECALLED = re.compile(rf"{re.escape(OPENING)}[^\n]*(?:\s*<{TAG}-([0-9a-f]{{12}})>.*?</{TAG}-\1>)?", re.DOTALL)


def without_recalled(text: str, mark: str) -> str:
    """Return a text with a mark in the place of the turns that an agent recalled."""
    return _RECALLED.sub(mark, text)
