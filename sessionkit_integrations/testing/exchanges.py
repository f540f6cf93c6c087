"""Replacements of records by others that say the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.stores.values import Edit, Exchange
from sessionkit_integrations.testing.fixtures import Fixtures
from sessionkit_integrations.testing.surface import new_operation_id, record, turn
from sessionkit_integrations.window.turns import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.testing.surface import Surface


def sealed_again(records: Sequence[Record]) -> tuple[Record, ...]:
    """Return other records of the same roles; they are longer."""
    return tuple([record(role_of(each), f"{number} again and again") for number, each in enumerate(records)])


class ExchangeConformance(Fixtures):
    """Replacements of records by others that say the same."""

    @pytest.mark.parametrize("archived", [False, True])
    def test_an_exchange_changes_some_records_alone(self, surface: Callable[..., Surface], archived: bool) -> None:  # noqa: FBT001
        """Those before and after them stay, and what is added later leaves the window as ever."""
        store = surface()
        records = [*turn(1), *turn(2), *turn(3)]
        store.append("s", [record("system", "p"), *records], 3)
        store.replace("s", Edit(archive=tuple(records)), None)
        first = 2 if archived else 3
        some = tuple(records[2:7])
        exchange = Exchange(first, some, sealed_again(some), archived=archived)
        assert store.exchange("s", exchange)
        after = [*records[:2], *exchange.after, *records[7:]]
        assert store.read_archive("s") == (after if archived else records)
        active = records if archived else after
        assert store.read("s") == [record("system", "p"), *active]
        info = store.describe("s")
        assert info is not None
        assert (info.turns, info.messages, info.archived) == (3, 13, 12)
        assert store.exchange("s", exchange), "it is a retry"
        store.append("s", turn(4), 3)
        assert store.read("s") == [record("system", "p"), *active[4:], *turn(4)]

    @pytest.mark.parametrize("archived", [False, True])
    def test_other_records_are_left_as_they_are(self, surface: Callable[..., Surface], archived: bool) -> None:  # noqa: FBT001
        """An exchange of records that are elsewhere by now, or gone, changes nothing."""
        store = surface()
        store.append("s", turn(1), 5)
        store.replace("s", Edit(archive=tuple(turn(1))), None)
        some = tuple(turn(1)[1:3])
        wrong = Exchange(1, some, sealed_again(some), archived=archived)
        for each in (replace(wrong, position=0), replace(wrong, position=3), replace(wrong, before=wrong.before[::-1])):
            assert not store.exchange("s", each)
        assert not store.exchange("nobody", wrong)
        assert (store.read("s"), store.read_archive("s"), store.sessions()) == (turn(1), turn(1), ["s"])

    def test_writes_at_the_same_time_are_not_lost(self, surface: Callable[..., Surface]) -> None:
        """Each append is there, and each record of an exchange that was made."""
        store = surface()
        store.append("s", turn(0), 99)
        before = tuple(turn(0))
        exchange = Exchange(0, before, sealed_again(before))
        appends = [("append", ("s", turn(number), Window(99), new_operation_id())) for number in range(1, 7)]
        raised = store.at_once([*appends[:3], ("exchange", ("s", exchange)), *appends[3:]])
        assert raised == [None] * 7
        found = store.read("s")
        assert tuple(found[:4]) in {exchange.before, exchange.after}
        assert sorted(found[4:]) == sorted(each for number in range(1, 7) for each in turn(number))
