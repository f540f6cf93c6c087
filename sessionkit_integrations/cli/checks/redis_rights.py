"""What a user of Redis must be allowed, tried out one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import NoPermissionError

from sessionkit_integrations.cli.checks import fail, ok, trial, unusable
from sessionkit_integrations.errors import StoreError, StoreUnavailableError

if TYPE_CHECKING:


RIGHTS = "rights"

_MILLISECONDS = 60_000
_NOTHING = "return 1"
_DIGEST = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"  # of that


def rights(store: ScriptedStore, node: Any) -> Iterator[Check]:




def _fault(store: ScriptedStore, words: tuple[str | int, ...], node: Any) -> str | None:
