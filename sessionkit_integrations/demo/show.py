"""The output of the demonstration."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from sessionkit_integrations.records.messages import Message

console = Console(highlight=False)

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


def explanation(text: str) -> None:
    """Print a remark on what was just seen."""
    console.print(f"  [italic]{text}[/]\n")


def _line(message: Message) -> RenderableType:
    for call in message.get("tool_calls", ()):
        return Text(f"calls {call['function']['name']} {call['function']['arguments']}", style="yellow")
    return Text(str(message["content"]), style="dim" if message["role"] == "tool" else "")


def _strip(last: int, session: Sequence[Message], window: int) -> Text:
    """Return the turns so far: those that left the window, and those that it holds."""
    first = last - max(number_turns(message["role"] for message in session), default=0) + 1
    strip = Text("after this turn: ", style="dim")
    if first > 1:
        strip.append("left ", style="dim")
        strip.append(" ".join(str(number) for number in range(1, first)), style="dim strike")
        strip.append("  ")
    strip.append("kept ", style="dim")
    for number in range(first, last + 1):
        strip.append(f"[{number}]", style="bold green")
    strip.append(f"  ({len(session)} messages, window {window})", style="dim")
    return strip
