from __future__ import annotations

from tests.faults.conftest import _closes_what_it_opens

__all__ = ["_closes_what_it_opens"]
