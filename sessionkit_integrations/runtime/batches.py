"""Batches: what tasks of an event loop want to send at the same moment goes out together.

Tasks that wait for a server mostly wait for each other: each of 64 commands is written, flushed, waited for and read by
itself, although all of them were ready at once. A batch is one round trip for all of them. What makes it hard is that
nobody may notice. So a batch is no operation, but only the way of some steps. Each member keeps its own reply, error,
time limit and retries, and a batch never decides for a member.

Who comes first leads: it lets every task run that is ready (one iteration of the loop), and those that have a step to
send join it. That is all the waiting there is. If nobody came, the leader sends its own step itself, in its own task,
as if there were no batches. Otherwise the members are split into batches of bounded size. Each is sent by a task of its
own, for a member may be cancelled at any time, and the others must not be cancelled with it.

From there, a member leaves by one of three ways:

- It has an outcome: the reply, or the error that the server answered to it alone. It goes on while others still wait
  for theirs, so that the server and this process work at the same time.
- The batch as a whole failed, as by a lost connection. Nobody knows then which members were executed, just as if each
  had been sent by itself. So each gets an error of its own to judge. It tries again alone: whatever it was that broke
  the batch, such as one member's reply that nothing can read, does not break it for the others a second time.
- It is cancelled. It is left out if it was not sent yet; else its reply is dropped. The last one to leave ends the
  batch, so that nothing goes on for nobody.

A batch may also tell a member to go `ALONE`. That is no failed attempt, but the same one by another way, which only
members that were certainly not executed may be sent on.

Batches are bounded, as all members wait for the last reply, and as a server keeps the replies in memory until it is
read from. Each takes one place in the gate of the connections, for it uses one of them.
"""

from __future__ import annotations

import asyncio
import math
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from sessionkit_integrations.runtime.retries import within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.runtime.gates import AsyncGate

MOST_MEMBERS = 128
"""Most steps of a batch."""

MOST_BYTES = 2**20
"""Most bytes of a batch, unless a single step has more."""

ALONE: Any = object()
"""Outcome of a member that is to be sent by itself."""


Settle = Callable[[int, Any], None]
"""Gives one of the steps of a batch, the one of an index, its outcome."""


class Sized(Protocol):
    """A step that a batch can hold.

    Attributes:
        deadline: Moment of `time.monotonic` at which it gives up.
    """

    deadline: float

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes to send, about."""


S = TypeVar("S", bound=Sized)
SendAll = Callable[[Sequence[S], Settle], Awaitable[None]]
"""Sends steps in one round trip, and settles each."""

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


@dataclass(eq=False, slots=True)
class _Member(Generic[S]):
    """A step, its outcome, and the batch that it is sent in."""

    step: S
    outcome: asyncio.Future[Any]
    batch: _Batch[S] | None = None


@dataclass(eq=False, slots=True)
class _Batch(Generic[S]):
    """Members that are sent together, the number of outcomes to come, and the task that sends them."""

    members: Sequence[_Member[S]]
    left: int = field(init=False)
    task: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self.left = len(self.members)

    def settle(self, index: int, outcome: Any) -> None:
        """Give a member its outcome."""
        self.left -= 1
        _settle(self.members[index].outcome, outcome)

    async def leave(self) -> None:
        """End the batch if it has outcomes to come for which no member waits any more."""
        if self.left and not self.task.done() and not waiting(self.members):
            self.task.cancel()
            await asyncio.wait([self.task])


@dataclass(eq=False, slots=True)
class _Gathering(Generic[S]):
    """Members that joined a leader in this iteration of a loop."""

    loop: asyncio.AbstractEventLoop
    joined: list[_Member[S]] = field(default_factory=list)


class Batches(Generic[S]):
    """The batches of the connections of one event loop.

    Args:
        gate: The gate of the connections.
        wait: Seconds that a batch that was sent waits for its outcomes.
    """

    def __init__(self, gate: AsyncGate, wait: float = math.inf) -> None:
        self._gate = gate
        self._wait = wait
        # Of the loop that it belongs to: connections that were given may be used in several loops, in turn, and one may
        # be closed with a leader in it.
        self._gathering: _Gathering[S] | None = None

    async def join(self, step: S, send: SendAll[S]) -> Any:
        """Send a step together with the steps of other tasks.

        Args:
            step: The step.
            send: Sends some steps in one round trip. It settles each as soon as it has its outcome: the reply, the
                exception that the server answered, or `ALONE`.

        Returns:
            The reply, or `ALONE` for a step that the caller is to send by itself, as there is no other.

        Raises:
            Exception: Whatever the step, or the batch as a whole, ended in.
        """
        loop = asyncio.get_running_loop()
        gathering = self._gathering
        if gathering is not None and gathering.loop is loop:
            member = _Member(step, loop.create_future())
            gathering.joined.append(member)
            return await _outcome(member)
        gathering = self._gathering = _Gathering(loop)
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._start(gathering.joined, send)
            raise
        finally:
            if self._gathering is gathering:
                self._gathering = None
        if not gathering.joined:
            return ALONE
        member = _Member(step, loop.create_future())
        self._start([member, *gathering.joined], send)
        return await _outcome(member)

    def _start(self, members: Sequence[_Member[S]], send: SendAll[S]) -> None:
        for together in split(waiting(members), lambda member: member.step.size):
            if len(together) == 1:
                together[0].outcome.set_result(ALONE)
                continue
            batch = _Batch(together)
            # A loop does not keep its tasks alive; the members do, as they wait for it.
            batch.task = asyncio.create_task(self._run(batch, send))
            for member in together:
                member.batch = batch

    async def _run(self, batch: _Batch[S], send: SendAll[S]) -> None:
        deadline = min(member.step.deadline for member in batch.members)
        try:
            await self._gate.enter(deadline)
            try:
                batch.members = waiting(batch.members)
                batch.left = len(batch.members)
                deadline = min(deadline, time.monotonic() + self._wait)
                await within(deadline, partial(send, [member.step for member in batch.members], batch.settle))
            finally:
                self._gate.leave()
        except asyncio.CancelledError:
            for member in waiting(batch.members):
                member.outcome.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - each member judges its own
            for member in waiting(batch.members):
                _settle(member.outcome, twin(error))


def split(items: Sequence[T], size_of: Callable[[T], int]) -> Iterator[list[T]]:
    """Yield items in order, as many at once as a batch holds; one that is larger than a batch is alone."""
    together: list[T] = []
    size = 0
    for item in items:
        own = size_of(item)
        if together and (len(together) == MOST_MEMBERS or size + own > MOST_BYTES):
            yield together
            together, size = [], 0
        together.append(item)
        size += own
    if together:
        yield together


def twin(error: E) -> E:
    """Return an exception like another one. They share the frames so far, and not those that follow."""
    other = type(error).__new__(type(error), *error.args)
    other.__dict__.update(error.__dict__)
    other.__cause__, other.__context__ = error.__cause__, error.__context__
    other.__suppress_context__ = error.__suppress_context__
    return other.with_traceback(error.__traceback__)


def waiting(members: Sequence[_Member[S]]) -> list[_Member[S]]:
    """Return the members that have no outcome and were not cancelled."""
    return [member for member in members if not member.outcome.done()]


async def _outcome(member: _Member[Any]) -> Any:
    try:
        return await member.outcome
    except asyncio.CancelledError:
        if member.batch is not None:
            await member.batch.leave()
        raise


def _settle(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():
        return
    if not isinstance(outcome, Exception):
        future.set_result(outcome)
        return
    future.set_exception(outcome)
    future.exception()  # which counts as retrieved: nobody may be left to raise it
