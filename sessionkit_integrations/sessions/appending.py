"""Options of appends: what a store is asked for beside records and their window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.stores.totals import totals_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.values import AppendOptions


def options_for(records: Sequence[Record], *, wait: bool, read: bool = False) -> AppendOptions:
    """Return the options of an append.

    Args:
        records: The records to append.
        wait: Whether turns that leave wait for a summary.
        read: Whether the active records are returned.
    """
    options: AppendOptions = {"wait": wait, "read": True} if read else {"wait": wait}
    usage = totals_of(records)
    if usage:
        options["usage"] = usage
    return options
