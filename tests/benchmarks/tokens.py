"""Counts of `approximate_tokens` beside those of ``o200k_base``: ``python -m tests.benchmarks.tokens``.

The texts in tests/fixtures/texts were written for this table; no constant of `approximate_tokens` was chosen by them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from sessionkit_integrations.tokens import approximate_tokens, tiktoken_counter
from tests.conversations import DATA, real_conversations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations import Message

TEXTS = Path(__file__).parents[1] / "fixtures" / "texts"
CONVERSATIONS = "the 50 conversations"


class Row(NamedTuple):
    """Tokens of a text, or of many messages.

    Attributes:
        text: Its name.
        tokens: As ``o200k_base`` has them.
        approximate: As `approximate_tokens` has them.
    """

    text: str
    tokens: int
    approximate: int

    @property
    def error(self) -> float:
        """The share of the tokens that the approximation is off by; negative if it is too low."""
        return self.approximate / self.tokens - 1

    def __str__(self) -> str:
        return f"| {self.text} | {self.tokens:,} | {self.approximate:,} | {self.error:+.0%} |"


def rows() -> list[Row]:
    """Return the rows of the table, first the one of the conversations, where they are at hand."""
    found = [conversations()] if DATA.exists() else []
    for path in sorted(TEXTS.glob("*.txt")):
        name = path.stem.replace("_", ", ") if path.stem.startswith(("code", "json")) else path.stem
        found.append(_row(name, [{"role": "user", "content": path.read_text("utf-8")}]))
    return found


def conversations() -> Row:
    """Return the row of the conversations."""
    return _row(CONVERSATIONS, [cast("Message", each) for messages in real_conversations() for each in messages])


def _row(text: str, messages: Sequence[Message]) -> Row:
    return Row(text, sum(map(tiktoken_counter(), messages)), sum(map(approximate_tokens, messages)))


def table() -> str:
    """Return the table in Markdown, as docs/tokens.md has it."""
    head = "| text | `o200k_base` | `approximate_tokens` | off by |\n| --- | ---: | ---: | ---: |"
    return "\n".join([head, *map(str, rows())])


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n")
