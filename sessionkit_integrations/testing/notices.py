"""Notices of writes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sessionkit_integrations.stores.values import Edit
from sessionkit_integrations.testing.fixtures import Fixtures
from sessionkit_integrations.testing.surface import turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.testing.surface import Surface

_SECONDS = 20
"""Most seconds that a notice may take."""


class NoticeConformance(Fixtures):
    """Notices of writes."""

    def test_each_write_is_noticed(self, surface: Callable[..., Surface]) -> None:
        """A store that cannot tell which session was written to says that any may have been."""
        store = surface()
        store.append("other", turn(1), 5)
        for session_id in ("s", None):
            notices = store.notices(session_id)
            for write in (
                lambda: store.append("s", turn(1), 5),
                lambda: store.replace("s", Edit(tuple(turn(2))), None),
                lambda: store.delete("s"),
            ):
                write()
                taken, ends = set[str | None](), time.monotonic() + _SECONDS
                while not taken and time.monotonic() < ends:
                    taken.update(store.take(notices, 1))
                assert taken in ({"s"}, {None}), "a write gives a notice of its session, or of any"
            store.end(notices)
