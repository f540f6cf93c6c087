"""The store as the suite calls it, and the records that it is given."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.record import Record
from sessionkit_integrations.stores.branches import Branch
from sessionkit_integrations.stores.state import turns_of
from sessionkit_integrations.stores.values import Appended, Summarized
from sessionkit_integrations.window.turns import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from typing_extensions import Unpack

    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.stores.base import Store
    from sessionkit_integrations.stores.notices import Notices
    from sessionkit_integrations.stores.values import AppendOptions, Both, Edit, Exchange, SessionInfo, Snapshot

ODD_SESSION_IDS = (
    "user123",
    "a:b",
    "a",
    "{a}",
    "a}:meta",
    "{sessionkit:a}:archive",
    "a*",
    "a?[b]",
    "50%",
    "%41",
    "A",
    " ",
    "line\nbreak",
    "tab\t",
    "nul\0",
    "back\\slash",
    "émoji 🧠",
    "e\u0301",
    "é",
    "'; DROP TABLE sessions; --",
    "x" * 512,
)
"""Session ids that a store could mistake for something else, or for each other."""

_numbers = itertools.count()


def record(role: str, content: str, tokens: int | None = None) -> Record:
    """Return a record as the package writes it, with its number of tokens if it was counted."""
    fields = {"role": role, "content": content, **({} if tokens is None else {"tokens": tokens}), "at": 0}
    return Record(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())


def reported(usage: Usage) -> Record:
    """Return the record of a reply, with what the provider counted for it."""
    said = {name: value for name, value in asdict(usage).items() if value is not None}
    fields = {"role": "assistant", "content": "Hi", "usage": said, "at": 0}
    return Record(json.dumps(fields, separators=(",", ":")).encode())


def sealed(by: str) -> Record:
    """Return a record that is sealed in some way, and that nobody opens."""
    return Record(json.dumps({"role": "user", "sealed": "AAAA", "by": by, "at": 0}, separators=(",", ":")).encode())


def turn(number: int) -> list[Record]:
    """Return the records of a whole turn, one that uses a tool."""
    roles = ("user", "assistant", "tool", "assistant")
    return [record(role, f"{role} {number}") for role in roles]


class Surface:
    """A store's plain methods, or their ``a`` twins run in one event loop, called in the same way."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop | None) -> None:
        self.store = store
        self._loop = loop

    def append(
        self,
        session_id: str,
        records: Sequence[Record],
        window: int | Window,
        operation_id: str | None = None,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        """Append, with an operation id of its own unless one is given."""
        operation_id = operation_id or new_operation_id()
        appended = self._call("append", session_id, records, Window.of(window), operation_id, **options)
        assert isinstance(appended, Appended), "append returns an Appended"
        return appended

    def read(self, session_id: str, start: int | None = None, stop: int | None = None) -> list[Record]:
        """Return the active records, or a range of them."""
        snapshot: Snapshot = self._call("read", session_id, start=start, stop=stop)
        return list(snapshot.records)

    def read_archive(self, session_id: str, start: int | None = None, stop: int | None = None) -> list[Record]:
        """Return the archived records, or a range of them."""
        snapshot: Snapshot = self._call("read", session_id, archived=True, start=start, stop=stop)
        return list(snapshot.records)

    def read_both(self, session_id: str, start: int | None, stop: int | None) -> Both | None:
        """Return the active records and a range of the archived ones, if the store reads both at once."""
        both: Both | None = self._call("read_both", session_id, slice(start, stop))
        return both

    def describe(self, session_id: str) -> SessionInfo | None:
        """Return the figures of a session."""
        info: SessionInfo | None = self._call("describe", session_id)
        return info

    def snapshot(self, session_id: str) -> Snapshot:
        """Return a snapshot of the active records."""
        snapshot: Snapshot = self._call("read", session_id)
        return snapshot

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str | None = None) -> None:
        """Replace, with an operation id of its own unless one is given."""
        self._call("replace", session_id, edit, expected, operation_id or new_operation_id())

    def fork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str | None = None) -> None:
        """Fork, with an operation id of its own unless one is given."""
        self._call("fork", session_id, new_session_id, branch, operation_id or new_operation_id())

    def branch(self, session_id: str, active: Sequence[Record], archived: int, waiting: int = 0) -> Branch:
        """Return a branch of a session with some active records and the oldest of its archived ones."""
        source = self.describe(session_id)
        assert source is not None, "there is a session to fork"
        records = self.read_archive(session_id, archived - waiting, archived) if waiting else ()
        summarized = Summarized(source.summarized, waiting, turns_of(records))
        return Branch(tuple(active), archived, summarized, source, tuple(self.read_archive(session_id, 0, 1)))

    def exchange(self, session_id: str, exchange: Exchange) -> bool:
        """Exchange records."""
        made: bool = self._call("exchange", session_id, exchange)
        return made

    def delete(self, session_id: str) -> None:
        """Delete."""
        self._call("delete", session_id)

    def sessions(self) -> list[str]:
        """Return the ids of all sessions."""
        if self._loop is None:
            return list(self.store.sessions())

        async def listed() -> list[str]:
            return [session_id async for session_id in self.store.asessions()]

        return self._loop.run_until_complete(listed())

    def at_once(self, calls: Sequence[tuple[str, tuple[Any, ...]]]) -> list[BaseException | None]:
        """Make calls concurrently, in threads or in tasks; return what each raised."""
        if self._loop is None:
            with ThreadPoolExecutor(len(calls)) as pool:
                futures = [pool.submit(getattr(self.store, method), *args) for method, args in calls]
                return [future.exception() for future in futures]

        async def gathered() -> list[BaseException | None]:
            made = (getattr(self.store, f"a{method}")(*args) for method, args in calls)
            outcomes = await asyncio.gather(*made, return_exceptions=True)
            return [outcome if isinstance(outcome, BaseException) else None for outcome in outcomes]

        return self._loop.run_until_complete(gathered())

    def close(self) -> None:
        """Close the store."""
        if self._loop is None:
            self.store.close()
        else:
            self._loop.run_until_complete(self.store.aclose())

    def notices(self, session_id: str | None) -> Notices:
        """Return notices that are open."""
        notices = self.store.notices(session_id, 0.01)
        self._do(notices, "open")
        return notices

    def take(self, notices: Notices, seconds: float) -> Collection[str | None]:
        """Return what was noticed."""
        taken: Collection[str | None] = self._do(notices, "take", seconds)
        return taken

    def end(self, notices: Notices) -> None:
        """Close notices."""
        self._do(notices, "close")

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._do(self.store, method, *args, **kwargs)

    def _do(self, target: object, method: str, *args: Any, **kwargs: Any) -> Any:
        if self._loop is None:
            return getattr(target, method)(*args, **kwargs)
        return self._loop.run_until_complete(getattr(target, f"a{method}")(*args, **kwargs))


def new_operation_id() -> str:
    """Return an operation id that no other operation has."""
    return f"op{next(_numbers)}"


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until a condition holds, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.05)
