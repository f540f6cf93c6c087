"""The view in a real browser."""

from __future__ import annotations

import socket
from html import escape
from typing import TYPE_CHECKING

import pytest

from tests.view.browser import CHROMIUM, browse
from tests.view.samples import HOSTILE, IMAGE_URL, LONG, SESSION_ID, conversation, parse_html, summarized, unmarked

if TYPE_CHECKING:
    from pathlib import Path

PROBE = """<script>
const style = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
const report = {
  light: style("#light .sessionkit-view", "backgroundColor"),
  dark: style("#dark .sessionkit-view", "backgroundColor"),
  summary: style("#light .sk-summary", "color"),
  summaryInDark: style("#dark .sk-summary", "borderTopColor"),
  outside: style("#outside", "backgroundColor"),
  folded: [...document.querySelectorAll("#light details")].every(each => !each.open && each.scrollHeight < 60),
  loaded: performance.getEntriesByType("resource").length,
};
for (const [name, value] of Object.entries(report)) document.body.dataset[name] = value;
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to look with")
def test_a_browser_shows_texts_folds_what_is_long_and_loads_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/picture.png"
        view = conversation().view(SESSION_ID)._repr_html_().replace(escape(IMAGE_URL), url)
        summary = summarized().view("s")._repr_html_()
        themes = "".join(
            f'<div id="{name}" data-jp-theme-light="{is_light}">{view}{summary}</div>'
            for name, is_light in (("light", "true"), ("dark", "false"))
        )
        printed = browse(f'<p id="outside">{themes}{PROBE}', tmp_path, "--dump-dom")
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    root = parse_html(printed)
    (body,) = (element for element in root.all() if element.tag == "body")
    found = {name.removeprefix("data-"): value for name, value in body.attributes.items()}
    assert found == {
        "light": "rgb(255, 255, 255)",
        "dark": "rgb(22, 27, 34)",
        "summary": "rgb(130, 80, 223)",
        "summary-in-dark": "rgb(188, 140, 255)",
        "outside": "rgba(0, 0, 0, 0)",
        "folded": "true",
        "loaded": "0",
    }
    assert {element.tag for element in body.all()} == {
        "body",
        "p",
        "div",
        "style",
        "span",
        "b",
        "details",
        "summary",
        "script",
    }
    assert sum(element.tag == "script" for element in body.all()) == 1
    for shown in root.find("sessionkit-view")[::2]:
        said = ["".join(unmarked(text) for text in each.find("sk-text")) for each in shown.find("sk-message")]
        assert len(said) == 9
        assert (said[6], said[7]) == (LONG, HOSTILE)
        assert url in said[3]
