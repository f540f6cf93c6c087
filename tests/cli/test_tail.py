"""``sessionkit tail``: nothing is shown twice, and nothing is missing, while the window moves."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations import InMemoryStore, SessionManager
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.sessions.following import Follower, Look, added
from tests.cli.running import COMMAND, Place
from tests.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations import Store


def follower(store: Store) -> Follower:
    return Follower(store.read("s").records, lambda: store.read("s", archived=True).records)


def told(look: Look) -> list[Record]:
    return [new.record for new in look.new]


def contents(look: Look) -> list[str]:
    return [json.loads(record)["content"] for record in told(look)]


@given(
    batches=st.lists(st.lists(st.sampled_from(["user", "assistant", "system"]), max_size=8), max_size=8),
    window=st.integers(1, 4),
    archive=st.booleans(),
    start=st.integers(0, 3),
)
def test_every_message_is_told_once_and_in_order(
    batches: list[list[Any]], window: int, archive: bool, start: int
) -> None:
    store = InMemoryStore(archive=archive)
    sessions = SessionManager(window, store)
    numbers, seen, expected, lost = iter(range(1000)), [], [], False
    one: Follower | None = None
    for index, batch in enumerate(batches):
        sent = [str(next(numbers)) for _ in batch]
        sessions.send_messages(
            "s", [{"role": role, "content": content} for role, content in zip(batch, sent, strict=True)]
        )
        if one is None:
            if index >= start:
                one = follower(store)
            continue
        expected += sent
        look = one.look(store.read("s").records)
        lost |= look.lost
        seen += contents(look)
    assert len(set(seen)) == len(seen)
    # Without an archive, what came and went between two looks is nowhere any more.
    assert seen == expected if archive else set(seen) <= set(expected)
    assert not (archive and lost)
    assert seen == sorted(seen, key=int)


def test_messages_that_came_and_went_between_two_looks_are_told_as_lost() -> None:
    store = InMemoryStore()
    sessions = SessionManager(2, store)
    sessions.add_system_message("s", "pinned")
    sessions.add_user_message("s", "0")
    one = follower(store)
    for number in range(1, 5):
        sessions.add_user_message("s", str(number))
    look = one.look(store.read("s").records)
    assert (contents(look), look.lost) == (["3", "4"], True)
    assert one.look(store.read("s").records).new == []


def test_messages_archived_between_the_two_reads_are_told_once() -> None:
    """The archive is read after the session, and holds by then what the session held before."""
    records = [Record(b'{"role":"user","content":"%d"}' % number) for number in range(6)]
    one = Follower(records[:2], lambda: records[:5])
    assert told(one.look(records[3:5])) == records[2:5]
    assert told(one.look(records[4:6])) == records[5:6]


def test_messages_added_between_the_two_reads_are_told_once_and_in_order() -> None:
    records = [Record(b'{"role":"user","content":"%d"}' % number) for number in range(12)]
    archived = 0
    one = Follower(records[:2], lambda: records[:archived])
    archived = 9  # also what was read as the session has been evicted, and more that came after it
    seen = told(one.look(records[4:6]))
    archived = 10
    seen += told(one.look(records[10:12]))
    assert seen == records[2:12]


def test_edits_and_a_new_preamble_repeat_nothing() -> None:
    store = InMemoryStore()
    sessions = SessionManager(5, store)
    sessions.add_system_message("s", "old")
    for content in "abc":
        sessions.add_user_message("s", content)
    one = follower(store)
    sessions.set_system_message("s", "new")
    sessions.add_user_message("s", "d")
    look = one.look(store.read("s").records)
    assert (contents(look), look.lost) == (["new", "d"], False)
    sessions.reset_session("s")
    assert one.look(store.read("s").records).deleted
    assert not one.look(store.read("s").records).deleted
    sessions.add_user_message("s", "again")
    look = one.look(store.read("s").records)
    assert (contents(look), look.lost) == (["again"], False)


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ("", "ab", "ab"),
        ("ab", "abc", "c"),
        ("abc", "bcd", "d"),
        ("aaa", "aaaa", "a"),
        ("abab", "abab", ""),
        ("xab", "abx", "x"),  # equal records, of which one was evicted and one is new
        ("abcd", "abd", ""),  # one was taken out
        ("abcd", "acde", "e"),
        ("abc", "axbc", "x"),  # one was put in
        ("abc", "xyz", "xyz"),
    ],
)
def test_what_was_added_is_what_follows_the_longest_overlap(before: str, after: str, new: str) -> None:
    def records(text: str) -> list[Record]:
        return [Record(letter.encode()) for letter in text]

    assert [records(after)[position] for position in added(records(before), records(after))] == records(new)


def test_the_last_messages_are_shown(anywhere: Place) -> None:
    with anywhere.sessions() as sessions:
        for number in range(5):
            sessions.add_user_message("s", str(number))
    assert [message["content"] for message in anywhere.lines("tail", "s", "-n", "2")] == ["3", "4"]
    assert len(anywhere.lines("tail", "s")) == 5
    assert anywhere.lines("tail", "s", "-n", "0") == []


def test_new_messages_are_shown_as_they_come(anywhere: Place) -> None:
    with anywhere.sessions(2, archive=True) as sessions:
        sessions.add_system_message("s", "pinned")
        for number in range(3):
            sessions.add_user_message("s", str(number))
        seen: list[str] = []
        with running(
            [*COMMAND, "tail", "-f", "s", "-n", "2", "--interval", "0.05", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=anywhere.all_variables,
        ) as process:
            reader = threading.Thread(target=lambda: seen.extend(_contents(process)))
            reader.start()
            _wait(lambda: len(seen) == 2)
            for number in range(3, 40):
                sessions.add_user_message("s", str(number))
                time.sleep(0.04 if number % 10 else 0)
            _wait(lambda: seen[-1:] == ["39"])
            process.terminate()
            reader.join(10)
            assert process.stderr is not None
            assert process.stderr.read() == b""
    assert seen == [str(number) for number in range(1, 40)]


def _contents(process: subprocess.Popen[bytes]) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)["content"]


def _wait(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()
