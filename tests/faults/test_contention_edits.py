"""Edits by index race with 64 writers, and with each other."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from llama_index.core.llms import ChatMessage

from sessionkit_integrations import ConflictError, InMemoryStore, SessionManager
from sessionkit_integrations.llama_index import SessionKitAsyncChatStore, SessionKitChatStore
from tests.faults.helpers.contention import WINDOW, Load, begin, write_in_tasks, write_in_threads
from tests.faults.helpers.recording_store import RecordingStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.backends import StoreMaker

WRITERS, TURNS, EDITORS = 64, 4, 32
LOAD = Load(TURNS, sessions=1)
S = LOAD.session(0)


class Editors:
    """Edit one session all the time in different ways, each as often as it gets through.

    Attributes:
        conflicts: How many edits gave up.
        done: Whether the writers are.
    """

    def __init__(self, sessions: SessionManager) -> None:
        self.conflicts = 0
        self.done = False
        self._sessions = sessions
        self._store = SessionKitChatStore(sessions=sessions)
        self._async_store = SessionKitAsyncChatStore(sessions=sessions)

    def edits(self) -> list[Callable[[int], object]]:
        """Return the edits; each is given the number of its try."""
        return [
            lambda _: self._store.delete_message(S, 3),
            lambda number: self._store.set_messages(S, _messages(number)),
            lambda number: self._store.add_message(S, _messages(number)[0], idx=2),
            lambda number: self._sessions.set_system_message(S, f"edit {number}"),
        ]

    def aedits(self) -> list[Callable[[int], Awaitable[object]]]:
        """Return the asynchronous edits."""
        return [
            lambda _: self._async_store.delete_message(S, 3),
            lambda number: self._async_store.set_messages(S, _messages(number)),
            lambda _: self._async_store.archive_oldest_messages(S, 5),
            lambda number: self._sessions.aset_system_message(S, f"edit {number}"),
        ]

    def repeat(self, edit: Callable[[int], object]) -> None:
        """Repeat an edit until the writers are done, and once more."""
        for number in itertools.count():
            last = self.done
            try:
                edit(number)
            except ConflictError:
                self.conflicts += 1
                assert not last, "nobody writes any more but three other editors"
            if last:
                return

    async def arepeat(self, edit: Callable[[int], Awaitable[object]]) -> None:
        """See `repeat`."""
        for number in itertools.count():
            last = self.done
            try:
                await edit(number)
            except ConflictError:
                self.conflicts += 1
                assert not last, "nobody writes any more but three other editors"
            if last:
                return
            await asyncio.sleep(0)


def _messages(number: int) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=f"edit {number}"), ChatMessage(role="assistant", content=f"edit {number}")]


def test_edits_race_with_threads(make_store: StoreMaker) -> None:
    recording = RecordingStore(make_store(archive=True))
    sessions = SessionManager(WINDOW, recording)
    begin(sessions, LOAD)
    editors = Editors(sessions)
    with ThreadPoolExecutor(len(editors.edits())) as threads:
        editing = [threads.submit(editors.repeat, edit) for edit in editors.edits()]
        try:
            write_in_threads(sessions, LOAD, range(WRITERS))
        finally:
            editors.done = True
        for each in editing:
            each.result()
    _check(recording, editors, sessions)


def test_edits_race_with_tasks(make_store: StoreMaker) -> None:
    async def use() -> None:
        recording = RecordingStore(make_store(archive=True))
        async with SessionManager(WINDOW, recording) as sessions:
            begin(sessions, LOAD)
            editors = Editors(sessions)
            editing = [asyncio.ensure_future(editors.arepeat(edit)) for edit in editors.aedits()]
            try:
                await write_in_tasks(sessions, LOAD, range(WRITERS))
            finally:
                editors.done = True
            await asyncio.gather(*editing)
            _check(recording, editors, sessions)

    asyncio.run(use())


def test_many_editors_at_once_all_get_through(make_store: StoreMaker) -> None:
    """One of those that read the same is first; the others wait a random while before they try again."""
    recording = RecordingStore(make_store())
    sessions = SessionManager(1000, recording)
    sessions.add_user_message(S, "first")
    store = SessionKitChatStore(sessions=sessions)
    ready = threading.Barrier(EDITORS)

    def edit(editor: int) -> None:
        ready.wait()
        for number in range(2):
            store.add_message(S, ChatMessage(role="user", content=f"{editor}:{number}"), idx=0)

    with ThreadPoolExecutor(EDITORS) as threads:
        for each in [threads.submit(edit, editor) for editor in range(EDITORS)]:
            each.result()
    contents = [str(message["content"]) for message in sessions.get_session(S)]
    print(f"{recording.made} edits made, overtaken {recording.overtaken} times")
    assert contents[-1] == "first"
    assert sorted(contents[:-1]) == sorted(f"{editor}:{number}" for editor in range(EDITORS) for number in range(2))
    for editor in range(EDITORS):
        assert contents.index(f"{editor}:1") < contents.index(f"{editor}:0")


def _check(recording: RecordingStore, editors: Editors, sessions: SessionManager) -> None:
    print(f"{recording.made} edits made, overtaken {recording.overtaken} times, given up {editors.conflicts} times")
    recording.check(S)
    written = [message for writer in range(WRITERS) for _, messages in LOAD.appends(writer) for message in messages]
    assert recording.appended.total() == 1 + len(written)
    assert recording.made >= 2
    assert recording.overtaken > 0 or isinstance(recording.inner, InMemoryStore)
    left: dict[str, list[str]] = defaultdict(list)
    for message in (*sessions.get_archive(S), *sessions.get_session(S)):
        writer, _, rest = str(message["content"]).partition(":")
        left[writer].append(rest)
    assert len(left) > 1
    for number in range(WRITERS):
        own = [str(message["content"]).partition(":")[2] for _, batch in LOAD.appends(number) for message in batch]
        kept = left[str(number)]
        assert kept == [each for each in own if each in kept], f"{number} is out of order"
