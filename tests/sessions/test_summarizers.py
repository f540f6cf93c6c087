"""Summarizers of all kinds, those that fail, and what is done in the background."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import InMemoryStore, InvalidMessageError, SessionManager, Summary, SummaryError, Window
from sessionkit_integrations.sessions.background import MOST_BEGUN
from sessionkit_integrations.sessions.summaries import HEADING
from tests.sessions.scripted import Scripted, contents, said, turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import StoreMaker

SOON = 10
"""Seconds within which anything here happens."""


class WithTwin(Scripted):
    """A summarizer with an asynchronous twin, as those of frameworks are."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = 0

    async def asummarize(self, previous: str | None, messages: list[Any]) -> str:
        self.awaited += 1
        await asyncio.sleep(0)
        return self(previous, messages)


async def asynchronous(previous: str | None, messages: list[Any]) -> str:
    await asyncio.sleep(0)
    return Scripted()(previous, messages)


def returning_an_awaitable(previous: str | None, messages: list[Any]) -> Any:
    return asynchronous(previous, messages)


@pytest.mark.parametrize("summarize", [Scripted(), WithTwin(), asynchronous, returning_an_awaitable])
@pytest.mark.parametrize("background", [False, True])
def test_any_summarizer_serves_both_worlds(summarize: Any, call: Callable[..., Any], background: bool) -> None:
    sessions = SessionManager(1, summary=Summary(summarize, every=2, background=background))
    for number in range(3):
        call(sessions, "send_messages", "s", turn(number))
    call(sessions, "close")
    assert sessions.get_summary("s").text == said(0, 1)  # type: ignore[union-attr]


@pytest.mark.parametrize("summarize", [asynchronous, returning_an_awaitable, WithTwin()])
async def test_an_asynchronous_summarizer_serves_synchronous_code_within_a_loop(summarize: Any) -> None:
    sessions = SessionManager(1, summary=Summary(summarize, every=1, background=False))
    sessions.send_messages("s", [*turn(0), *turn(1)])
    assert sessions.get_summary("s").text == said(0)  # type: ignore[union-attr]


async def test_a_twin_is_preferred_in_a_loop() -> None:
    summarize = WithTwin()
    sessions = SessionManager(1, summary=Summary(summarize, every=1, background=False))
    await sessions.asend_messages("s", [*turn(0), *turn(1)])
    assert (summarize.awaited, len(summarize.given)) == (1, 1)


async def test_a_plain_summarizer_does_not_stop_the_loop() -> None:
    answer = threading.Event()

    def summarize(_previous: str | None, _messages: list[Any]) -> str:
        assert answer.wait(SOON)
        return "text"

    sessions = SessionManager(1, summary=Summary(summarize, every=1, background=False))
    writing = asyncio.create_task(sessions.asend_messages("s", [*turn(0), *turn(1)]))
    await asyncio.sleep(0.01)
    answer.set()
    await writing
    assert (await sessions.aget_summary("s")).text == "text"  # type: ignore[union-attr]


def raising(error: type[BaseException]) -> Callable[..., str]:
    def summarize(_previous: str | None, _messages: list[Any]) -> str:
        raise error

    return summarize


async def araising(_previous: str | None, _messages: list[Any]) -> str:
    raise KeyError("secret")


def returning(value: Any) -> Callable[..., Any]:
    return lambda _previous, _messages: value


def fails(message: Any) -> int:
    """Count no tokens of a summary."""
    if message["role"] == "system":
        raise ZeroDivisionError
    return 1


FAILING: dict[str, tuple[Any, str, type[BaseException] | None]] = {
    "raises": (raising(KeyError), "the summarizer raised KeyError; the turns wait", KeyError),
    "raises, asynchronous": (araising, "the summarizer raised KeyError; the turns wait", KeyError),
    "nothing": (returning(None), "the summarizer must return a text, got NoneType; the turns wait", None),
    "number": (returning(7), "the summarizer must return a text, got int; the turns wait", None),
    "empty": (returning(""), "the summarizer returned an empty text; the turns wait", None),
    "blank": (returning(" \n"), "the summarizer returned an empty text; the turns wait", None),
    "half a surrogate pair": (
        returning("half \ud83d"),
        "the summarizer returned a text that is not Unicode; the turns wait",
        UnicodeEncodeError,
    ),
    "too large": (
        returning("x" * 2000),
        "the summarizer returned a text of more than 2,000 bytes of JSON; the turns wait",
        None,
    ),
}


@pytest.mark.pairwise
@pytest.mark.parametrize("kind", FAILING)
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("archive", [False, True])
def test_a_summarizer_that_fails_loses_nothing(
    make_store: StoreMaker,
    call: Callable[..., Any],
    kind: str,
    background: bool,
    archive: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    summarize, message, cause = FAILING[kind]
    store = make_store(archive=archive)
    sessions = SessionManager(
        1, store, summary=Summary(summarize, every=2, background=background), max_message_bytes=2000
    )
    with caplog.at_level(logging.WARNING, "sessionkit_integrations"):
        for number in range(3):
            call(sessions, "send_messages", "s", turn(number))
        call(sessions, "close")
    assert [record.getMessage() for record in caplog.records] == [f"session 's' was not summarised: {message}"]
    assert contents(call(sessions, "get_session", "s")) == said(2).split()
    assert contents(call(sessions, "get_archive", "s")) == said(0, 1).split()
    with pytest.raises(SummaryError, match=f"^{message}$") as raised:
        call(sessions, "summarize", "s")
    assert type(raised.value.__cause__) is (cause or type(None))
    assert call(sessions, "get_summary", "s") is None
    better = SessionManager(1, store, summary=Summary(Scripted(), every=None))
    assert call(better, "summarize", "s").text == said(0, 1)


def test_an_iteration_that_stops_in_a_summarizer_is_a_failure(call: Callable[..., Any]) -> None:
    sessions = SessionManager(1, summary=Summary(raising(StopIteration), every=None))
    call(sessions, "send_messages", "s", [*turn(0), *turn(1)])
    with pytest.raises(SummaryError):
        call(sessions, "summarize", "s")


def test_a_summary_whose_tokens_cannot_be_counted_is_not_stored(call: Callable[..., Any]) -> None:
    sessions = SessionManager(
        Window(1, tokens=100), summary=Summary(returning("text"), every=1, background=False), count_tokens=fails
    )
    call(sessions, "send_messages", "s", [*turn(0), *turn(1)])
    with pytest.raises(SummaryError, match="the tokens of the summary cannot be counted") as raised:
        call(sessions, "summarize", "s")
    assert isinstance(raised.value.__cause__, InvalidMessageError)
    assert contents(call(sessions, "get_archive", "s")) == said(0).split()


def stuck(answer: threading.Event) -> Callable[..., str]:
    def summarize(_previous: str | None, _messages: list[Any]) -> str:
        answer.wait(SOON)
        return "text"

    return summarize


def test_closing_waits_for_a_summary_but_no_longer_than_the_store(call: Callable[..., Any]) -> None:
    answer, store = threading.Event(), InMemoryStore()
    store.timeout = 0.3
    sessions = SessionManager(1, store, summary=Summary(stuck(answer), every=1))
    call(sessions, "send_messages", "s", [*turn(0), *turn(1)])
    began = time.monotonic()
    call(sessions, "close")
    assert 0.3 <= time.monotonic() - began < SOON / 2
    assert sessions.get_summary("s") is None
    answer.set()


def test_one_summary_of_a_session_is_made_at_once(call: Callable[..., Any]) -> None:
    answer, scripted = threading.Event(), Scripted()

    def summarize(previous: str | None, messages: list[Any]) -> str:
        answer.wait(SOON)
        return scripted(previous, messages)

    sessions = SessionManager(1, summary=Summary(summarize, every=1))
    for number in range(5):
        call(sessions, "send_messages", "s", turn(number))
    answer.set()
    call(sessions, "close")
    call(sessions, "send_messages", "s", turn(5))
    call(sessions, "close")
    first, second = [messages for _, messages in scripted.given]
    assert [*first, *second] == said(0, 1, 2, 3, 4).split()


def test_few_summaries_are_begun_at_once(call: Callable[..., Any]) -> None:
    answer, scripted = threading.Event(), Scripted()

    def summarize(previous: str | None, messages: list[Any]) -> str:
        answer.wait(SOON)
        return scripted(previous, messages)

    sessions = SessionManager(1, summary=Summary(summarize, every=1))
    before = threading.active_count()
    ids = [f"s{number}" for number in range(MOST_BEGUN + 6)]
    for session_id in ids:
        call(sessions, "send_messages", session_id, [*turn(0), *turn(1)])
    assert threading.active_count() - before <= MOST_BEGUN
    answer.set()
    call(sessions, "close")
    assert len(scripted.given) == MOST_BEGUN
    for session_id in ids[MOST_BEGUN:]:
        call(sessions, "send_messages", session_id, turn(2))
    call(sessions, "close")
    assert len(scripted.given) == len(ids)


def test_what_a_loop_that_closed_did_not_finish_waits() -> None:
    scripted, is_slow = Scripted(), True

    async def summarize(previous: str | None, messages: list[Any]) -> str:
        if is_slow:
            await asyncio.sleep(SOON)
        return scripted(previous, messages)

    sessions = SessionManager(1, summary=Summary(summarize, every=1))
    asyncio.run(sessions.asend_messages("s", [*turn(0), *turn(1)]))
    assert contents(sessions.get_archive("s")) == said(0).split()
    is_slow = False

    async def write() -> None:
        await sessions.asend_messages("s", turn(2))
        await sessions.aclose()

    asyncio.run(write())
    assert scripted.given == [(None, said(0, 1).split())]
    assert contents(sessions.get_session("s")) == [f"{HEADING}\n\n{said(0, 1)}", *said(2).split()]


def test_a_loop_that_stands_still_keeps_no_other_from_summarising(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessionkit_integrations.sessions.summaries.LONGEST", 0.05)
    sessions = SessionManager(1, summary=Summary(asynchronous, every=1))
    idle = asyncio.new_event_loop()
    idle.run_until_complete(sessions.asend_messages("s", [*turn(0), *turn(1)]))
    time.sleep(0.1)

    async def write() -> None:
        await sessions.asend_messages("s", turn(2))
        await sessions.aclose()

    asyncio.run(write())
    assert sessions.get_summary("s").text == said(0, 1)  # type: ignore[union-attr]
    idle.run_until_complete(asyncio.sleep(0.01))
    assert sessions.get_summary("s").text == said(0, 1)  # type: ignore[union-attr]
    idle.close()


def run(program: str) -> None:
    """Run a program in a process that has to end by itself, in silence."""
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, timeout=60, capture_output=True, check=False)  # noqa: S603 - the tests' own
    assert (done.returncode, done.stderr) == (0, b"")


PROGRAM = """
import asyncio, threading
from sessionkit_integrations import SessionManager, Summary
sessions = SessionManager(1, summary=Summary(lambda *_: threading.Event().wait(), every=1))
messages = [{"role": "user", "content": "q"}, {"role": "user", "content": "r"}]
async def write():
    await sessions.asend_messages("s", messages)
    await asyncio.sleep(0.1)
"""


@pytest.mark.parametrize("writing", ['sessions.send_messages("s", messages)', "asyncio.run(write())"])
def test_a_model_that_never_answers_keeps_no_process_from_ending(writing: str) -> None:
    run(PROGRAM + writing)


PROGRAM_THAT_FORKS = """
import os, threading
from sessionkit_integrations import SessionManager, SQLiteStore, Summary
answer = threading.Event()
def summarize(previous, messages):
    answer.wait(10)
    return " ".join([*([previous] if previous else []), *(message["content"] for message in messages)])
sessions = SessionManager(1, SQLiteStore({path!r}), summary=Summary(summarize, every=1))
for content in "abc":
    sessions.add_user_message("s", content)
child = os.fork()
answer.set()
if child == 0:
    sessions.add_user_message("t", "x")
    sessions.add_user_message("t", "y")
    sessions.close()
    os._exit(0 if sessions.get_summary("t").text == "x" else 1)
assert os.waitpid(child, 0)[1] == 0
sessions.close()
sessions.summarize("s")
assert sessions.get_summary("s").text == "a b", sessions.get_summary("s")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_summarises_for_itself(tmp_path: Any) -> None:
    run(PROGRAM_THAT_FORKS.format(path=str(tmp_path / "s.db")))
