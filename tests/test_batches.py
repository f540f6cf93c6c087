"""Batches: each member has its own outcome, whatever becomes of the others and of the batch."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations.runtime.batches import ALONE, MOST_BYTES, MOST_MEMBERS, Batches, Settle, split, twin
from sessionkit_integrations.runtime.gates import AsyncGate, CrowdedError

if TYPE_CHECKING:
    from collections.abc import Sequence

ANSWERED, REFUSED, SENT_ALONE, CANCELLED_BEFORE, CANCELLED_WITHIN = FATES = (
    "answered",
    "refused by the server",
    "sent alone",
    "cancelled before it is sent",
    "cancelled while it is under way",
)


class RefusedError(Exception):
    """An error that a server answered."""


@dataclass
class Step:
    """A step of the tests."""

    number: int
    fate: str = ANSWERED
    size: int = 1
    deadline: float = field(default_factory=lambda: time.monotonic() + 60)


class Server:
    """A server that answers as the steps' fates have it, once it is let; it remembers what it was sent."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.sent: list[list[int]] = []
        self.ended = 0
        self.may_answer = asyncio.Event()
        self.is_asked = asyncio.Event()

    async def send(self, steps: Sequence[Step], settle: Settle) -> None:
        self.sent.append([step.number for step in steps])
        self.is_asked.set()
        try:
            await self.may_answer.wait()
        finally:
            self.ended += 1
        if self.failure is not None:
            raise self.failure
        outcomes = {REFUSED: RefusedError("no"), SENT_ALONE: ALONE}
        for index, step in enumerate(steps):
            settle(index, outcomes.get(step.fate, "the reply"))


def joining(batches: Batches[Step], server: Server, steps: Sequence[Step]) -> list[asyncio.Task[Any]]:
    """Return tasks that join at the same moment."""
    return [asyncio.create_task(batches.join(step, server.send)) for step in steps]


async def outcomes_of(tasks: Sequence[asyncio.Task[Any]]) -> list[Any]:
    return await asyncio.gather(*tasks, return_exceptions=True)


RUNS = st.tuples(st.integers(0, MOST_BYTES * 2) | st.integers(0, 20_000), st.integers(1, 200))
"""A size, and how many steps in a row have it."""


@given(st.lists(RUNS, max_size=6))
def test_batches_are_bounded_and_hold_as_much_as_they_can(runs: list[tuple[int, int]]) -> None:
    sizes = [size for size, count in runs for _ in range(count)]
    batches = list(split(sizes, lambda size: size))
    assert [size for batch in batches for size in batch] == sizes
    for batch in batches:
        assert 1 <= len(batch) <= MOST_MEMBERS
        assert len(batch) == 1 or sum(batch) <= MOST_BYTES
    for batch, following in itertools.pairwise(batches):
        assert len(batch) == MOST_MEMBERS or sum(batch) + following[0] > MOST_BYTES


EXPECTED: dict[str, Any] = {
    ANSWERED: "the reply",
    REFUSED: (RefusedError, ("no",)),
    SENT_ALONE: ALONE,
    CANCELLED_BEFORE: asyncio.CancelledError,
    CANCELLED_WITHIN: asyncio.CancelledError,
}
LOST = ConnectionError("lost")


@given(st.lists(st.sampled_from(FATES), min_size=2, max_size=12), st.booleans())
def test_each_member_has_its_own_outcome(fates: list[str], is_lost: bool) -> None:
    """Beside members that are refused, sent alone or cancelled, in a batch that may be lost as a whole."""
    left = [number for number, fate in enumerate(fates) if fate != CANCELLED_BEFORE]
    expected = dict(EXPECTED)
    if len(left) == 1:
        expected |= dict.fromkeys((ANSWERED, REFUSED, SENT_ALONE, CANCELLED_WITHIN), ALONE)
    elif is_lost:
        expected |= dict.fromkeys((ANSWERED, REFUSED, SENT_ALONE), (ConnectionError, ("lost",)))
    sent, outcomes = asyncio.run(outcomes_of_fates(fates, LOST if is_lost else None, is_sent=len(left) > 1))
    assert sent == ([left] if len(left) > 1 else [])
    assert [_comparable(outcome) for outcome in outcomes] == [expected[fate] for fate in fates]
    errors = [id(outcome) for outcome in outcomes if isinstance(outcome, ConnectionError)]
    assert len({*errors, id(LOST)}) == len(errors) + 1


async def outcomes_of_fates(fates: Sequence[str], failure: Exception | None, *, is_sent: bool) -> tuple[Any, Any]:
    """Return what a server was sent, and the outcomes of tasks of which some are cancelled."""
    batches: Batches[Step] = Batches(AsyncGate(1))
    server = Server(failure)
    tasks = joining(batches, server, [Step(number, fate) for number, fate in enumerate(fates)])
    await asyncio.sleep(0)
    _cancel(tasks, fates, CANCELLED_BEFORE)
    if is_sent:
        await server.is_asked.wait()
        _cancel(tasks, fates, CANCELLED_WITHIN)
        await asyncio.sleep(0)
        server.may_answer.set()
    outcomes = await outcomes_of(tasks)
    assert len(asyncio.all_tasks()) == 1
    await batches._gate.enter(0)  # as wide as ever
    return server.sent, outcomes


def _cancel(tasks: Sequence[asyncio.Task[Any]], fates: Sequence[str], which: str) -> None:
    for task, fate in zip(tasks, fates, strict=True):
        if fate == which:
            task.cancel()


def _comparable(outcome: Any) -> Any:
    if isinstance(outcome, asyncio.CancelledError):
        return asyncio.CancelledError
    return (type(outcome), outcome.args) if isinstance(outcome, BaseException) else outcome


async def test_who_comes_alone_goes_alone_after_one_iteration() -> None:
    batches: Batches[Step] = Batches(AsyncGate(1))
    server = Server()
    (task,) = joining(batches, server, [Step(0)])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert task.done()
    assert (task.result(), server.sent) == (ALONE, [])


async def test_who_comes_an_iteration_later_is_not_waited_for() -> None:
    batches: Batches[Step] = Batches(AsyncGate(2))
    server = Server()
    server.may_answer.set()
    first = joining(batches, server, [Step(0), Step(1)])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = joining(batches, server, [Step(2), Step(3)])
    assert await outcomes_of([*first, *second]) == ["the reply"] * 4
    assert server.sent == [[0, 1], [2, 3]]


async def test_the_last_to_leave_ends_the_batch() -> None:
    batches: Batches[Step] = Batches(AsyncGate(1))
    server = Server()
    tasks = joining(batches, server, [Step(number) for number in range(3)])
    await server.is_asked.wait()
    for count, task in enumerate(tasks):
        assert server.ended == 0, count
        task.cancel()
        await asyncio.wait([task])
    assert server.ended == 1
    await batches._gate.enter(0)


async def test_a_step_that_waits_at_the_gate_is_left_out_once_it_is_cancelled() -> None:
    gate = AsyncGate(1)
    batches: Batches[Step] = Batches(gate)
    server = Server()
    server.may_answer.set()
    await gate.enter(0)
    tasks = joining(batches, server, [Step(number) for number in range(3)])
    await asyncio.sleep(0.01)
    tasks[1].cancel()
    await asyncio.sleep(0)
    gate.leave()
    outcomes = await outcomes_of(tasks)
    assert [outcomes[0], outcomes[2], server.sent] == ["the reply", "the reply", [[0, 2]]]


async def test_a_batch_waits_as_long_as_its_first_member_may() -> None:
    gate = AsyncGate(1)
    batches: Batches[Step] = Batches(gate)
    server = Server()
    soon = time.monotonic() + 0.02
    await gate.enter(0)
    outcomes = await outcomes_of(joining(batches, server, [Step(0), Step(1, deadline=soon)]))
    assert [type(outcome) for outcome in outcomes] == [CrowdedError, CrowdedError]
    gate.leave()
    soon = time.monotonic() + 0.1
    outcomes = await outcomes_of(joining(batches, server, [Step(0), Step(1, deadline=soon)]))
    assert [type(outcome) for outcome in outcomes] == [asyncio.TimeoutError, asyncio.TimeoutError]
    assert server.ended == 1


async def test_a_burst_is_split_and_takes_a_place_for_each_batch() -> None:
    batches: Batches[Step] = Batches(AsyncGate(1))
    server = Server()
    server.may_answer.set()
    sizes = [1] * (MOST_MEMBERS + 2) + [MOST_BYTES, MOST_BYTES + 1]
    tasks = joining(batches, server, [Step(number, size=size) for number, size in enumerate(sizes)])
    outcomes = await outcomes_of(tasks)
    assert [len(numbers) for numbers in server.sent] == [MOST_MEMBERS, 2]
    assert outcomes == [*["the reply"] * (MOST_MEMBERS + 2), ALONE, ALONE]


async def test_replies_are_handed_on_as_they_come() -> None:
    """Those whose replies came before the batch was lost have them; those who waited for others have its error."""
    is_read = asyncio.Event()

    async def send(_steps: Sequence[Step], settle: Settle) -> None:
        settle(0, "one")
        await is_read.wait()
        raise LOST

    batches: Batches[Step] = Batches(AsyncGate(1))
    first, second, third = [asyncio.create_task(batches.join(Step(number), send)) for number in range(3)]
    assert await asyncio.wait_for(first, 10) == "one"
    third.cancel()
    await asyncio.wait([third])
    assert (second.done(), third.cancelled()) == (False, True)
    is_read.set()
    with pytest.raises(ConnectionError, match="lost"):
        await second


async def test_a_batch_that_was_sent_waits_for_its_replies_for_a_time() -> None:
    batches: Batches[Step] = Batches(AsyncGate(1), wait=0.02)
    server = Server()
    outcomes = await outcomes_of(joining(batches, server, [Step(0), Step(1)]))
    assert [type(outcome) for outcome in outcomes] == [asyncio.TimeoutError, asyncio.TimeoutError]
    assert server.ended == 1


async def test_who_is_cancelled_when_all_have_their_replies_ends_nothing() -> None:
    """The batch is giving its connection back, which it has to do in peace."""
    given_back = asyncio.Event()
    returns = asyncio.Event()

    async def send(steps: Sequence[Step], settle: Settle) -> None:
        for index in range(len(steps)):
            settle(index, "the reply")
        await returns.wait()
        given_back.set()

    batches: Batches[Step] = Batches(AsyncGate(1))
    tasks = [asyncio.create_task(batches.join(Step(number), send)) for number in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # both have their replies, and go on in the next iteration
    for task in tasks:
        task.cancel()
    outcomes = await outcomes_of(tasks)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2
    returns.set()
    await asyncio.wait_for(given_back.wait(), 10)


async def test_tasks_that_are_all_cancelled_from_outside_leave_nobody_waiting() -> None:
    batches: Batches[Step] = Batches(AsyncGate(1))
    server = Server()
    tasks = joining(batches, server, [Step(0), Step(1)])
    await server.is_asked.wait()
    others = asyncio.all_tasks() - {*tasks, asyncio.current_task()}
    (sending,) = [task for task in others if getattr(task.get_coro(), "__qualname__", "") == "Batches._run"]
    sending.cancel()
    outcomes = await asyncio.wait_for(outcomes_of(tasks), 10)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, asyncio.CancelledError]


def test_a_loop_that_ended_with_a_leader_in_it_does_not_hold_up_another() -> None:
    batches: Batches[Step] = Batches(AsyncGate(2))
    ended = asyncio.new_event_loop()
    leader: Any = batches.join(Step(0), partial(Server.send, None))  # type: ignore[arg-type]
    ended.run_until_complete(_begin(leader))
    ended.close()

    async def scenario() -> list[Any]:
        server = Server()
        server.may_answer.set()
        return await outcomes_of(joining(batches, server, [Step(1), Step(2)]))

    assert asyncio.run(scenario()) == ["the reply"] * 2
    leader.close()


async def _begin(coroutine: Any) -> None:
    coroutine.send(None)


class OfTwoError(Exception):
    """An error whose constructor takes other arguments than it keeps."""

    def __init__(self, *, reply: str) -> None:
        super().__init__(f"of {reply}")
        self.reply = reply


def test_a_twin_is_the_same_error_again() -> None:
    with pytest.raises(OfTwoError) as raised:
        _fail()
    error = raised.value
    other = twin(error)
    assert other is not error
    assert (str(other), other.reply) == ("of server", "server")
    assert (type(other.__cause__), other.__cause__) == (ValueError, error.__cause__)
    assert (other.__context__, other.__suppress_context__) == (error.__context__, True)
    assert other.__traceback__ is error.__traceback__
    with pytest.raises(OfTwoError):
        raise other
    assert other.__traceback__ is not error.__traceback__


def _fail() -> None:
    try:
        int("first")
    except ValueError as cause:
        raise OfTwoError(reply="server") from cause
