"""Many writers of the same sessions, a reader meanwhile, and what must be true of what they leave.

This module imports no test framework, so that a process of writers starts fast.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.window.turns import Window, evict, number_turns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sessionkit_integrations import SessionManager

WINDOW = 10
SYSTEM = "Be brief."
BETWEEN_READS = 0.002
"""Seconds that a reader leaves the processor to the writers after each time that it read all sessions."""
SESSIONS_OF_A_WRITER = 10
"""Sessions that one writer writes to: so few that it comes back to each."""


@dataclass(frozen=True)
class Load:
    """The turns and sessions that writers write.

    Attributes:
        turns: How many turns each of them writes.
        sessions: How many sessions they share.
    """

    turns: int
    sessions: int

    def appends(self, writer: int) -> Iterator[tuple[str, Any]]:
        """Return what a writer appends, one after the other: to which session, and which messages."""
        for turn in range(self.turns):
            session = self.session((writer * 7 + turn % SESSIONS_OF_A_WRITER) % self.sessions)
            for messages in _turn(f"{writer}:{turn}", at_once=turn % 2 == 1):
                yield session, messages

    def session(self, number: int) -> str:
        """Return the id of a session."""
        return f"session {number}"

    @property
    def session_ids(self) -> list[str]:
        """The ids of all sessions."""
        return [self.session(number) for number in range(self.sessions)]


def _turn(name: str, *, at_once: bool) -> list[list[dict[str, Any]]]:
    """Return the appends of a turn: a chat's, whose reply comes later, or a batch with a tool call."""
    user: dict[str, Any] = {"role": "user", "content": f"{name}:user"}
    reply: dict[str, Any] = {"role": "assistant", "content": f"{name}:reply"}
    if not at_once:
        return [[user], [reply]]
    call = {"id": name, "type": "function", "function": {"name": "look", "arguments": "{}"}}
    return [
        [
            user,
            {"role": "assistant", "content": f"{name}:call", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": name, "content": f"{name}:result"},
            reply,
        ]
    ]


def begin(sessions: SessionManager, load: Load) -> None:
    """Give each session its preamble."""
    for session_id in load.session_ids:
        sessions.add_system_message(session_id, SYSTEM)


def write_in_threads(sessions: SessionManager, load: Load, writers: Sequence[int]) -> None:
    """Write as many writers, each in a thread."""
    ready = threading.Barrier(len(writers))

    def write(writer: int) -> None:
        ready.wait()
        for session_id, messages in load.appends(writer):
            sessions.send_messages(session_id, messages)

    with ThreadPoolExecutor(len(writers)) as threads:
        for done in [threads.submit(write, writer) for writer in writers]:
            done.result()


async def write_in_tasks(sessions: SessionManager, load: Load, writers: Sequence[int]) -> None:
    """Write as many writers, each in a task."""

    async def write(writer: int) -> None:
        for session_id, messages in load.appends(writer):
            await sessions.asend_messages(session_id, messages)
            await asyncio.sleep(0)  # a store in memory never waits, so that nobody else would have a turn

    await asyncio.gather(*map(write, writers))


@dataclass
class Reader:
    """Reads all the time, and checks what it reads.

    Attributes:
        load: What is being written.
        reads: How often it has read.
        problems: What it found wrong.
    """

    load: Load
    reads: int = 0
    problems: list[str] = field(default_factory=list)

    def look(self, session_id: str, messages: Iterable[Any]) -> None:
        """Check one read."""
        self.reads += 1
        problem = problem_of_window(list(messages), WINDOW)
        if problem:
            self.problems.append(f"read {self.reads} of {session_id}: {problem}")

    @contextmanager
    def in_thread(self, sessions: SessionManager) -> Iterator[None]:
        """Read in a thread for the time of the block."""
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                for session_id in self.load.session_ids:
                    self.look(session_id, sessions.get_session(session_id))
                time.sleep(BETWEEN_READS)

        with ThreadPoolExecutor(1) as thread:
            reading = thread.submit(read)
            try:
                yield
            finally:
                stop.set()
            reading.result()

    async def in_task(self, sessions: SessionManager, writing: asyncio.Future[Any]) -> None:
        """Read until the writing is done."""
        while not writing.done():
            for session_id in self.load.session_ids:
                self.look(session_id, await sessions.aget_session(session_id))
                await asyncio.sleep(0)


def problem_of_window(messages: list[Any], turns: int) -> str | None:
    """Return what is wrong with a read by the rules of the window, if anything is."""
    _, outside = evict(messages, Window(turns), lambda message: str(message["role"]))
    if outside:
        return f"{len(outside)} messages are outside the window"
    numbers = number_turns(message["role"] for message in messages)
    conversation = messages[numbers.count(0) :]
    if conversation and conversation[0]["role"] != "user":
        return f"it opens with {conversation[0]}"
    for before, message in zip([None, *messages], messages, strict=False):
        if message["role"] == "tool":
            calls = before.get("tool_calls", ()) if before else ()
            if message["tool_call_id"] not in [call["id"] for call in calls]:
                return f"{message} does not follow its call"
    return None


def check_all_is_there(sessions: SessionManager, load: Load, writers: Sequence[int]) -> int:
    """Check that what the writers wrote is there, each message once and each writer's in its order.

    Returns:
        How many messages there are.
    """
    expected: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    batches = []
    for writer in writers:
        for session_id, messages in load.appends(writer):
            contents = [message["content"] for message in messages]
            expected[session_id][writer] += contents
            batches.append((session_id, contents))
    found = {session_id: _conversation(sessions, session_id) for session_id in load.session_ids}
    for session_id, contents in found.items():
        by_writer: dict[int, list[str]] = defaultdict(list)
        for content in contents:
            by_writer[int(content.partition(":")[0])].append(content)
        assert by_writer == expected[session_id], f"{session_id} is not what was written"
    places = {session_id: {content: at for at, content in enumerate(found[session_id])} for session_id in found}
    for session_id, contents in batches:
        at = places[session_id][contents[0]]
        assert found[session_id][at : at + len(contents)] == contents, f"{contents} are apart"
    return sum(map(len, found.values()))


def _conversation(sessions: SessionManager, session_id: str) -> list[str]:
    preamble, *active = sessions.get_session(session_id)
    assert preamble == {"role": "system", "content": SYSTEM}
    assert problem_of_window(active, WINDOW) is None
    return [str(message["content"]) for message in (*sessions.get_archive(session_id), *active)]
