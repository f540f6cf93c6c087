"""Check that applies to every server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.cli.checks import Check, ok, warn
from sessionkit_integrations.errors import StoreError

if TYPE_CHECKING:
    from sessionkit_integrations.stores.redis.scripted import ScriptedStore

_TOLERATED = 5


def clock(store: ScriptedStore, node: Any = None) -> Check:
    """Compare the clock of a server with the clock of this machine, which gives messages their times."""
    try:
        began = time.time()
        reply = store.ask("TIME", node=node)
        ended = time.time()
        # redis-py returns two integers, and upstash-redis two strings.
        seconds = int(reply[0]) + int(reply[1]) / 1_000_000
    except (StoreError, LookupError, TypeError, ValueError):
        return warn("clock", "could not be checked, as TIME is not allowed here")
    ahead = seconds - ended if seconds > ended else min(seconds - began, 0.0)
    if abs(ahead) < _TOLERATED:
        return ok("clock", "the server's clock and this machine's agree")
    side = "ahead of" if ahead > 0 else "behind"
    return warn(
        "clock",
        f"the server's clock is {abs(ahead):.0f} s {side} this machine's: times of messages differ between writers",
    )
