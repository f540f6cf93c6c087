"""Cuts that caches like: how much of a prompt is the start of the one before it, over the 50 real conversations."""

from __future__ import annotations

import itertools
import json
import os
from typing import TYPE_CHECKING

from sessionkit_integrations import SessionManager, Window
from tests.conversations import real_conversations

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.conversations import Conversation

SLIDING = Window(turns=3)
CUTTING = Window(turns=3, trigger_turns=6)


def share_repeated(window: Window) -> float:
    """Return the share of the history's bytes that are equal to the start of the previous prompt of the session.

    The history is the prompt without the system prompt. All prompts count but the first of each session.
    """
    repeated = total = 0
    for conversation in real_conversations():
        for before, history in itertools.pairwise(prompted(conversation, window)):
            repeated += len(os.path.commonprefix([before, history]))  # noqa: RUF071 - of bytes, not of paths
            total += len(history)
    return repeated / total


def prompted(conversation: Conversation, window: Window) -> Iterator[bytes]:
    """Yield the history that the model is given for each of its messages."""
    with SessionManager(window) as sessions:
        for message in conversation:
            if message["role"] == "assistant":
                history = [each for each in sessions.get_session("s") if each["role"] != "system"]
                yield b"".join(json.dumps(each, ensure_ascii=False).encode() for each in history)
            sessions.send_message("s", message)  # type: ignore[arg-type]


def test_a_window_that_may_grow_repeats_the_start_of_the_prompt() -> None:
    sliding, cutting = share_repeated(SLIDING), share_repeated(CUTTING)
    print(f"{sliding:.3f} with {SLIDING}, {cutting:.3f} with {CUTTING}")  # noqa: T201 - the figures
    assert cutting >= 0.75
    assert (round(sliding, 2), round(cutting, 2)) == (0.57, 0.81)


def test_a_share_is_of_bytes_and_of_whole_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    roles = ("system", "user", "assistant", "user", "assistant", "user", "assistant")
    conversation = [{"role": role, "content": str(number)} for number, role in enumerate(roles)]
    monkeypatch.setattr("tests.test_cuts.real_conversations", lambda: (conversation,))
    user, assistant = (len(json.dumps(message)) for message in conversation[1:3])
    one, two, three = (user + (user + assistant) * turns for turns in range(3))
    opening = len('{"role": "user", "content": "')  # all that is left of the start when the window has slid
    assert share_repeated(Window(turns=2)) == (one + opening) / (two + two)
    assert share_repeated(Window(turns=2, trigger_turns=3)) == (one + two) / (two + three)
