"""A session's state and the rules by which it changes, with no I/O: for stores that load, change and save."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import ConflictError
from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.stores.base import Appended, Snapshot
from sessionkit_integrations.window.turns import check_growth, evict, number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.base import Edit
    from sessionkit_integrations.window.turns import Window

REMEMBERED_OPERATIONS = 32
"""How many of a session's last operation ids are remembered, so that their retries change nothing."""


@dataclass
class SessionState:
    """All that a store keeps of one session.

    Attributes:
        active: The records in the window, oldest first.
        archived: The records that left it and are kept, oldest first.
        operations: The ids of the last operations, oldest first.
    """

    active: list[Record] = field(default_factory=list)
    archived: list[Record] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)

    def append(self, records: Sequence[Record], window: Window, operation_id: str, *, archive: bool) -> Appended:
        """Change as `Store.append` says, keeping what is evicted if ``archive``.

        Raises:
            InvalidMessageError: A turn would be longer than ``window`` allows.
        """
        if operation_id in self.operations:
            return Appended()
        before = number_turns(map(role_of, self.active))
        last = before[-1] if before else 0
        check_growth(number_turns(map(role_of, records), last), window, last, before.count(last))
        self._remember(operation_id)
        self.active, evicted = evict([*self.active, *records], window, role_of)
        if archive:
            self.archived += evicted
        turns = number_turns(map(role_of, evicted))
        return Appended(turns[-1] if turns else 0)

    def read(self, *, archived: bool = False, start: int | None = None, stop: int | None = None) -> Snapshot:
        """Return what `Store.read` says."""
        return Snapshot(tuple((self.archived if archived else self.active)[start:stop]))

    def replace(self, edit: Edit, expected: str | None, operation_id: str) -> None:
        """Change as `Store.replace` says.

        Raises:
            ConflictError: The active records have another version than ``expected``.
        """
        if operation_id in self.operations:
            return
        if expected is not None and expected != Snapshot(tuple(self.active)).version:
            raise conflict()
        self._remember(operation_id)
        if edit.active is not None:
            self.active = list(edit.active)
        self.archived = [*([] if edit.clear_archive else self.archived), *edit.archive]

    @property
    def exists(self) -> bool:
        """Whether there is such a session: it has active or archived records."""
        return bool(self.active or self.archived)

    def _remember(self, operation_id: str) -> None:
        self.operations = [*self.operations, operation_id][-REMEMBERED_OPERATIONS:]


def conflict() -> ConflictError:
    """Return the error for an edit whose expected version is not the present one."""
    return ConflictError("another writer changed the session first; read it again and repeat the edit")
