"""An open file with an index, which is kept up with the records and asked."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.records.record import now
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.stores.sqlite import index
from sessionkit_integrations.stores.sqlite.finding import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sessionkit_integrations.stores.sqlite.file import SQLiteFile
    from sessionkit_integrations.stores.sqlite.sql import Statements
    from sessionkit_integrations.stores.terms import Place, Terms

PROGRESS = 10.0
"""Seconds between two lines of the log while an older file is indexed."""


class IndexedFile:
    """The index of a file.

    Args:
        file: The file. It gets an index when it is opened.
    """

    def __init__(self, file: SQLiteFile) -> None:
        self._file = file
        file.prepare = index.prepare

    def after_write(self) -> None:
        """Index the records that wait for it, if they are enough for a batch; a failure does not fail the write."""
        try:
            self._keep_up(index.BATCH)
        except StoreError as error:
            LOGGER.debug("records are indexed later: %s", error)

    def batches(self, progress: Callable[[int], object] | None = None, *, within: float = math.inf) -> Iterator[None]:
        """Index all records that wait for it, a batch each time that the iterator is asked for the next.

        Args:
            progress: Is told how many are left, now and then. The log is told in any case.
            within: Seconds after which no other batch is begun.
        """
        begun = said = time.monotonic()
        while time.monotonic() - begun < within and self._keep_up(1):
            yield
            if time.monotonic() - said > PROGRESS:
                said = time.monotonic()
                left = self._file.read(index.behind, self._file.attempts())
                LOGGER.info("messages of %r that are still to be indexed: %d", self._file.path, left)
                if progress is not None:
                    progress(left)

    def find(
        self, terms: Terms, since: int | None, skip: int, limit: int, session_id: str | None
    ) -> Sequence[Place] | None:
        """See `Store.find`; ``None`` while more is to be indexed than a write leaves."""

        def work() -> Statements[Sequence[Place] | None]:
            if (yield from index.is_behind(index.BATCH)):
                return None
            return (yield from find(terms, now(), since=since, skip=skip, limit=limit, session_id=session_id))

        return self._file.read(work, self._file.attempts())

    def _keep_up(self, least: int) -> bool:
        return self._file.write(lambda: index.keep_up(least), self._file.attempts())
