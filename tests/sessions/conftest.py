from __future__ import annotations

from tests.faults.conftest import _closes_what_it_opens, _keeps_what_others_left

__all__ = ["_closes_what_it_opens", "_keeps_what_others_left"]
