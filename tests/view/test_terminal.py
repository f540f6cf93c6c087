"""The panel that rich shows."""

from __future__ import annotations

import io
import re

from hypothesis import given
from rich.console import Console

from sessionkit_integrations import SessionManager, SessionView
from sessionkit_integrations.view.model import MessageView, Piece
from tests.view.samples import HOSTILE, IMAGE_URL, LONG, PROMPT, SESSION_ID, conversation, summarized
from tests.view.test_html import views


def shown(view: SessionView, width: int = 100, *, color: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=color, color_system="standard" if color else None)
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def words(text: str) -> str:
    """Return what lines of a panel say, without frame, indentation and line breaks."""
    return "".join(re.sub("[│╭╮╰╯─]", "", text).split())


def test_a_conversation_in_order() -> None:
    lines = [line.strip("│ ") for line in shown(conversation().view(SESSION_ID), 400).splitlines()]
    assert [line.split()[0] for line in lines if line.endswith(" UTC")] == [
        *("system", "user", "assistant", "user", "assistant", "tool", "assistant", "user", "assistant")
    ]
    text = "\n".join(lines)
    assert re.search(
        r"^system pinned .*^archive · .*^Hi Ada!.*^window · .*^The weather here\?", text, re.DOTALL | re.MULTILINE
    )
    assert f"[image] {IMAGE_URL}" in text
    assert "[image] image/png · 30.0 kB" in text
    assert 'calls weather {"city": "Lisbon"}' in text
    assert "tool weather failed answers call_1" in text
    assert "2 of 2 turns in the window · 2 archived" in text


def test_a_summary_is_told_from_what_is_pinned() -> None:
    lines = [line.strip("│ ") for line in shown(summarized().view("s")).splitlines()]
    headers = [line.partition("  ")[0] for line in lines if line.endswith(" UTC")]
    assert headers == ["system pinned", "system summary of 2 turns", "user", "user", "user"]


def test_what_is_cut_off_is_counted() -> None:
    text = shown(conversation().view(SESSION_ID), 2000)
    for whole in (PROMPT, LONG):
        beginning = whole[:50].splitlines()[0]
        rest = text[text.index(beginning) :]
        match = re.search(r"… ([\d,]+) more characters", rest)
        assert match
        missing = int(match[1].replace(",", ""))
        assert words(rest[: match.start()]) == words(whole[:-missing])


def test_texts_are_no_markup_and_command_no_terminal() -> None:
    text = shown(conversation().view(SESSION_ID), 400)
    assert HOSTILE.split("\u202e")[0] in text
    assert "<U+202E>reversed<U+202C> <U+001B>[31mred<U+001B>]0;title<U+0007> <U+0000>" in text
    sequences = re.findall(r"\x1b[^m]*m?", shown(conversation().view(SESSION_ID), 400, color=True))
    assert sequences
    assert all(re.fullmatch(r"\x1b\[[\d;]*m", one) for one in sequences)


@given(views)
def test_no_text_reaches_the_terminal_as_a_command(view: SessionView) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown(view))


def test_a_long_archive_is_counted_but_for_its_end() -> None:
    messages = [MessageView("user", (Piece("text", f"<{number}>"),), place="archived") for number in range(20)]
    text = shown(SessionView("s", 1, tuple(messages)))
    assert "… 14 earlier messages" in text
    assert re.findall(r"<(\d+)>", text) == [str(number) for number in range(14, 20)]


def test_a_session_without_messages_says_so() -> None:
    assert "There are no messages." in shown(SessionManager().view("s"))
