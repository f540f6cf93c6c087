"""Operations of several steps, written once and run synchronously or asynchronously.

Such an operation is a generator. It yields a step, which is a plain value, gets the result of that step back or its
exception thrown in, and returns the result of the operation. It does no I/O itself: the runners below are all that
differs between the two worlds. A class of steps says what its result is, so that type checkers know it as well::

    @dataclass(frozen=True)
    class Read(Step[Snapshot]):
        session_id: str

    def count(session_id: str) -> Steps[int]:
        snapshot = yield from Read(session_id)
        yield from Pause(0.1)
        return len(snapshot.records)

    run(count("user123"), perform)  # perform(Read("user123")) returns a Snapshot
    await arun(count("user123"), aperform)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")

Steps = Generator[Any, Any, T]
"""An operation whose result is a `T`."""

_unfinished: set[asyncio.Task[Any]] = set()
"""Tasks that nobody may await any more; a loop does not keep them."""


class Step(Generic[R]):
    """A step whose result is an `R`; ``yield from`` it."""

    __slots__ = ()

    def __iter__(self) -> Steps[R]:
        result: R = yield self
        return result


@dataclass(frozen=True)
class Pause(Step[None]):
    """A step that only waits; the runners perform it themselves.

    Attributes:
        seconds: Seconds to wait.
    """

    seconds: float


@dataclass(frozen=True)
class Emit(Step[None]):
    """A step that hands out results while the operation goes on; `stream` and `astream` perform it.

    Attributes:
        values: The results.
    """

    values: Sequence[Any]


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
                result = _sleep(step) if isinstance(step, Pause) else perform(step)
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
                result = await (asyncio.sleep(step.seconds) if isinstance(step, Pause) else perform(step))
            except BaseException as error:  # noqa: BLE001 - the operation cleans up, also after a cancellation
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as stop:
        value: T = stop.value
        return value


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Await work that goes on to its end, even if it is cancelled.

    A cancellation need not come once: AnyIO's scopes, in which Starlette and FastAPI answer, repeat it at each await.
    """
    task = asyncio.create_task(work)
    _unfinished.add(task)
    task.add_done_callback(_unfinished.discard)
    return await asyncio.shield(task)


def stream(steps: Steps[None], perform: Callable[[Any], Any]) -> Iterator[Any]:
    """Run an operation, and yield what it emits as soon as it does."""
    while (values := run(_until_emitted(steps), perform)) is not None:
        yield from values


async def astream(steps: Steps[None], perform: Callable[[Any], Awaitable[Any]]) -> AsyncIterator[Any]:
    """See `stream`."""
    while (values := await arun(_until_emitted(steps), perform)) is not None:
        for value in values:
            yield value


def _sleep(pause: Pause) -> Any:
    time.sleep(pause.seconds)


def _until_emitted(steps: Steps[None]) -> Steps[Sequence[Any] | None]:
    """Go on with an operation until it emits values, and return these; ``None`` at its end."""
    try:
        step = next(steps)
        while not isinstance(step, Emit):
            try:
                result = yield step
            except BaseException as error:  # noqa: BLE001 - as in `run`
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration:
        return None
    return step.values
