"""Time to read a window, by us and as the frameworks do: ``python -m tests.benchmarks.decoding``.

Both sides read the same messages, each from what it would have written, taking turns in one process.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from langchain_core.messages import message_to_dict, messages_from_dict
from llama_index.core.base.llms.types import ChatMessage

from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.records.codec import decode_all, encode_all
from tests.benchmarks.answers import in_langchain, in_llama_index
from tests.benchmarks.tables import table
from tests.conversations import conversations, is_plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conversations import Conversation

MESSAGES = 20
WINDOWS = 10
TARGETS = {"LangChain": 0.5, "LlamaIndex": 0.8}


@dataclass(frozen=True)
class Contest:
    """A window to be read by us and by a framework itself.

    Attributes:
        framework: Its name.
        window: What is in the window.
        ours: Reads it from our records.
        theirs: Reads it from what the framework's own stores hold.
    """

    framework: str
    window: str
    ours: Callable[[], object]
    theirs: Callable[[], object]


def contests() -> list[Contest]:
    """Return what is measured."""
    # Without the preambles, each of which is one long text.
    messages = [message for conversation in conversations() for message in conversation[1:]]
    texts, all_kinds = _windows([message for message in messages if is_plain_text(message)]), _windows(messages)
    plain, real = "plain text", "tool calls, ids, usage"
    return [
        _langchain(plain, [[LangChainCodec().decode(dict(each)) for each in window] for window in texts]),
        _langchain(real, [in_langchain(window) for window in all_kinds]),
        _llama_index(plain, [[LlamaIndexCodec().decode(dict(each)) for each in window] for window in texts]),
        _llama_index(real, [in_llama_index(window) for window in all_kinds]),
    ]


def _windows(messages: Conversation) -> list[Conversation]:
    return [messages[number * MESSAGES : (number + 1) * MESSAGES] for number in range(WINDOWS)]


def _langchain(name: str, windows: Sequence[list[Any]]) -> Contest:
    codec = LangChainCodec()
    records = [encode_all(codec, window) for window in windows]
    texts = [[json.dumps(message_to_dict(message)) for message in window] for window in windows]
    return Contest(
        "LangChain",
        name,
        lambda: [decode_all(codec, window, "s") for window in records],
        lambda: [messages_from_dict([json.loads(text) for text in window]) for window in texts],
    )


def _llama_index(name: str, windows: Sequence[list[Any]]) -> Contest:
    codec = LlamaIndexCodec()
    records = [encode_all(codec, window) for window in windows]
    texts = [[message.model_dump_json() for message in window] for window in windows]
    return Contest(
        "LlamaIndex",
        name,
        lambda: [decode_all(codec, window, "s") for window in records],
        lambda: [[ChatMessage.model_validate_json(text) for text in window] for window in texts],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.decoding", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=200, help="how often each side reads (%(default)s)")
    repetitions = parser.parse_args(arguments).repetitions
    header = ["framework", "a window of", "ours, µs", "theirs, µs", "ours to theirs", "middle half", "target"]
    print(table(header, [_row(contest, repetitions) for contest in contests()]))
    print()
    print(f"Medians of {repetitions} readings of windows of {MESSAGES} messages; µs per window.")


def _row(contest: Contest, repetitions: int) -> list[str]:
    ours, theirs = _times(contest, repetitions)
    lower, _, upper = quantiles([one / other for one, other in zip(ours, theirs, strict=True)], n=4)
    return [
        contest.framework,
        contest.window,
        f"{median(ours) * 1e6:.0f}",
        f"{median(theirs) * 1e6:.0f}",
        f"{median(ours) / median(theirs):.2f}",
        f"{lower:.2f} to {upper:.2f}",
        f"{TARGETS[contest.framework]:.2f}",
    ]


def _times(contest: Contest, repetitions: int) -> tuple[list[float], list[float]]:
    """Return how many seconds a window took each side, time after time."""
    if contest.ours() != contest.theirs():
        raise RuntimeError(f"{contest.framework}, {contest.window}: the two sides do not read the same")
    times: dict[Callable[[], object], list[float]] = {contest.ours: [], contest.theirs: []}
    gc.collect()
    gc.disable()
    try:
        for repetition in range(repetitions):
            # Whoever reads second finds warmer caches, so they take turns at that as well.
            for read in list(times) if repetition % 2 else reversed(times):
                start = time.perf_counter()
                read()
                times[read].append((time.perf_counter() - start) / WINDOWS)
    finally:
        gc.enable()
    return times[contest.ours], times[contest.theirs]


if __name__ == "__main__":
    main()
