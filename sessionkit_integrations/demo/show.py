"""The output of the demonstration."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sessionkit_integrations.records.recalled import TAG
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.search.hits import Hit

console = Console(highlight=False)

_RECALLED = re.compile(rf"<{TAG}-[0-9a-f]{{12}}>\n(.*)\n</{TAG}-", re.DOTALL)
"""Turns in what an agent is told that recalled."""
_SPEAKERS = {"user": ("You", "bold cyan"), "assistant": ("Model", "bold green"), "tool": ("Tool", "yellow")}


def chapter(number: int, title: str, text: str) -> None:
    """Announce a chapter, and the process that it runs in."""
    console.print()
    console.rule(f"[bold]{number}. {title}[/] [dim]· process {os.getpid()}[/]", align="left")
    console.print(f"[dim]{text}[/]\n")


def turn(framework: str, number: int, added: Sequence[Message], session: Sequence[Message], window: int) -> None:
    """Show a turn, and the content of the window after it."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(justify="right", no_wrap=True)
    lines.add_column(overflow="fold")
    for message in added:
        speaker, style = _SPEAKERS[message["role"]]
        lines.add_row(Text(speaker, style=style), _line(message))
    title = Text.assemble(f"turn {number} ", (f"through {framework}", "dim"))
    console.print(Panel(Group(lines, Text(), _strip(number, session, window)), title=title, title_align="left"))


def summary(text: str, turns: int) -> None:
    """Show a summary, and how many turns it stands for."""
    console.print(Panel(text, title=f"summary [dim]of turns 1 to {turns}[/]", title_align="left"))


def hits(query: str, found: Sequence[tuple[int, Hit]]) -> None:
    """Show the turns that a search found, with their numbers."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold")
    for number, hit in found:
        text = Text.assemble(*((piece, "bold yellow" if matched else "") for piece, matched in hit.snippet.pieces()))
        lines.add_row(Text(f"turn {number}", style="dim"), text)
    console.print(Panel(lines, title=f"search [dim]for[/] {query}", title_align="left"))


def explanation(text: str) -> None:
    """Print a remark on what was just seen."""
    console.print(Padding(Text(text, style="italic"), (0, 2, 1, 2)))


def _line(message: Message) -> RenderableType:
    for call in message.get("tool_calls", ()):
        return Text(f"calls {call['function']['name']} {call['function']['arguments']}", style="yellow")
    text = str(message["content"])
    recalled = _RECALLED.search(text)
    if recalled:
        text = " ".join(recalled[1].split())
    return Text(text, style="dim" if message["role"] == "tool" else "")


def _strip(last: int, session: Sequence[Message], window: int) -> Text:
    """Return the turns so far: those that left the window, and those that it holds."""
    first = last - max(number_turns(message["role"] for message in session), default=0) + 1
    strip = Text("after this turn: ", style="dim")
    if first > 1:
        strip.append(f"left {'1' if first == 2 else f'1–{first - 1}'}  ", style="dim")
    strip.append("kept ", style="dim")
    for number in range(first, last + 1):
        strip.append(f"[{number}]", style="bold green")
    strip.append(f"  ({len(session)} messages, window {window})", style="dim")
    return strip
