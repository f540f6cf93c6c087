"""Leases that hold within one process, for stores that have no other."""

from __future__ import annotations

import threading
import time


class Leases:
    """The leases of a store, each of which ends by itself."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], tuple[str, float]] = {}
        self._lock = threading.Lock()

    def lease(self, session_id: str, name: str, holder: str, seconds: float) -> bool:
        """Do what `Store.lease` says."""
        present = time.monotonic()
        with self._lock:
            self._held = {key: held for key, held in self._held.items() if held[1] > present}
            if self._held.get((session_id, name), (holder, 0))[0] != holder:
                return False
            self._held[session_id, name] = holder, present + seconds
            return True
