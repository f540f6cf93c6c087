"""Operations of several steps, written once and run synchronously or asynchronously.

Such an operation is a generator: it yields each step as a value, gets the step's result back (or its exception
thrown in), and returns the operation's result. It knows no I/O; the two runners here are all that differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

S = TypeVar("S")
T = TypeVar("T")


def run(steps: Generator[S, Any, T], perform: Callable[[S], Any]) -> T:
    """Run an operation.

    Args:
        steps: The operation.
        perform: Performs one step and returns its result.
    """
    try:
        step = next(steps)
        while True:
            try:
                result = perform(step)
            except BaseException as error:  # noqa: BLE001 - the operation cleans up, also after a cancellation
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as stop:
        value: T = stop.value
        return value


async def arun(steps: Generator[S, Any, T], perform: Callable[[S], Awaitable[Any]]) -> T:
    """See `run`."""
    try:
        step = next(steps)
        while True:
            try:
                result = await perform(step)
            except BaseException as error:  # noqa: BLE001 - the operation cleans up, also after a cancellation
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as stop:
        value: T = stop.value
        return value
