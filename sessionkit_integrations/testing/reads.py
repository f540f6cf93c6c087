"""Reads of a part of a session, and the figures of a session."""

from __future__ import annotations

import itertools
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from sessionkit_integrations.records.record import role_of, tokens_of
from sessionkit_integrations.stores.values import Edit, Snapshot
from sessionkit_integrations.testing.fixtures import Fixtures
from sessionkit_integrations.testing.surface import record, turn
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.values import SessionInfo
    from sessionkit_integrations.testing.surface import Surface

_BOUNDS = (None, -sys.maxsize, -9, -8, -7, -1, 0, 1, 7, 8, 9, sys.maxsize)
_PRECISION = timedelta(milliseconds=2)
_TTL = 3600


class ReadConformance(Fixtures):
    """Reads of a part of a session, and the figures of a session."""

    def test_a_range_is_that_of_a_slice(self, surface: Callable[..., Surface]) -> None:
        """Active and archived records are read from ``start`` to ``stop`` as a list is sliced."""
        store = surface()
        active, archived = [*turn(1), *turn(2)], [*turn(3), *turn(4)]
        store.replace("s", Edit(active=tuple(active), archive=tuple(archived)), None)
        for start, stop in itertools.product(_BOUNDS, repeat=2):
            found = store.read("s", start, stop), store.read_archive("s", start, stop)
            assert found == (active[start:stop], archived[start:stop]), (start, stop)
            both = store.read_both("s", start, stop)
            expected = Snapshot(tuple(active)), tuple(archived[start:stop]), len(archived)
            assert both in {None, expected}, (start, stop)
        assert store.read_both("other", -1, None) in {None, (Snapshot(()), (), 0)}
        assert (store.read("other", -1), store.read_archive("other", -1)) == ([], [])

    def test_an_archive_is_read_in_pages_from_its_newest_end(
        self, surface: Callable[..., Surface], archiving: dict[str, bool]
    ) -> None:
        """Pages that count from the newest record hold each record once, also after the archive was cleared."""
        store = surface(**archiving)
        for first in (0, 20):
            numbers = range(first, first + 20)
            for number in numbers:
                store.append("s", turn(number), 1)
            archived = [item for number in numbers[:-1] for item in turn(number)]
            if not archiving:
                store.replace("s", Edit(archive=tuple(archived)), None)
            pages = [store.read_archive("s", -end - 10, -end or None) for end in range(0, 80, 10)]
            assert [item for page in reversed(pages) for item in page] == archived
            store.replace("s", Edit(active=(), clear_archive=True), None)

    def test_a_session_is_described(self, surface: Callable[..., Surface], archiving: dict[str, bool]) -> None:
        """Turns and messages are counted as they are stored; the preamble is not a turn."""
        store = surface(**archiving)
        assert store.describe("s") is None
        preamble, greeting = [record("system", "pinned")], [record("assistant", "Hello")]
        store.append("s", [*preamble, *greeting], 2)
        check_description(store.describe("s"), [*preamble, *greeting], [], 2)
        for number in range(4):
            store.append("s", turn(number), 2)
        active = [*preamble, *turn(2), *turn(3)]
        archived = [*greeting, *turn(0), *turn(1)] if archiving else []
        check_description(store.describe("s"), active, archived, 18)
        store.replace("s", Edit(active=tuple(turn(5)), archive=tuple(turn(6))), None)
        check_description(store.describe("s"), turn(5), [*archived, *turn(6)], 18)
        store.replace("s", Edit(active=()), None)
        check_description(store.describe("s"), [], [*archived, *turn(6)], 18)
        store.delete("s")
        assert store.describe("s") is None

    def test_a_description_tells_the_times_of_a_session(self, surface: Callable[..., Surface]) -> None:
        """A store tells the times of the first and the last write, and of the end."""
        store = surface(ttl=_TTL)
        moments = [datetime.now(timezone.utc)]
        for number in range(2):
            store.append("s", turn(number), 5)
            moments.append(datetime.now(timezone.utc))
        asked = datetime.now(timezone.utc)
        info = store.describe("s")
        took = datetime.now(timezone.utc) - asked  # a store may tell how long a session has left
        assert info is not None
        if info.appended is None:
            return  # the times are the records', which the tests made up
        life = timedelta(seconds=_TTL)
        for time, write, later in ((info.created, 0, 0 * life), (info.updated, 1, 0 * life), (info.expires, 1, life)):
            earliest, latest = moments[write] + later - _PRECISION, moments[write + 1] + later + took + _PRECISION
            assert time is None or earliest <= time <= latest
        assert getattr(surface().describe("s"), "expires", None) is None


def check_description(
    info: SessionInfo | None, active: Sequence[Record], archived: Sequence[Record], appended: int
) -> None:
    """Check the figures of a session against the records that it holds."""
    if not active and not archived:
        assert info is None
        return
    assert info is not None
    turns = max(number_turns(map(role_of, active)), default=0)
    assert (info.turns, info.messages, info.archived) == (turns, len(active), len(archived))
    assert info.appended in {None, appended}
    assert info.tokens in {None, sum(map(tokens_of, active))}
    for time in (info.created, info.updated, info.expires):
        assert time is None or time.utcoffset() == timedelta(0)
    if info.created is not None and info.updated is not None:
        assert info.created <= info.updated
