"""Cuts that caches like: how much of a prompt is the start of the one before it, over the 50 real conversations."""

from __future__ import annotations

import itertools
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sessionkit_integrations import SessionManager, Window
from tests.conversations import real_conversations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conversations import Conversation

ROOT = Path(__file__).parents[1]
SLIDING = Window(turns=3)
CUTTING = Window(turns=3, trigger_turns=6)


class Bytes(NamedTuple):
    """The bytes of the history in all prompts of sessions but the first.

    Attributes:
        all: Their number.
        repeated: The number of those that are equal to the start of the session's previous prompt.
    """

    all: int
    repeated: int

    @property
    def share(self) -> float:
        """The share of them that are repeated."""
        return self.repeated / self.all

    def cost(self, price: float) -> float:
        """Return what all of them cost, given the price of one that is repeated if any other costs 1."""
        return self.all - self.repeated + price * self.repeated


@cache
def measure(window: Window) -> Bytes:
    """Return the bytes of the history, which is the prompt without the system prompt, in all conversations."""
    pairs = [
        pair for conversation in real_conversations() for pair in itertools.pairwise(prompted(conversation, window))
    ]
    return Bytes(
        sum(len(history) for _, history in pairs),
        sum(len(os.path.commonprefix(pair)) for pair in pairs),  # noqa: RUF071 - of bytes, not of paths
    )


def prompted(conversation: Conversation, window: Window) -> Iterator[bytes]:
    """Yield the history that the model is given for each of its messages."""
    with SessionManager(window) as sessions:
        for message in conversation:
            if message["role"] == "assistant":
                history = [each for each in sessions.get_session("s") if each["role"] != "system"]
                yield b"".join(json.dumps(each, ensure_ascii=False).encode() for each in history)
            sessions.send_message("s", message)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_window_that_may_grow_repeats_the_start_of_the_prompt() -> None:
    sliding, cutting = measure(SLIDING), measure(CUTTING)
    print(f"{sliding.share:.3f} with {SLIDING}, {cutting.share:.3f} with {CUTTING}")  # noqa: T201 - the figures
    assert cutting.share >= 0.75
    assert (round(sliding.share, 2), round(cutting.share, 2)) == (0.57, 0.81)


@pytest.mark.slow
def test_the_pages_say_what_is_measured() -> None:
    sliding, cutting = measure(SLIDING), measure(CUTTING)
    page = (ROOT / "docs" / "what_the_model_sees.md").read_text(encoding="utf-8")
    assert f"| `Window(turns=3)` | {sliding.share:.2f} |" in page
    assert f"| `Window(turns=3, trigger_turns=6)` | {cutting.share:.2f} |" in page
    assert f"The history is {cutting.all / sliding.all:.2f} times as long" in page
    assert f"costs {cutting.cost(0.1) / sliding.cost(0.1):.2f} times as much" in page
    assert cutting.cost(0.5) / sliding.cost(0.5) == pytest.approx(1, abs=0.02)
    notebook = (ROOT / "notebooks" / "07_what_the_model_sees.ipynb").read_text(encoding="utf-8")
    said = f"the share is {sliding.share:.2f} with `Window(turns=3)`, and {cutting.share:.2f} with"
    assert said in notebook


def test_a_share_is_of_bytes_and_of_whole_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    roles = ("system", "user", "assistant", "user", "assistant", "user", "assistant")
    conversation = [{"role": role, "content": str(number)} for number, role in enumerate(roles)]
    monkeypatch.setattr("tests.test_cuts.real_conversations", lambda: (conversation,))
    user, assistant = (len(json.dumps(message)) for message in conversation[1:3])
    one, two, three = (user + (user + assistant) * turns for turns in range(3))
    opening = len('{"role": "user", "content": "')  # all that is left of the start when the window has slid
    assert measure.__wrapped__(Window(turns=2)).share == (one + opening) / (two + two)
    assert measure.__wrapped__(Window(turns=2, trigger_turns=3)).share == (one + two) / (two + three)
