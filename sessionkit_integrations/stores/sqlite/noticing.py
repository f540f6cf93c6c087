"""Notices of writes to a SQLite file, whoever makes them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.stores.notices import Notices
from sessionkit_integrations.stores.sqlite.sql import Statement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from sessionkit_integrations.stores.sqlite.file import SQLiteFile
    from sessionkit_integrations.stores.sqlite.sql import Statements

    Changed = Collection[str | None]

EVERY = 0.05
"""Seconds between two looks at the file's version."""

_SHARE = 4
"""Times that a pause is at least as long as the look before it."""

_VERSION = Statement("SELECT data_version, total_changes() FROM pragma_data_version")
"""The first changes with each commit of another connection, the second with each of this one."""

_FIGURES = "SELECT session_id, id, appended, updated_at, position, archived, waiting, summarized FROM sessions"


class FileNotices(Notices):
    """Notices of the writes to one file.

    Args:
        file: The file.
        aread: Runs an operation on it for an event loop.
        session_id: The session; all of them if ``None``.
    """

    def __init__(
        self,
        file: SQLiteFile,
        aread: Callable[[Callable[[], Statements[Changed]]], Awaitable[Changed]],
        session_id: str | None,
    ) -> None:
        self._file = file
        self._aread = aread
        self._session_id = session_id
        self._version: tuple[Any, ...] = ()
        self._figures: dict[str, tuple[Any, ...]] = {}
        self._pause = EVERY

    def open(self) -> None:
        """See `Notices.open`."""
        self._file.read(self._look, self._file.attempts())

    async def aopen(self) -> None:
        """See `Notices.open`."""
        await self._aread(self._look)

    def take(self, seconds: float) -> Changed:
        """See `Notices.take`."""
        ends = time.monotonic() + seconds
        while not (changed := self._file.read(self._look, self._file.attempts())):
            if (left := ends - time.monotonic()) <= 0:
                break
            time.sleep(min(self._pause, left))
        return changed

    async def atake(self, seconds: float) -> Changed:
        """See `Notices.take`."""
        ends = time.monotonic() + seconds
        while not (changed := await self._aread(self._look)):
            if (left := ends - time.monotonic()) <= 0:
                break
            await asyncio.sleep(min(self._pause, left))
        return changed

    def _look(self) -> Statements[Changed]:
        """Return the sessions whose figures are other than at the last look, or that are gone."""
        began = time.monotonic()
        version = (self._file.opened, *(yield _VERSION)[0])
        if version == self._version:
            return ()
        if self._session_id is None:
            rows = yield Statement(_FIGURES)
        else:
            rows = yield Statement(f"{_FIGURES} WHERE session_id = ?", (self._session_id,))
        before, self._figures = self._figures, {session_id: tuple(figures) for session_id, *figures in rows}
        self._version = version
        self._pause = max(EVERY, (time.monotonic() - began) * _SHARE)
        changed = [session_id for session_id, figures in self._figures.items() if before.get(session_id) != figures]
        return [*changed, *(before.keys() - self._figures.keys())]
