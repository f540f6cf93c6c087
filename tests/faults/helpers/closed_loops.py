"""Event loops that are closed with operations under way.

``python -m tests.faults.helpers.closed_loops KIND WHERE`` prints each way of closing them after which a new loop works.
Whatever Python has to say of what was left behind goes to the standard error.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import TYPE_CHECKING

from sessionkit_integrations import SessionManager
from tests.faults.helpers.scenarios import make

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS = 20
PAUSES = (0.0, 0.005, 0.02, 0.05)
"""Seconds for which operations run before their loop ends: some still connect by then, others wait for an answer."""


async def write(sessions: SessionManager, session_id: str) -> None:
    """Write for ever."""
    while True:
        await sessions.aadd_user_message(session_id, "Hello")


async def begin(sessions: SessionManager, pause: float) -> set[asyncio.Task[None]]:
    """Start tasks, and return them as they are after a pause."""
    tasks = {asyncio.ensure_future(write(sessions, f"s{number}")) for number in range(TASKS)}
    await asyncio.sleep(pause)
    return tasks


def close(loop: asyncio.AbstractEventLoop, _: set[asyncio.Task[None]]) -> None:
    """Close the loop, and nothing else."""
    loop.close()


def shut_down(loop: asyncio.AbstractEventLoop, _: set[asyncio.Task[None]]) -> None:
    """Shut down what belongs to the loop, but not the tasks."""
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def cancel(loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[None]]) -> None:
    """Cancel the tasks, and do not wait for them."""
    for task in tasks:
        task.cancel()
    loop.close()


ENDS: dict[str, Callable[[asyncio.AbstractEventLoop, set[asyncio.Task[None]]], None]] = {
    "close": close,
    "shut_down": shut_down,
    "cancel": cancel,
}


def main(kind: str, where: str) -> None:
    """Close loops in each way."""
    for end in ENDS:
        play(end, kind, where)
        print(end, flush=True)


def play(end: str, kind: str, where: str) -> None:
    """Close loops, let the garbage collector find what they leave, and use another one."""
    store, _ = make(kind, where)
    sessions = SessionManager(store=store)
    for pause in PAUSES:
        loop = asyncio.new_event_loop()
        ENDS[end](loop, loop.run_until_complete(begin(sessions, pause)))
        del loop
        gc.collect()

    async def use() -> None:
        await sessions.areset_session("afterwards")
        await sessions.aadd_user_message("afterwards", "Hello")
        assert len(await sessions.aget_session("afterwards")) == 1
        await sessions.aclose()

    asyncio.run(use())


if __name__ == "__main__":
    main(*sys.argv[1:])
