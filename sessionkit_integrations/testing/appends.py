"""Appends, and the turns that leave the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations.errors import InvalidMessageError, QuotaExceededError
from sessionkit_integrations.records.usage import Usage
from sessionkit_integrations.stores.limits import Claim, Limit
from sessionkit_integrations.stores.operation_ids import REMEMBERED_OPERATIONS
from sessionkit_integrations.stores.values import Appended, Edit, Snapshot
from sessionkit_integrations.testing.fixtures import Fixtures
from sessionkit_integrations.testing.surface import new_operation_id, record, reported, sealed, turn
from sessionkit_integrations.window.turns import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.testing.surface import Surface


class AppendConformance(Fixtures):
    """Appends, and the turns that leave the window."""

    def test_no_session_is_empty(self, surface: Callable[..., Surface]) -> None:
        """A session that nobody wrote to has no records and is not listed."""
        store = surface()
        assert (store.read("s"), store.read_archive("s"), store.sessions()) == ([], [], [])

    def test_records_come_back_byte_for_byte_and_in_order(self, surface: Callable[..., Surface]) -> None:
        """Records are read as they were appended, whatever their bytes are."""
        store = surface()
        records = [record("user", 'é 🧠 \u2028 "quoted" \\ \x7f'), record("assistant", "x" * 100_000)]
        store.append("s", records, 5)
        store.append("s", turn(1), 5)
        assert store.read("s") == [*records, *turn(1)]

    def test_window_example(self, surface: Callable[..., Surface]) -> None:
        """With a window of 3, after U1 A1 U2 A2 U3 A3 U4 the session is U2 A2 U3 A3 U4."""
        store = surface()
        names = ["U1", "A1", "U2", "A2", "U3", "A3", "U4"]
        records = [record("user" if name.startswith("U") else "assistant", name) for name in names]
        for item in records:
            store.append("s", [item], 3)
        assert store.read("s") == records[2:]

    def test_preamble_is_pinned(self, surface: Callable[..., Surface]) -> None:
        """The leading system messages stay, in order, when turns leave."""
        store = surface()
        preamble = [record("system", "one"), record("system", "two")]
        store.append("s", preamble, 1)
        for number in range(4):
            store.append("s", turn(number), 1)
        assert store.read("s") == [*preamble, *turn(3)]

    def test_greeting_is_a_turn(self, surface: Callable[..., Surface]) -> None:
        """Messages before the first user message that are not system messages are evicted together."""
        store = surface()
        greeting = [record("assistant", "Hello"), record("system", "Now be brief")]
        store.append("s", greeting, 1)
        assert store.read("s") == greeting
        store.append("s", turn(1), 1)
        assert store.read("s") == turn(1)

    def test_current_turn_is_never_cut(self, surface: Callable[..., Surface]) -> None:
        """However long the last turn is, all of it stays."""
        store = surface()
        long_turn = [record("user", "go"), *(record("tool", str(number)) for number in range(300))]
        store.append("s", turn(1), 1)
        for start in range(0, len(long_turn), 50):
            store.append("s", long_turn[start : start + 50], 1)
        assert store.read("s") == long_turn

    def test_one_batch_may_exceed_the_window(self, surface: Callable[..., Surface]) -> None:
        """A batch of more turns than the window keeps leaves its last ones."""
        store = surface()
        store.append("s", [item for number in range(2500) for item in turn(number)], 2)
        assert store.read("s") == [*turn(2498), *turn(2499)]

    def test_smaller_window_evicts_at_the_next_write(self, surface: Callable[..., Surface]) -> None:
        """A write with a smaller window leaves no more than that."""
        store = surface()
        for number in range(5):
            store.append("s", turn(number), 5)
        store.append("s", turn(5), 2)
        assert store.read("s") == [*turn(4), *turn(5)]

    def test_an_append_tells_how_many_turns_left(self, surface: Callable[..., Surface]) -> None:
        """Turns are counted that leave the window, also the batch's own; the preamble never leaves."""
        store = surface()
        evicted = [
            store.append("s", [record("system", "pinned"), record("assistant", "a greeting")], 2).evicted,
            store.append("s", turn(0), 2).evicted,
            store.append("s", turn(1), 2, "once").evicted,
            store.append("s", turn(1), 2, "once").evicted,
            store.append("s", [record("tool", "late")], 2).evicted,
            store.append("s", [*turn(2), *turn(3), *turn(4)], 2).evicted,
            store.append("s", [record("assistant", "more")], 1).evicted,
            store.append("s", turn(5), 9).evicted,
        ]
        assert evicted == [0, 0, 1, 0, 0, 3, 1, 0]

    def test_retried_append_changes_nothing(self, surface: Callable[..., Surface]) -> None:
        """An append whose operation id is among the last ones is a retry, also after others wrote."""
        store = surface()
        store.append("s", turn(0), 50, "first")
        for number in range(1, REMEMBERED_OPERATIONS):
            store.append("s", turn(number), 50)
        before = store.read("s")
        store.append("s", turn(0), 50, "first")
        assert store.read("s") == before

    def test_operation_ids_belong_to_a_session(self, surface: Callable[..., Surface]) -> None:
        """The same operation id in another session is another operation."""
        store = surface()
        store.append("a", turn(0), 5, "same")
        store.append("b", turn(0), 5, "same")
        assert store.read("b") == turn(0)

    def test_operation_ids_that_end_or_begin_alike_are_different(self, surface: Callable[..., Surface]) -> None:
        """An operation id is known as a whole, not by a part of it."""
        store = surface()
        for operation in ("abab", "ab", "b", "a"):
            store.append("s", turn(0), 9, operation)
            store.append("s", turn(0), 9, operation)
        assert store.read("s") == turn(0) * 4

    def test_evicted_records_are_archived_if_asked(self, surface: Callable[..., Surface]) -> None:
        """With ``archive=True`` turns that leave the window are kept, in order; the preamble never leaves."""
        store = surface(archive=True)
        assert store.store.archive is True
        store.append("s", [record("system", "pinned")], 2)
        for number in range(5):
            store.append("s", turn(number), 2)
        assert store.read_archive("s") == [item for number in range(3) for item in turn(number)]
        store.delete("s")
        assert (store.read_archive("s"), store.sessions()) == ([], [])

    def test_evicted_records_are_gone_unless_asked(self, surface: Callable[..., Surface]) -> None:
        """Without ``archive=True`` turns that leave the window are not kept."""
        store = surface()
        assert store.store.archive is False
        store.append("s", [*turn(1), *turn(2)], 1)
        assert store.read_archive("s") == []

    def test_turns_do_not_grow_beyond_the_limit(
        self, surface: Callable[..., Surface], archiving: dict[str, bool]
    ) -> None:
        """A batch that would make a turn too long is refused as a whole; other turns may follow."""
        store = surface(**archiving)
        window = Window(1, max_turn_messages=6)
        store.append("s", [*turn(0), *turn(1)], window)
        for batch in ([record("tool", "x")] * 3, [*turn(2), *turn(3), *[record("tool", "x")] * 3]):
            before = store.read("s"), store.read_archive("s")
            with pytest.raises(InvalidMessageError, match="max_turn_messages"):
                store.append("s", batch, window, "refused")
            assert (store.read("s"), store.read_archive("s")) == before
            store.append("s", [record("tool", "x")], window)
        assert len(store.read("s")) == 6
        store.append("s", turn(4), window, "refused")
        assert store.read("s") == turn(4)
        store.append("s", [record("tool", "x")] * 4, Window(1, max_turn_messages=8))
        with pytest.raises(InvalidMessageError):
            store.append("s", [record("tool", "x")], window)
        store.append("s", turn(5), window)
        assert store.read("s") == turn(5)

    def test_the_preamble_does_not_grow_beyond_the_limit(self, surface: Callable[..., Surface]) -> None:
        """The preamble, which never leaves either, has the same limit and does not count in the first turn."""
        store = surface()
        window = Window(2, max_turn_messages=4)
        preamble = [record("system", str(number)) for number in range(4)]
        store.append("s", preamble[:2], window)
        with pytest.raises(InvalidMessageError, match="max_turn_messages"):
            store.append("s", preamble[:3], window)
        store.append("s", preamble[2:], window)
        store.append("s", turn(1), window)
        assert store.read("s") == [*preamble, *turn(1)]
        store.replace("s", Edit(active=(*preamble[:1], *turn(2)[:3])), None)
        store.append("s", turn(3)[-1:], window)
        with pytest.raises(InvalidMessageError):
            store.append("s", turn(3)[-1:], window)

    def test_concurrent_appends_lose_nothing(self, surface: Callable[..., Surface]) -> None:
        """Batches of concurrent writers stay together, and each writer's stay in their order."""
        store = surface()
        writers = 8
        for round_number in range(10):
            raised = store.at_once(
                [
                    ("append", ("s", turn(writer * 100 + round_number), Window(1000), new_operation_id()))
                    for writer in range(writers)
                ]
            )
            assert raised == [None] * writers
        records = store.read("s")
        batches = [records[start : start + 4] for start in range(0, len(records), 4)]
        expected = [turn(writer * 100 + round_number) for writer in range(writers) for round_number in range(10)]
        assert sorted(batches) == sorted(expected)
        for writer in range(writers):
            own = [turn(writer * 100 + round_number) for round_number in range(10)]
            assert [batch for batch in batches if batch in own] == own

    def test_usage_is_added_up_once(self, surface: Callable[..., Surface]) -> None:
        """Tokens that providers counted are added up by model, and not again by a retry."""
        store = surface()
        store.append("s", turn(1), 5)
        said = [Usage(100, 20, 64, 12, "model: a,b"), Usage(7, 3), Usage(1, 2, 3, 4, "model: a,b")]
        for number, usage in enumerate(said):
            for _ in range(2):
                store.append("s", [reported(usage)], 5, f"operation{number}", usage=(usage,))
        info = store.describe("s")
        assert info is not None
        assert info.usage == (Usage(101, 22, 67, 16, "model: a,b"), Usage(7, 3))

    def test_a_quota_is_exact(self, surface: Callable[..., Surface]) -> None:
        """An append that passes a limit is refused and changes nothing; a retry is not counted again."""
        store = surface()
        limit = Limit("messages", 2, "day")
        claim, more = Claim(((limit, 1),), refusable=True), Claim(((limit, 1),), refusable=False)
        for _ in range(3):
            store.append("s", turn(1), 9, "first", quota=claim)
        store.append("s", turn(2), 9, quota=claim)
        with pytest.raises(QuotaExceededError) as raised:
            store.append("s", turn(3), 9, quota=claim)
        assert raised.value.limit == "2 messages/day"
        assert raised.value.retry_after is not None
        assert 0 < raised.value.retry_after <= 12 * 60 * 60
        store.append("s", turn(4), 9, quota=more)
        assert store.read("s") == [*turn(1), *turn(2), *turn(4)]
        store.append("another", turn(1), 9, quota=claim)
        store.delete("s")
        store.append("s", turn(5), 9, quota=claim)
        assert store.read("s") == turn(5)

    def test_nothing_is_written_that_its_reader_could_not_read(self, surface: Callable[..., Surface]) -> None:
        """An append that returns records is refused if one of them is sealed in a way that its reader does not open."""
        store = surface()
        known, other = sealed("aes-gcm:01234567"), sealed("aes-gcm:89abcdef")
        store.append("s", [known, *turn(1)[1:], other, *turn(2)[1:]], 5)
        before, info = store.read("s"), store.describe("s")
        for opens in ((), ("aes-gcm:01234567",)):
            done = store.append("s", turn(3), 5, "refused", read=True, opens=opens)
            assert done == Appended(refused=Snapshot(tuple(before)))
        assert (store.read("s"), store.describe("s")) == (before, info)
        store.append("s", turn(3), 5, read=True, opens=None)
        store.append("s", turn(4), 2, "known", read=True)  # as all of them leave the window
        assert store.read("s") == [*turn(3), *turn(4)]
        store.append("s", [known], 5)
        done = store.append("s", turn(4), 2, "known", read=True)
        assert done.window == Snapshot((*turn(3), *turn(4), known))  # it is a retry
        store.append("s", turn(5), 5, read=True, opens=None)
        store.append("s", turn(6), 5)
        assert store.read("s") == [*turn(3), *turn(4), known, *turn(5), *turn(6)]
