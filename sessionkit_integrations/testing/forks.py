"""Sessions that begin with records of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations.errors import ConflictError, SealError
from sessionkit_integrations.stores.values import Edit
from sessionkit_integrations.testing.fixtures import Fixtures
from sessionkit_integrations.testing.surface import new_operation_id, record, sealed, turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.testing.surface import Surface


class ForkConformance(Fixtures):
    """Sessions that begin with records of another one."""

    def test_a_fork_has_what_it_is_given_and_a_part_of_the_archive(
        self, surface: Callable[..., Surface], archiving: dict[str, bool]
    ) -> None:
        """Both sessions go on by themselves."""
        store = surface(**archiving)
        store.append("s", [record("system", "p"), *turn(1), *turn(2), *turn(3)], 5)
        store.replace("s", Edit(tuple(turn(3)), (*turn(1), *turn(2))), None)
        active = [record("system", "p", 2), *turn(2)]
        store.fork("s", "t", store.branch("s", active, 4))
        assert (store.read("t"), store.read_archive("t"), sorted(store.sessions())) == (active, turn(1), ["s", "t"])
        info = store.describe("t")
        assert info is not None
        assert (info.turns, info.messages, info.archived, info.forked_from) in {(1, 5, 4, "s"), (1, 5, 4, None)}
        assert info.expires is None
        store.append("t", turn(4), 1)
        store.append("s", turn(5), 5)
        assert store.read("t") == [active[0], *turn(4)]
        assert store.read_archive("t") == [*turn(1), *(turn(2) if archiving else [])]
        assert (store.read("s"), store.read_archive("s")) == ([*turn(3), *turn(5)], [*turn(1), *turn(2)])
        store.delete("s")
        assert store.read("t") == [active[0], *turn(4)]

    def test_a_fork_needs_no_archive(self, surface: Callable[..., Surface]) -> None:
        """Nor need it have active records, where the archive has some."""
        store = surface()
        store.append("s", turn(1), 5)
        store.fork("s", "t", store.branch("s", turn(1), 0))
        assert (store.read("t"), store.read_archive("t")) == (turn(1), [])
        store.replace("s", Edit(archive=tuple(turn(2))), None)
        store.fork("s", "u", store.branch("s", (), 4))
        assert (store.read("u"), store.read_archive("u")) == ([], turn(2))

    def test_retried_fork_changes_nothing(self, surface: Callable[..., Surface]) -> None:
        """A fork whose operation id is among the last ones is a retry: it neither conflicts nor writes."""
        store = surface()
        store.append("s", turn(1), 5)
        store.replace("s", Edit(archive=tuple(turn(2))), None)
        branch = store.branch("s", turn(1), 4)
        store.fork("s", "t", branch, "once")
        store.append("t", turn(3), 5)
        store.fork("s", "t", branch, "once")
        assert (store.read("t"), store.read_archive("t")) == ([*turn(1), *turn(3)], turn(2))

    @pytest.mark.parametrize("archived", [0, 4])
    def test_a_session_that_exists_is_left_as_it_is(self, surface: Callable[..., Surface], archived: int) -> None:
        """A fork to it raises, and so does one to the session itself."""
        store = surface()
        store.append("s", turn(1), 5)
        store.replace("s", Edit(archive=tuple(turn(2))), None)
        store.append("t", turn(3), 5)
        for taken in ("s", "t"):
            with pytest.raises(ConflictError):
                store.fork("s", taken, store.branch("s", turn(1), archived))
        assert (store.read("t"), store.read_archive("t")) == (turn(3), [])
        assert (store.read("s"), store.read_archive("s")) == (turn(1), turn(2))
        store.delete("t")
        store.fork("s", "t", store.branch("s", turn(1), archived))
        assert (store.read("t"), store.read_archive("t")) == (turn(1), turn(2)[:archived])

    def test_an_archive_that_is_not_what_it_was_is_not_copied(self, surface: Callable[..., Surface]) -> None:
        """A fork raises if its archived records are gone, but not if others were added."""
        store = surface()
        store.append("s", turn(1), 5)
        store.replace("s", Edit(archive=tuple(turn(2))), None)
        branch = store.branch("s", turn(1), 4)
        store.replace("s", Edit(archive=tuple(turn(3))), None)
        store.fork("s", "t", branch)
        assert store.read_archive("t") == turn(2)
        store.replace("s", Edit(archive=(*turn(4), *turn(5)), clear_archive=True), None)
        with pytest.raises(ConflictError):
            store.fork("s", "u", branch)
        store.delete("s")
        with pytest.raises(ConflictError):
            store.fork("s", "u", branch)
        assert (store.sessions(), store.read_archive("u")) == (["t"], [])

    def test_what_is_encrypted_for_a_session_is_not_copied(self, surface: Callable[..., Surface]) -> None:
        """A fork raises if one of the records that it copies is; one that is compressed is right in every session."""
        store = surface()
        compressed, encrypted = sealed("zstd"), sealed("aes-gcm:01234567")
        store.append("s", turn(1), 5)
        store.replace("s", Edit(archive=(*turn(2), compressed, encrypted, *turn(3))), None)
        store.fork("s", "t", store.branch("s", turn(1), 5))
        assert store.read_archive("t") == [*turn(2), compressed]
        for archived in (6, 9):
            with pytest.raises(SealError) as raised:
                store.fork("s", "u", store.branch("s", turn(1), archived))
            assert (raised.value.session_id, raised.value.position, raised.value.archived) == ("s", 5, True)
        assert sorted(store.sessions()) == ["s", "t"]

    def test_one_of_many_concurrent_forks_is_made(self, surface: Callable[..., Surface]) -> None:
        """Of forks to the same session, one is made and all others conflict."""
        store = surface()
        store.append("s", turn(0), 5)
        store.replace("s", Edit(archive=tuple(turn(9))), None)
        branches = [store.branch("s", turn(number), number % 4) for number in range(1, 7)]
        raised = store.at_once([("fork", ("s", "t", branch, new_operation_id())) for branch in branches])
        winners = [number for number, error in enumerate(raised, start=1) if error is None]
        assert [type(error) for error in raised if error is not None] == [ConflictError] * 5
        assert (store.read("t"), store.read_archive("t")) == (turn(winners[0]), turn(9)[: winners[0] % 4])
