"""The contents of a view: its messages, their places and their parts."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from sessionkit_integrations import (
    CorruptSessionError,
    Edit,
    InMemoryStore,
    InvalidSessionIdError,
    SessionManager,
    SessionView,
    Summary,
    Window,
)
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.view.model import Call, MessageView, Piece
from sessionkit_integrations.view.text import figures_of
from tests.view.samples import PNG, SESSION_ID, conversation

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import StoreMaker


def record(role: str, content: Any = "x", **more: Any) -> Record:
    return Record(json.dumps({"role": role, "content": content, **more}).encode())


def viewed(**fields: Any) -> MessageView:
    """Return how a message by whatever writer is seen."""
    store = InMemoryStore()
    store.replace("s", Edit((record(**{"role": "user", **fields}),)), None, "1")
    (message,) = SessionManager(1, store).view("s").messages
    return replace(message, place="window")


def texts(view: SessionView) -> list[tuple[str, str]]:
    return [(message.place, "".join(piece.text for piece in message.pieces)) for message in view.messages]


def test_a_view_has_the_archive_and_the_window_of_any_store(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    wide = SessionManager(3, make_store(archive=True))
    wide.set_system_message("s", "Be brief.")
    for number in range(5):
        wide.add_user_message("s", f"U{number}")
        wide.add_assistant_message("s", f"A{number}")
    view = call(SessionManager(1, wide.store), "view", "s")
    assert texts(view) == [
        ("preamble", "Be brief."),
        *[("archived", text) for text in ("U0", "A0", "U1", "A1")],
        *[("outside", text) for text in ("U2", "A2", "U3", "A3")],
        *[("window", text) for text in ("U4", "A4")],
    ]
    assert (view.session_id, view.window, view.turns) == ("s", 1, 1)
    assert repr(view) == "SessionView('s', preamble=1, archived=4, outside=4, window=2)"
    assert all(abs((datetime.now(timezone.utc) - each.at).total_seconds()) < 60 for each in view.messages)


def test_looking_changes_nothing() -> None:
    sessions = conversation()
    before = sessions.store.read(SESSION_ID), sessions.store.read(SESSION_ID, archived=True)
    sessions.view(SESSION_ID)
    assert before == (sessions.store.read(SESSION_ID), sessions.store.read(SESSION_ID, archived=True))


def test_a_session_nobody_wrote_to_is_empty_and_an_id_that_is_none_refused(call: Callable[..., Any]) -> None:
    sessions = SessionManager()
    assert call(sessions, "view", "s") == SessionView("s", 10, ())
    with pytest.raises(InvalidSessionIdError):
        call(sessions, "view", "")


def test_a_record_that_cannot_be_read_is_not_passed_over() -> None:
    store = InMemoryStore()
    store.replace("s", Edit((record("user"), Record(b"{}"))), None, "1")
    with pytest.raises(CorruptSessionError, match="session 's', record 1") as raised:
        SessionManager(store=store).view("s")
    assert raised.value.position == 1


@pytest.mark.parametrize(
    ("role", "summary", "turns"),
    [
        ("system", {"turns": 12, "messages": 40, "until": None, "heading": 0}, 12),
        ("system", {"turns": 12, "messages": "40"}, None),
        ("system", {"turns": True, "messages": 40}, None),
        ("system", "so far", None),
        ("user", {"turns": 12, "messages": 40}, None),
    ],
)
def test_a_summary_says_how_many_turns_it_stands_for(role: str, summary: Any, turns: int | None) -> None:
    message = viewed(role=role, content="So far: tea.", summary=summary)
    assert (message.summarized_turns, message.pieces) == (turns, (Piece("text", "So far: tea."),))


@pytest.mark.parametrize(
    ("part", "piece"),
    [
        ({"type": "text", "text": "Hello"}, Piece("text", "Hello")),
        ({"type": "refusal", "refusal": "No."}, Piece("refusal", "No.")),
        (
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            Piece("media", "image/png · 30.0 kB", "image"),
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
            Piece("media", "https://x.test/a.png", "image"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAA=", "format": "mp3"}},
            Piece("media", "audio/mpeg · 2 bytes", "audio"),
        ),
        (
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64," + "A" * 4_000_000},
            },
            Piece("media", "a.pdf · application/pdf · 3.0 MB", "file"),
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, Piece("media", "file-1", "file")),
        ({"type": "new", "x": 1}, Piece("other", '{\n  "type": "new",\n  "x": 1\n}', "new")),
    ],
)
def test_parts(part: dict[str, Any], piece: Piece) -> None:
    assert viewed(content=[part]).pieces == (piece,)


def test_calls_results_reasoning_and_time() -> None:
    calls = [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "2", "type": "custom", "custom": {"name": "c", "input": "as it is"}},
        {"function": {"name": "of another writer", "arguments": ""}},
    ]
    thought = [{"type": "reasoning.text", "text": "Well."}, {"type": "reasoning.encrypted", "data": "AAAA"}]
    message = viewed(role="assistant", content=None, tool_calls=calls, langchain={"reasoning_details": thought})
    assert message.calls == (
        Call("1", "f", "{}", is_open=True),
        Call("2", "c", "as it is", is_open=True),
        Call(None, "of another writer", "", is_open=True),
    )
    assert message.pieces == (Piece("reasoning", "Well."),)
    result = viewed(role="tool", tool_call_id="1", name="f", llama_index={"is_error": True}, at=1763800000123)
    assert (result.tool_call_id, result.name, result.is_error) == ("1", "f", True)
    assert result.at == datetime(2025, 11, 22, 8, 26, 40, 123000, timezone.utc)


@pytest.mark.parametrize("at", [None, "yesterday", True, 1.5, 10**30, -(10**17)])
def test_a_time_that_is_none_is_not_shown(at: Any) -> None:
    assert viewed(at=at).at is None


def test_what_other_writers_got_wrong_or_say_more_is_shown_as_it_is() -> None:
    message = viewed(tool_calls=[{"function": None}, 7], audio={"id": "audio_1"}, annotations=[], name=3, refusal="No.")
    refused, more = message.pieces[1:]
    assert refused == Piece("refusal", "No.")
    assert json.loads(more.text) == {"audio": {"id": "audio_1"}, "tool_calls": [{"function": None}, 7]}
    assert (more.kind, message.calls, message.name) == ("other", (), None)


def test_a_view_says_tokens_usage_source_and_open_calls() -> None:
    sessions = SessionManager(Window(2, tokens=900), InMemoryStore(), summary=Summary(lambda *_: "Tea.", every=None))
    usage: Any = {"input": 1200, "output": 30, "cached": 900, "model": "gpt-5.5"}
    for content in ("U1", "U2", "U3"):
        sessions.add_user_message("a", content)
    sessions.send_message("a", {"role": "assistant", "content": "A3", "usage": usage})
    calls: Any = [{"id": each, "type": "function", "function": {"name": "f", "arguments": "{}"}} for each in ("1", "2")]
    sessions.send_message("a", {"role": "assistant", "content": None, "tool_calls": calls})
    sessions.send_message("a", {"role": "tool", "tool_call_id": "1", "content": "done"})
    view = sessions.view("a")
    assert figures_of(view) == [
        f"{view.figures.tokens} tokens in the window",
        "1 turn to be summarised",
        "gpt-5.5: 1,200 tokens in (900 cached), 30 out",
    ]
    assert [call.is_open for message in view.messages for call in message.calls] == [False, True]
    assert "no result" in view._repr_html_()
    assert "1,200 tokens in (900 cached)" in view._repr_html_()
    shown = io.StringIO()
    Console(width=80, file=shown).print(view)
    assert "1 turn to be summarised" in shown.getvalue()
    assert "calls f no result {}" in shown.getvalue()
    sessions.fork("a", "b")
    assert figures_of(sessions.view("b"))[0] == "fork of a"
    assert figures_of(SessionManager().view("nobody")) == []
