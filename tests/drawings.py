"""The drawings of the documentation, each of real sessions: ``python -m tests.drawings`` writes them.

They are SVG with colours of their own for light and dark, and load nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessionkit_integrations import InMemoryStore, SessionManager, Summary, Window
from sessionkit_integrations.tokens import approximate_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sessionkit_integrations import Message

FOLDER = Path(__file__).parents[1] / "docs" / "drawings"
WIDTH = 760
_MARGIN = 24
_LEFT, _RIGHT = (_MARGIN, 336), (366, WIDTH - _MARGIN)
"""Left and right ends of columns of messages."""
WEATHER: Any = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Lisbon"}'}}
    ],
}
_STYLE = """
svg { --back: #ffffff; --fore: #1f2328; --dim: #59636e; --rule: #d1d9e0; --user: #0969da; --assistant: #1a7f37;
  --tool: #9a6700; --system: #8250df; --bad: #cf222e; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { svg { --back: #161b22; --fore: #e6edf3; --dim: #9198a1; --rule: #3d444d;
  --user: #58a6ff; --assistant: #56d364; --tool: #e3b341; --system: #bc8cff; --bad: #ff7b72; } }
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--fore); }
.small { font-size: 12px; fill: var(--dim); } .title { font-weight: 600; }
.code { font: 12px ui-monospace, "SFMono-Regular", Menlo, monospace; }
.middle { text-anchor: middle; } .end { text-anchor: end; }
rect { fill: none; }
.card { fill: var(--back); stroke: var(--rule); }
.user, .turn { --by: var(--user); } .assistant { --by: var(--assistant); } .tool { --by: var(--tool); }
.system, .summary { --by: var(--system); } .failed { --by: var(--bad); }
.block { fill: color-mix(in srgb, var(--by) 16%, var(--back)); stroke: var(--by); }
.waiting { stroke: var(--user); stroke-dasharray: 4 3; }
.left { stroke: var(--dim); stroke-opacity: .6; stroke-dasharray: 2 3; }
.role { fill: var(--by); font-weight: 600; }
line { stroke: var(--dim); } .limit { stroke: var(--bad); stroke-dasharray: 5 4; }
"""


@dataclass
class Drawing:
    """A drawing that is made from its top to its bottom.

    Attributes:
        title: What it shows, for those who do not see it.
        height: Height so far, in pixels.
    """

    title: str
    height: int = 16
    _parts: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        """Draw a box of a kind that the style knows."""
        self._parts.append(
            f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5"/>',
        )

    def text(self, x: float, y: float, text: str, kind: str = "") -> None:
        """Write a text whose middle is at a height."""
        self._parts.append(f'<text class="{kind}" x="{x:g}" y="{y + 4.5:g}">{escape(text, quote=False)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """Draw a line."""
        self._parts.append(f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>')

    def block(self, x: float, y: float, width: float, label: str, kind: str) -> None:
        """Draw a box of a row, with its label."""
        self.box(x + 1.5, y - 11, width - 3, 22, kind)
        self.text(x + width / 2, y, label, "small middle" if "left" in kind or "waiting" in kind else "middle")

    def legend(self, *entries: tuple[str, str]) -> None:
        """Say what kinds of boxes mean, from left to right."""
        x, y = float(_MARGIN), self.height + 14
        for kind, meaning in entries:
            self.box(x, y - 7, 20, 14, kind)
            self.text(x + 28, y, meaning, "small")
            x += 28 + 6.6 * len(meaning) + 26
        self.height += 34

    def __str__(self) -> str:
        size = f'width="{WIDTH}" height="{self.height}" viewBox="0 0 {WIDTH} {self.height}"'
        card = f'<rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{self.height - 1}" rx="10"/>'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{escape(self.title)}</title>'
        return "\n".join((head, f"<style>{_STYLE}</style>", card, *self._parts, "</svg>\n"))


def numbers(messages: Sequence[Message]) -> list[int]:
    """Return the numbers of the turns whose questions are among some messages."""
    return [int(str(message["content"]).split()[1]) for message in messages if message["role"] == "user"]


def turns() -> Drawing:
    """Draw the turns in two windows, the second of which lets them become more before it cuts."""
    drawing = Drawing("Turns in the window after each question: three at most, and three to six")
    last, step = 9, 32
    panels = ((Window(turns=3), "Window(turns=3)"), (Window(turns=3, trigger_turns=6), None))
    for panel, (window, name) in enumerate(panels):
        sessions = SessionManager(window, InMemoryStore(archive=True))
        x = _MARGIN + panel * 372
        drawing.text(x, drawing.height + 10, name or "Window(turns=3, trigger_turns=6)", "code title")
        drawing.text(x, drawing.height + 32, "after", "small")
        for number in range(1, last + 1):
            seen = numbers(sessions.prompt("s", f"Question {number}"))
            sessions.add_assistant_message("s", f"Answer {number}")
            y = drawing.height + 32 + number * 26
            drawing.text(x, y, f"U{number}", "small")
            for turn in range(1, number + 1):
                drawing.block(x + step * turn, y, step, f"{turn}", "block turn" if turn in seen else "left")
    drawing.height += 32 + last * 26 + 22
    drawing.legend(("block turn", "a turn in the window"), ("left", "a turn that left it"))
    return drawing


def token_window() -> Drawing:
    """Draw the tokens that a window holds after each turn."""
    window = Window(turns=None, tokens=240, trigger_tokens=320)
    sessions = SessionManager(window, InMemoryStore(archive=True))
    drawing = Drawing("Tokens in the window after each turn: beyond 320, turns leave until there are at most 240")
    x, scale, last = _MARGIN + 96, 1.55, 9
    drawing.text(_MARGIN, drawing.height + 10, "Window(turns=None, tokens=240, trigger_tokens=320)", "code title")
    top = drawing.height + 60
    bottom = top + (last - 1) * 28 + 18
    for limit, name in ((window.tokens, "tokens"), (window.trigger_tokens, "trigger_tokens")):
        assert limit is not None
        drawing.line(x + limit * scale, top - 20, x + limit * scale, bottom, "limit")
        drawing.text(x + limit * scale, top - 30, f"{name} {limit}", "small middle")
    sessions.set_system_message(
        "s",
        "You help the guests of a small shop for tea. Be brief, never invent a price, and ask if in doubt, please.",
    )
    for number in range(1, last + 1):
        before = numbers(sessions.get_session("s"))
        said = "with some words more " * (number * 5 % 7)
        sessions.prompt("s", f"Question {number} {said}")
        sessions.add_assistant_message("s", f"Answer {number} {said}")
        held = sessions.get_session("s")
        y, place = top + (number - 1) * 28, float(x)
        drawing.text(_MARGIN, y, f"after turn {number}", "small")
        for label, tokens in _tokens_of(held):
            drawing.block(place, y, tokens * scale, label, "block turn" if label else "block system")
            place += tokens * scale
        left = [turn for turn in before if turn not in numbers(held)]
        info = sessions.describe("s")
        assert info is not None
        drawing.text(WIDTH - _MARGIN, y, f"{info.tokens}{_left(left)}", "small end")
    drawing.height = bottom + 4
    drawing.legend(("block system", "the preamble, which stays"), ("block turn", "a turn, as wide as it has tokens"))
    return drawing


def summaries() -> Drawing:
    """Draw what becomes of turns that leave: they wait, and then the summary stands for them."""

    def summarize(_previous: str | None, messages: list[Message]) -> str:
        return f"until question {numbers(messages)[-1]}"

    summary = Summary(summarize, every=2, background=False)
    sessions = SessionManager(2, InMemoryStore(), summary=summary)
    sessions.set_system_message("s", "Be brief.")
    drawing = Drawing("A summary stands for the turns that left: two turns wait, then it takes both in")
    last, step, x = 8, 68, _MARGIN + 146
    drawing.text(_MARGIN, drawing.height + 10, "SessionManager(2, summary=Summary(summarize, every=2))", "code title")
    for number in range(1, last + 1):
        sessions.prompt("s", f"Question {number}")
        sessions.add_assistant_message("s", f"Answer {number}")
        info = sessions.describe("s")
        assert info is not None
        y = drawing.height + 40 + (number - 1) * 28
        drawing.text(_MARGIN, y, f"after turn {number}", "small")
        drawing.block(_MARGIN + 82, y, 60, "system", "block system")
        covered = 0 if info.summary is None else info.summary.turns
        if covered:
            drawing.block(x, y, step * covered, f"summary of {covered} turns", "block summary")
        held = numbers(sessions.get_session("s"))
        waiting = numbers(sessions.get_archive("s"))[-info.waiting_turns :] if info.waiting_turns else []
        for turn in (*waiting, *held):
            kind = "block turn" if turn in held else "waiting"
            drawing.block(x + (turn - 1) * step, y, step, f"{turn}", kind)
    drawing.height += 40 + (last - 1) * 28 + 20
    drawing.legend(
        ("block system", "system message and summary: the preamble"),
        ("block turn", "a turn in the window"),
        ("waiting", "a turn that waits for a summary"),
    )
    return drawing


def session() -> Drawing:
    """Draw a session: its archive, and what the model sees."""
    told = Summary(lambda *_: "Ada likes tea, and has a cat.", every=2, background=False, heading="Summary:")
    sessions = SessionManager(2, InMemoryStore(archive=True), summary=told)
    sessions.set_system_message("s", "You are a helpful assistant.")
    for question, answer in (("I am Ada, and I like tea.", "Hello Ada!"), ("My cat is called Tom.", "Hello Tom!")):
        sessions.add_user_message("s", question)
        sessions.add_assistant_message("s", answer)
    sessions.add_user_message("s", "Is it warm in Lisbon?")
    sessions.send_message("s", WEATHER)
    sessions.send_message("s", {"role": "tool", "tool_call_id": "c1", "content": "24 degrees"})
    sessions.add_assistant_message("s", "Yes: 24 degrees.")
    seen, archived = sessions.prompt("s", "And what do I like?"), sessions.get_archive("s")
    drawing = Drawing("A session: turns that left are in the archive, and a summary stands for them")
    left = column(drawing, _LEFT, "archive: kept, and found by searches", archived, kind="left")
    right = column(drawing, _RIGHT, "window: what the model sees", seen, turn=3)
    drawing.line(*(_LEFT[1] + 8, left[0] - 13), *(_LEFT[1] + 8, left[-1] + 13), "")
    drawing.line(*(_LEFT[1] + 8, right[1]), *(_RIGHT[0], right[1]), "")
    return drawing


def open_calls() -> Drawing:
    """Draw a turn that was interrupted: as it is stored, and as the model sees it."""
    sessions = SessionManager()
    sessions.add_user_message("s", "Is it warm in Lisbon?")
    sessions.send_message("s", WEATHER)
    stored = sessions.get_session("s")
    seen = sessions.prompt("s", "Are you still there?")
    drawing = Drawing("A call without a result, and the answer that the model sees once its turn is over")
    column(drawing, _LEFT, "stored", [*stored, seen[-1]])
    column(drawing, _RIGHT, "what the model sees", seen)
    return drawing


def column(
    drawing: Drawing,
    ends: tuple[int, int],
    title: str,
    messages: Sequence[Message],
    *,
    kind: str = "block",
    turn: int = 1,
) -> list[int]:
    """Draw messages below each other, say where each turn begins, and return the heights at which they are.

    Args:
        drawing: The drawing.
        ends: Left and right end of the column.
        title: What is above it.
        messages: The messages.
        kind: The kind of their boxes.
        turn: Number of the first turn.
    """
    start, end = ends
    drawing.text(start, 26, title, "title")
    heights: list[int] = []
    y = 26
    for message in messages:
        begins = message["role"] == "user" or not heights
        y += 42 if begins else 32
        by = "failed" if message.get("is_error") else message["role"]
        drawing.box(start, y - 13, end - start, 26, f"{kind} {by}")
        drawing.text(start + 10, y, message["role"], f"small role {by}")
        drawing.text(start + 84, y, _said(message))
        if begins:
            drawing.text(end - 10, y, f"turn {turn}" if message["role"] == "user" else "preamble", "small end")
            turn += message["role"] == "user"
        heights.append(y)
    drawing.height = max(drawing.height, y + 30)
    return heights


def _said(message: Message) -> str:
    calls: Any = message.get("tool_calls")
    return f"calls {calls[0]['function']['name']}" if calls else " ".join(str(message["content"]).split())


def _tokens_of(messages: Sequence[Message]) -> Iterator[tuple[str, int]]:
    """Yield the number and the tokens of each turn, after those of the preamble."""
    found: dict[str, int] = {}
    for message in messages:
        label = "" if message["role"] == "system" else str(message["content"]).split()[1]
        found[label] = found.get(label, 0) + approximate_tokens(message)
    yield from found.items()


def _left(turns: Sequence[int]) -> str:
    return "" if not turns else f" · {', '.join(map(str, turns))} left"


DRAWINGS: dict[str, Callable[[], Drawing]] = {
    "open_calls": open_calls,
    "session": session,
    "summaries": summaries,
    "tokens": token_window,
    "turns": turns,
}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in DRAWINGS.items():
        (FOLDER / f"{name}.svg").write_text(str(draw()), encoding="utf-8")
