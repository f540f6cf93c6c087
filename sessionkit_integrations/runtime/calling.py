"""Calls of functions from either world: of a caller's, plain or asynchronous, and of those that take long.

From synchronous code an asynchronous function is run in an event loop of its own. From asynchronous code a plain one is
run in a daemon thread, not in the loop's executor: a process that ends would wait for that, and a model may never
answer.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable


T = TypeVar("T")

MAX_IN_LOOP = 200
"""Most messages, or chunks of messages, that an event loop works on itself: it has to wait for some milliseconds."""


async def in_thread_if_many(number: int, function: Callable[..., T], *arguments: Any) -> T:
    """Return what a function returns; where it works on many records, the event loop goes on meanwhile.

    Args:
        number: How many it works on.
        function: The function.
        arguments: Its arguments.
    """
    if number > MAX_IN_LOOP:
        return await asyncio.to_thread(function, *arguments)
    return function(*arguments)


def call(function: Callable[[], Any]) -> Any:
    """Return what a function returns, or what it is to be awaited for."""
    returned = function()
    if not inspect.isawaitable(returned):
        return returned

    async def wait() -> Any:
        return await returned

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    with ThreadPoolExecutor(1) as thread:  # this thread's loop waits for this very call
        return thread.submit(asyncio.run, wait()).result()


async def acall(function: Callable[[], Any], *, is_coroutine: bool, thread: str) -> Any:
    """See `call`.

    Args:
        function: The function.
        is_coroutine: Whether it returns at once, as a coroutine function does; others run in a thread.
        thread: Name of that thread.
    """
    returned = function() if is_coroutine else await _in_thread(function, thread)
    return await returned if inspect.isawaitable(returned) else returned


async def _in_thread(function: Callable[[], Any], name: str) -> Any:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def tell(result: Any, error: BaseException | None) -> None:
        if not answer.done():  # as it is when the task was cancelled
            answer.set_result((result, error))

    def work() -> None:
        outcome: tuple[Any, BaseException | None]
        try:
            outcome = function(), None
        except BaseException as error:  # noqa: BLE001 - the task raises it
            outcome = None, error
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(tell, *outcome)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name=name, daemon=True).start()
    result, error = await answer
    if error is not None:
        raise error
    return result
