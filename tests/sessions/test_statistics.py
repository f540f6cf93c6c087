"""Statistics: figures that can be added up by hand, and figures of real conversations beside a plain count of them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import CorruptSessionError, InMemoryStore, SessionManager, Usage
from sessionkit_integrations.records.record import Record, encode
from sessionkit_integrations.sessions.statistics import AnswerTimes, DayStatistics, ToolStatistics
from sessionkit_integrations.sessions.steps import PAGE
from sessionkit_integrations.window.turns import Window
from tests.conversations import conversations

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations import Store
    from tests.backends import StoreMaker

FIRST = datetime(2026, 11, 27, 10, tzinfo=timezone.utc)
GPT = {"input": 100, "output": 20, "model": "gpt"}


def at(day: int = 0, seconds: float = 0) -> int:
    return round((FIRST + timedelta(days=day, seconds=seconds)).timestamp() * 1000)


def call(name: str, call_id: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}


def said(role: str, moment: int, tokens: int, **fields: Any) -> Record:
    return encode({"role": role, "content": "x", **fields}, moment, tokens)


ADA = (
    said("system", at(), 1000),
    said("user", at(), 1),
    said("assistant", at(seconds=2.5), 2, content=None, tool_calls=[call("get_weather", "1"), call("search", "2")]),
    said("tool", at(seconds=3), 4, tool_call_id="1", name="get_weather"),
    said("tool", at(seconds=3), 8, tool_call_id="2", is_error=True),
    said("assistant", at(seconds=4), 16, usage=GPT),
    said("user", at(seconds=60), 32),
    said("assistant", at(seconds=61), 64, usage={**GPT, "cached": 40, "reasoning": 5}),
)
BOB = (
    said("user", at(day=1), 128),
    said("assistant", at(day=1), 256, usage={"input": 7, "output": 3}),  # written at once, so that it took no time
)


def fill(store: Store, session_id: str, records: tuple[Record, ...], turns: int = 1) -> None:
    for number, record in enumerate(records):
        store.append(session_id, [record], Window(turns), f"{session_id}{number}")


@pytest.mark.pairwise
def test_figures_that_are_added_up_by_hand(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    store = make_store(archive=True)
    sessions = SessionManager(store=store)
    fill(store, "ada", ADA)
    fill(store, "bob", BOB)
    figures = call(sessions, "statistics")
    gpt = Usage(200, 40, 40, 5, "gpt")
    assert (figures.sessions, figures.turns, figures.tokens, figures.unreadable) == (2, 3, 511, 0)
    assert figures.messages == {"user": 3, "assistant": 4, "tool": 2}
    assert sorted(figures.usage, key=lambda usage: usage.input) == [Usage(7, 3), gpt]
    assert figures.tools == {"get_weather": ToolStatistics(1, 0), "search": ToolStatistics(1, 1)}
    assert figures.answer_times == AnswerTimes(2, 2.5, 1.0, 4.0, 4.0)
    assert figures.days == (
        DayStatistics(date(2026, 11, 27), 2, 7, 127, (gpt,)),
        DayStatistics(date(2026, 11, 28), 1, 2, 384, (Usage(7, 3),)),
    )
    assert figures.cost(lambda usage: usage.input * 0.5 + usage.output) == 146.5
    assert call(sessions, "statistics", "ada").turns == 2
    assert call(sessions, "statistics", "nobody").sessions == 0
    assert call(sessions, "statistics", since=FIRST + timedelta(seconds=1)).turns == 2
    assert call(sessions, "statistics", until=FIRST + timedelta(days=1)).sessions == 1
    assert call(sessions, "statistics", since=FIRST + timedelta(days=2)).sessions == 0


def test_as_values_of_json() -> None:
    sessions = SessionManager(store=InMemoryStore(archive=True))
    fill(sessions.store, "ada", ADA)
    figures = json.loads(json.dumps(sessions.statistics().to_dict()))
    assert figures == {
        "sessions": 1,
        "turns": 2,
        "messages": {"user": 2, "assistant": 3, "tool": 2},
        "tokens": 127,
        "usage": [{"input": 200, "output": 40, "cached": 40, "reasoning": 5, "model": "gpt"}],
        "tools": [
            {"tool": "get_weather", "calls": 1, "failures": 0},
            {"tool": "search", "calls": 1, "failures": 1},
        ],
        "answer_times": {"count": 2, "mean": 2.5, "median": 1.0, "p95": 4.0, "longest": 4.0},
        "days": [
            {
                "day": "2026-11-27",
                "turns": 2,
                "messages": 7,
                "tokens": 127,
                "input": 200,
                "output": 40,
                "cached": 40,
                "reasoning": 5,
            }
        ],
        "unreadable": 0,
    }


def test_lists_go_into_a_data_frame() -> None:
    pandas: Any = pytest.importorskip("pandas")
    sessions = SessionManager(store=InMemoryStore(archive=True))
    fill(sessions.store, "ada", ADA)
    fill(sessions.store, "bob", BOB)
    figures = sessions.statistics().to_dict()
    days = pandas.DataFrame(figures["days"]).set_index("day")
    assert days["tokens"].to_dict() == {"2026-11-27": 127, "2026-11-28": 384}
    assert set(map(str, days.dtypes)) == {"int64"}  # no row lacks a number
    tools = pandas.DataFrame(figures["tools"]).set_index("tool")
    assert (tools["failures"] / tools["calls"]).to_dict() == {"get_weather": 0.0, "search": 1.0}
    usage = pandas.DataFrame(figures["usage"]).groupby("model", dropna=False)
    assert usage["input"].sum().tolist() == [200, 7]


def length(message: Any) -> int:
    return len(message.get("content") or "")


def marked(message: Any) -> Any:
    """Return a message of the conversations with what their file does not say: usage, and which results are errors."""
    if message["role"] == "assistant":
        return {**message, "usage": {"input": 100, "output": length(message), "model": "gpt"}}
    return {**message, "is_error": True} if is_error(message) else message


def is_error(message: Any) -> bool:
    return message["role"] == "tool" and length(message) % 3 == 0


def test_the_conversations_beside_a_plain_count() -> None:
    sessions = SessionManager(2, InMemoryStore(archive=True), count_tokens=length)
    talks = conversations()
    for number, talk in enumerate(talks):
        for message in talk:
            sessions.send_message(str(number), marked(message))
    # No conversation but for its preamble has system messages, and the user speaks first.
    messages = [message for talk in talks for message in talk if message["role"] != "system"]
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    roles = Counter(message["role"] for message in messages)
    figures = sessions.statistics()
    assert (figures.sessions, figures.turns, figures.messages) == (len(talks), roles["user"], dict(roles))
    assert figures.tokens == sum(map(length, messages))
    said = sum(length(message) for message in messages if message["role"] == "assistant")
    assert figures.usage == (Usage(100 * roles["assistant"], said, model="gpt"),)
    assert {name: tool.calls for name, tool in figures.tools.items()} == Counter(
        call["function"]["name"] for call in calls
    )
    failed = Counter(message["name"] for message in messages if is_error(message))
    assert {name: tool.failures for name, tool in figures.tools.items() if tool.failures} == failed
    assert sum(day.turns for day in figures.days) == figures.turns


def test_a_long_archive_is_read_in_pages() -> None:
    sessions = SessionManager(1, InMemoryStore(archive=True))
    turns = 2 * PAGE
    for number in range(turns):
        sessions.send_messages("s", [{"role": "user", "content": str(number)}, {"role": "assistant", "content": "x"}])
    figures = sessions.statistics("s")
    assert (figures.turns, figures.messages) == (turns, {"user": turns, "assistant": turns})


def test_a_session_that_cannot_be_read_is_left_out(caplog: Any) -> None:
    sessions = SessionManager()
    fill(sessions.store, "ada", ADA, 10)
    fill(sessions.store, "bad", (said("user", at(), 1), Record(b'{"role":"user",')), 10)
    figures = sessions.statistics()
    assert (figures.sessions, figures.turns, figures.unreadable) == (1, 2, 1)
    assert "statistics leave out a session: session 'bad', record 1" in caplog.text
    with pytest.raises(CorruptSessionError):
        sessions.statistics("bad")


def test_wrong_arguments() -> None:
    sessions = SessionManager()
    with pytest.raises(ValueError, match="since must say its time zone"):
        sessions.statistics(since=datetime(2026, 1, 1))  # noqa: DTZ001 - as a caller may
    with pytest.raises(ValueError, match="a session id must not be empty"):
        sessions.statistics("")


def test_usage_of_copies_counts_twice_and_what_was_used_once() -> None:
    sessions = SessionManager()
    for _ in range(2):
        sessions.add_user_message("s", "A question")
        reply: Any = {"role": "assistant", "content": "An answer", "usage": {"input": 10, "output": 1}}
        sessions.send_message("s", reply)
    sessions.fork("s", "t")
    sessions.undo("s")
    assert sessions.statistics().usage == (Usage(30, 3),)
    described = [sessions.describe(each) for each in sessions.list_sessions()]
    assert [info.usage for info in described if info is not None] == [(Usage(20, 2),), ()]
