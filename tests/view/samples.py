"""Conversations to look at, and what the HTML of a view is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from sessionkit_integrations import InMemoryStore, Message, SessionManager, Summary

HOSTILE = (
    "<script>alert('hi')</script></style></div></details><img src=x onerror=alert(1)>\" onclick='x' &lt;b&gt; "
    "[bold red]markup[/] :smile: javascript:alert(1) \u202ereversed\u202c \x1b[31mred\x1b]0;title\x07 \x00"
)
SESSION_ID = f"ada {HOSTILE}"
LONG = "".join(f"Sentence {number} of a long answer. " for number in range(200))
PROMPT = "".join(f"{number}. Be brief.\n" for number in range(40))
IMAGE_URL = "http://127.0.0.1:9/picture.png?size=large"
PNG = "iVBORw0KGgo" + "A" * 40_000


def conversation() -> SessionManager:
    """Return sessions with one of everything: pinned, archived, calls and results, media, long and hostile texts."""
    sessions = SessionManager(2, InMemoryStore(archive=True))
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Lisbon"}'}}
    image = {"type": "image_url", "image_url": {"url": IMAGE_URL}}
    drawing = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    messages: list[Any] = [
        {"role": "system", "content": PROMPT},
        {"role": "user", "content": "Hello, I am Ada."},
        {"role": "assistant", "content": "Hi Ada!"},
        {"role": "user", "content": [{"type": "text", "text": "The weather here?"}, image, drawing]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "name": "weather", "content": "no answer", "is_error": True},
        {"role": "assistant", "content": LONG},
        {"role": "user", "content": HOSTILE, "name": HOSTILE},
        {"role": "assistant", "content": "That is text."},
    ]
    for message in messages:
        sessions.send_message(SESSION_ID, message)
    return sessions


def summarized() -> SessionManager:
    """Return sessions with a system message, a summary of two archived turns, and a turn."""

    def summarize(_previous: str | None, messages: list[Message]) -> str:
        return f"Ada said: {' '.join(str(message['content']) for message in messages)}"

    summary = Summary(summarize, every=2, background=False)
    sessions = SessionManager(1, InMemoryStore(archive=True), summary=summary)
    sessions.set_system_message("s", "Be brief.")
    for text in ("One", "Two", "Three"):
        sessions.add_user_message("s", text)
    return sessions


@dataclass
class Element:
    """An element of HTML, as a test looks at it."""

    tag: str
    attributes: dict[str, str | None]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    @property
    def classes(self) -> set[str]:
        return set((self.attributes.get("class") or "").split())

    def all(self) -> list[Element]:
        return [self, *(each for child in self.children if isinstance(child, Element) for each in child.all())]

    def find(self, name: str) -> list[Element]:
        """Return the elements of a class, in order."""
        return [element for element in self.all() if name in element.classes]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("root", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in {"meta", "img"}:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)

    def handle_comment(self, data: str) -> None:
        self.open[-1].children.append(Element("comment", {}, [data]))

    def handle_decl(self, decl: str) -> None:
        self.open[-1].children.append(Element("declaration", {}, [decl]))

    unknown_decl = handle_pi = handle_comment


def parse_html(html: str) -> Element:
    """Return the elements of HTML all of which are closed."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    assert len(builder.open) == 1
    return builder.open[0]


_MARK = re.compile(r"<U\+([0-9A-F]{4,6})>")


def unmarked(element: Element) -> str:
    """Return the text of an element with the characters that its marks stand for."""
    if "sk-mark" in element.classes:
        match = _MARK.fullmatch(element.text)
        assert match
        return chr(int(match[1], 16))
    return "".join(child if isinstance(child, str) else unmarked(child) for child in element.children)
