"""Recalled turns in a text: they are elsewhere in the session already, so they are not found there, nor told again.

Stored records hold what an agent was told that recalled, so none of these texts may change.
"""

from __future__ import annotations

import re

EARLIER = "[recalled] Earlier turns of this conversation"
"""Beginning of an answer; the rest of its line follows, and what was recalled between tags."""
NOTHING = "[recalled] Nothing was found in the earlier part of this conversation"
"""Beginning of an answer without any turn."""
TOOL = "recall"
"""Name of the tool, unless it is given another one."""
TAG = "recalled"
"""Name of the tags; a digest of what is between them follows."""
_BEGINNING = re.compile(
    rf"(?:{re.escape(EARLIER)}|{re.escape(NOTHING)})[^\n]*(?:\s*<{TAG}-(?P<digest>[0-9a-f]{{12}})>)?"
)
_QUERY = re.compile(r'\s*\{(?:[^{]*,)?\s*"query"\s*:')
_END = re.compile(rf"</{TAG}-([0-9a-f]{{12}})>")


def is_recall(tool: str, arguments: str) -> bool:
    """Return whether a call asks for earlier turns, so that a search would find its words instead of those turns."""
    return tool == TOOL and _QUERY.match(arguments) is not None


def without_recalled(text: str, mark: str) -> str:
    """Return a text with a mark in the place of what an agent was told that recalled."""
    if EARLIER not in text and NOTHING not in text:
        return text
    # All ends are found at once: a search for each would take too long in a text that was made to have thousands.
    ends = {found[1]: found.end() for found in _END.finditer(text)}
    pieces, position = [], 0
    for found in _BEGINNING.finditer(text):
        if found.start() >= position:
            pieces += [text[position : found.start()], mark]
            position = max(found.end(), ends.get(found["digest"], 0))
    return "".join([*pieces, text[position:]])
