"""The picture of the README: a session as a notebook shows it.

``python -m tests.picture`` opens it in Chromium and writes ``docs/pictures/session.png``.
Look at it before you commit it.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from sessionkit_integrations import InMemoryStore, Message, SessionManager, Summary, Window
from tests.snippets import ROOT
from tests.view.browser import browse

PICTURE = ROOT / "docs" / "pictures" / "session.png"
CODE = 'sessions.view("ada")'
WIDTH = 758
COLORS = 128
"""As many as keep texts sharp in a third of the bytes."""
PAGE = """<style>
body {{ margin: 0; background: #fff; overflow: hidden; }}
.cell {{ display: grid; grid-template-columns: 30px 700px; gap: 10px 8px; padding: 10px; width: fit-content; }}
.cell > span, .cell > code {{ font: 13px/1.6 "DejaVu Sans Mono", monospace; padding: 6px 10px 6px 0; }}
.cell > span {{ color: #636c76; padding-right: 0; text-align: right; }}
.cell > code {{ background: #f6f8fa; border: 1px solid #d8dee4; border-radius: 3px; padding-left: 10px; }}
body .sessionkit-view {{ font-family: "Liberation Sans", sans-serif; }}
</style>
<div class="cell"><span>[3]:</span><code>{code}</code><span>[3]:</span>{view}</div>
<script>document.body.dataset.height = document.querySelector(".cell").offsetHeight</script>"""
CONVERSATION: list[Any] = [
    {"role": "system", "content": "You plan journeys. Be brief."},
    {"role": "user", "content": "I am Ada, I live in Lisbon, and I do not fly."},
    {"role": "assistant", "content": "Noted: no flights. Where do you want to go?"},
    {"role": "user", "content": "To Porto, on Friday afternoon."},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "find_trains", "arguments": '{"to": "Porto", "day": "Friday"}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "name": "find_trains", "content": '[{"leaves": "17:39", "eur": 25.5}]'},
    {"role": "assistant", "content": "There is a train at 17:39, for €25.50."},
    {"role": "user", "content": "Why not a plane?"},
    {
        "role": "assistant",
        "content": "You do not fly, Ada.",
        "usage": {"input": 412, "output": 9, "cached": 256, "model": "gpt-5"},
    },
]


def summarize(_previous: str | None, _messages: list[Message]) -> str:
    """Return what a model would."""
    return "Ada lives in Lisbon and does not fly."


def conversation() -> SessionManager:
    """Return sessions with one that has each of what a view tells apart."""
    summary = Summary(summarize, every=1, background=False)
    sessions = SessionManager(Window(turns=2, tokens=4000), store=InMemoryStore(archive=True), summary=summary)
    for message in CONVERSATION:
        sessions.send_message("ada", message)
    return sessions


def draw(path: Path) -> None:
    """Write the picture.

    Raises:
        FileNotFoundError: There is no Chromium.
    """
    view = eval(CODE, {"sessions": conversation()})  # noqa: S307 - our own
    html = PAGE.format(code=escape(CODE), view=view._repr_html_())
    with TemporaryDirectory() as folder:
        height = re.search(r'data-height="(\d+)"', browse(html, Path(folder), "--dump-dom"))
        assert height is not None
        size = f"--window-size={WIDTH},{height[1]}"
        browse(html, Path(folder), size, "--force-device-scale-factor=2", f"--screenshot={path}")
    with Image.open(path) as drawn:
        few = drawn.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    draw(PICTURE)
