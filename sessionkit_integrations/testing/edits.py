"""Edits of whole sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations.errors import ConflictError
from sessionkit_integrations.stores.values import Edit, Summarized
from sessionkit_integrations.testing.fixtures import Fixtures
from sessionkit_integrations.testing.surface import new_operation_id, record, turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.testing.surface import Surface


class EditConformance(Fixtures):
    """Edits of whole sessions."""

    def test_replace_takes_the_expected_version_only(self, surface: Callable[..., Surface]) -> None:
        """An edit that expects an outdated version raises and changes nothing."""
        store = surface()
        store.append("s", turn(1), 5)
        stale = store.snapshot("s").version
        store.append("s", turn(2), 5)
        with pytest.raises(ConflictError):
            store.replace("s", Edit(active=()), stale)
        assert store.read("s") == [*turn(1), *turn(2)]
        store.replace("s", Edit(active=tuple(turn(3))), store.snapshot("s").version)
        assert store.read("s") == turn(3)

    def test_replace_without_expectation(self, surface: Callable[..., Surface]) -> None:
        """An edit that expects no version is made in any case, also on a new session."""
        store = surface()
        store.replace("s", Edit(active=tuple(turn(1))), None)
        store.replace("s", Edit(active=tuple(turn(2))), None)
        assert store.read("s") == turn(2)

    def test_a_session_that_is_to_begin_must_not_exist(self, surface: Callable[..., Surface]) -> None:
        """Neither with active records nor with archived ones."""
        store = surface()
        edit = Edit(tuple(turn(1)), tuple(turn(2)), summarized=Summarized(), begins=True)
        for taken in (Edit(tuple(turn(3))), Edit(archive=tuple(turn(3)))):
            store.replace("s", taken, None)
            with pytest.raises(ConflictError):
                store.replace("s", edit, None)
            assert (store.read("s") + store.read_archive("s")) == turn(3)
            store.delete("s")
        store.replace("s", edit, None, "once")
        store.replace("s", edit, None, "once")
        assert (store.read("s"), store.read_archive("s")) == (turn(1), turn(2))

    def test_retried_replace_changes_nothing(self, surface: Callable[..., Surface]) -> None:
        """An edit whose operation id is among the last ones is a retry: it neither conflicts nor writes."""
        store = surface()
        store.append("s", turn(1), 5)
        version = store.snapshot("s").version
        store.replace("s", Edit(active=tuple(turn(2)), archive=tuple(turn(1))), version, "edit")
        store.append("s", turn(3), 5)
        store.replace("s", Edit(active=tuple(turn(2)), archive=tuple(turn(1))), version, "edit")
        assert (store.read("s"), store.read_archive("s")) == ([*turn(2), *turn(3)], turn(1))

    def test_window_counts_rightly_after_an_edit(self, surface: Callable[..., Surface]) -> None:
        """Turns that an edit wrote are evicted like any others."""
        store = surface()
        store.append("s", turn(1), 2)
        edited = (record("system", "new"), record("user", "a"), record("user", "b"), record("assistant", "c"))
        store.replace("s", Edit(active=edited), None)
        store.append("s", turn(2), 2)
        assert store.read("s") == [edited[0], *edited[2:], *turn(2)]

    def test_edits_of_the_archive_leave_active_records_alone(self, surface: Callable[..., Surface]) -> None:
        """Records can be added to the archive, and the archive cleared, without touching the active records."""
        store = surface()
        store.append("s", turn(1), 5)
        store.replace("s", Edit(archive=tuple(turn(2))), None)
        store.replace("s", Edit(archive=tuple(turn(3))), None)
        assert store.read_archive("s") == [*turn(2), *turn(3)]
        store.replace("s", Edit(archive=tuple(turn(4)), clear_archive=True), None)
        assert (store.read("s"), store.read_archive("s")) == (turn(1), turn(4))
        store.append("s", turn(5), 5)
        assert store.read("s") == [*turn(1), *turn(5)]

    def test_session_of_archived_records_only(self, surface: Callable[..., Surface]) -> None:
        """A session exists as long as it has records of either kind."""
        store = surface()
        store.append("s", turn(1), 5)
        store.replace("s", Edit(active=(), archive=tuple(turn(1))), None)
        assert (store.read("s"), store.read_archive("s"), store.sessions()) == ([], turn(1), ["s"])
        store.append("s", turn(2), 5)
        assert (store.read("s"), store.read_archive("s")) == (turn(2), turn(1))
        store.replace("s", Edit(active=()), None)
        store.replace("s", Edit(clear_archive=True), None)
        assert store.sessions() == []

    @pytest.mark.parametrize("archived", [False, True])
    def test_a_session_that_was_emptied_is_over(self, surface: Callable[..., Surface], archived: bool) -> None:  # noqa: FBT001
        """It forgets its operations and its count, as a deleted one does; one with an archive remembers them."""
        store = surface()
        store.append("s", turn(1), 5, "once")
        store.replace("s", Edit(active=(), archive=tuple(turn(0)) if archived else ()), None, "empty")
        store.append("s", turn(2), 5, "once")
        assert store.read("s") == ([] if archived else turn(2))
        info = store.describe("s")
        assert info is not None
        assert info.appended in {None, 4}

    def test_one_of_many_concurrent_edits_is_made(self, surface: Callable[..., Surface]) -> None:
        """Of edits that expect the same version, one is made and all others conflict."""
        store = surface()
        store.append("s", turn(0), 5)
        version = store.snapshot("s").version
        raised = store.at_once(
            [
                ("replace", ("s", Edit(active=tuple(turn(number))), version, new_operation_id()))
                for number in range(1, 9)
            ]
        )
        winners = [number for number, error in enumerate(raised, start=1) if error is None]
        assert [type(error) for error in raised if error is not None] == [ConflictError] * 7
        assert store.read("s") == turn(winners[0])
