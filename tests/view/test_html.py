"""Nothing of a message becomes markup, and all of it is there."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from sessionkit_integrations import SessionManager, SessionView
from sessionkit_integrations.view.model import Call, MessageView, Piece
from sessionkit_integrations.window.turns import PLACES
from tests.view.samples import (
    HOSTILE,
    IMAGE_URL,
    LONG,
    PNG,
    PROMPT,
    SESSION_ID,
    Element,
    conversation,
    parse_html,
    summarized,
    unmarked,
)

TAGS = {"root", "div", "style", "span", "b", "details", "summary"}
ATTRIBUTES = {"class", "dir", "title"}

chunks = st.sampled_from(
    ["<script>", "</style>", "</div>", "<!--", "]]>", "&lt;", "&amp", '"', "'", "\r\n", "\u202e", "\n"]
)
texts = st.lists(st.text(max_size=12) | chunks, max_size=5).map("".join)
long_texts = st.text(st.sampled_from("ab<&\"' \n"), min_size=1, max_size=4).map(lambda each: each * 400)
pieces = st.builds(
    Piece, st.sampled_from(["text", "refusal", "reasoning", "media", "other"]), texts | long_texts, texts
)
messages = st.builds(
    MessageView,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    st.lists(pieces, max_size=2).map(tuple),
    st.lists(st.builds(Call, st.none() | texts, texts, texts), max_size=2).map(tuple),
    st.none() | texts,
    st.none() | texts,
    st.booleans(),
    st.none() | st.datetimes(),
    st.none() | st.integers(0),
    st.sampled_from(PLACES),
)
views = st.builds(
    SessionView,
    texts,
    st.integers(1),
    st.lists(messages, max_size=9).map(lambda each: tuple(sorted(each, key=lambda one: PLACES.index(one.place)))),
)

HOSTILE_THROUGHOUT = SessionView(
    HOSTILE,
    1,
    (
        MessageView(
            "assistant",
            (Piece("text", HOSTILE), Piece("media", HOSTILE, HOSTILE), Piece("other", HOSTILE, HOSTILE)),
            (Call(HOSTILE, HOSTILE, HOSTILE),),
            HOSTILE,
            HOSTILE,
        ),
    ),
)


def html_of(view: SessionView) -> Element:
    root = parse_html(view._repr_html_())
    for element in root.all():
        assert element.tag in TAGS
        assert element.attributes.keys() <= ATTRIBUTES
        assert all(name.startswith(("sk-", "sessionkit-view")) for name in element.classes)
    return root


def said(element: Element) -> str:
    """Return what a message says and calls, without the labels that are ours."""
    return "".join(unmarked(each) for each in element.find("sk-text"))


@given(views)
@example(HOSTILE_THROUGHOUT)
def test_any_text_is_text_and_all_of_it_is_there(view: SessionView) -> None:
    root = html_of(view)
    (name,) = root.find("sk-id")
    assert unmarked(name) == view.session_id
    shown = root.find("sk-message")
    assert len(shown) == len(view.messages)
    for element, message in zip(shown, view.messages, strict=True):
        assert said(element) == "".join(piece.text for piece in message.pieces) + "".join(
            call.arguments for call in message.calls
        )
        names = [unmarked(each) for each in element.find("sk-name")]
        assert names == [*filter(None, [message.name]), *(call.name for call in message.calls)]
        assert f"sk-in-{message.place}" in element.classes


def test_a_conversation_is_folded_where_it_is_long() -> None:
    root = html_of(conversation().view(SESSION_ID))
    shown = root.find("sk-message")
    assert [sorted(element.classes - {"sk-message"}) for element in shown] == [
        ["sk-in-preamble", "sk-system"],
        ["sk-in-archived", "sk-user"],
        ["sk-assistant", "sk-in-archived"],
        ["sk-in-window", "sk-user"],
        ["sk-assistant", "sk-in-window"],
        ["sk-in-window", "sk-tool"],
        ["sk-assistant", "sk-in-window"],
        ["sk-in-window", "sk-user"],
        ["sk-assistant", "sk-in-window"],
    ]
    lines = [element.text.partition(" ")[0] for element in root.find("sk-line")]
    assert lines == ["archive", "window"]
    for element, text in ((shown[0], PROMPT), (shown[6], LONG)):
        (more,) = element.find("sk-more")
        assert more.tag == "details"
        assert said(element) == text
        rest = said(more)
        assert 0 < len(rest) < len(text)
        assert f"{len(rest):,} more characters" in more.text
    (call,) = root.find("sk-call")
    assert call.tag == "details"
    assert call.text == 'calls weather {"city": "Lisbon"}{"city": "Lisbon"}call call_1'
    assert "failed" in shown[5].text
    assert said(shown[7]) == HOSTILE


def test_a_summary_is_told_from_what_is_pinned() -> None:
    root = html_of(summarized().view("s"))
    shown = root.find("sk-message")
    assert [[tag.text for tag in element.find("sk-tag")] for element in shown] == [
        ["pinned"],
        ["summary of 2 turns"],
        [],
        [],
        [],
    ]
    assert [element.text for element in root.find("sk-summary")] == ["summary of 2 turns"]
    assert shown[1].classes == {"sk-message", "sk-system", "sk-in-preamble"}
    assert said(shown[1]) == "Summary of the conversation so far:\n\nAda said: One Two"


def test_media_are_named_and_never_loaded() -> None:
    html = conversation().view(SESSION_ID)._repr_html_()
    assert [element.text for element in parse_html(html).find("sk-media")] == [
        f"image {IMAGE_URL}",
        "image image/png · 30.0 kB",
    ]
    assert PNG[:100] not in html
    (style,) = (element.text for element in parse_html(html).all() if element.tag == "style")
    assert not re.search(r"url|import|@font|expression|https?:", style)


def test_the_style_is_of_the_view_alone() -> None:
    (style,) = (each.text for each in parse_html(SessionManager().view("s")._repr_html_()).all() if each.tag == "style")
    selectors = [one.strip() for each in re.findall(r"([^{};]+)\{", style) for one in each.split(",")]
    assert len(selectors) > 30
    for selector in selectors:
        assert ".sessionkit-view" in selector or selector == "@media (prefers-color-scheme: dark)"


def test_a_long_archive_is_folded_but_for_its_end() -> None:
    def of(archived: int) -> Any:
        said = [MessageView("user", (Piece("text", str(number)),), place="archived") for number in range(archived)]
        return html_of(SessionView("s", 1, tuple(said)))

    assert not of(7).find("sk-earlier")
    (earlier,) = of(20).find("sk-earlier")
    assert (earlier.tag, earlier.children[0].text) == ("details", "14 earlier messages")
    assert len(earlier.find("sk-message")) == 14


def test_a_session_without_messages_says_so() -> None:
    assert [each.text for each in html_of(SessionManager().view("s")).find("sk-empty")] == ["There are no messages."]
