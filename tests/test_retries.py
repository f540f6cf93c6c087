"""The one loop of retries: what is tried again, for how long, and what the log says of it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import ConflictError, StoreError, StoreUnavailableError
from sessionkit_integrations.runtime import retries
from sessionkit_integrations.runtime.retries import Attempts, Backoff, Failure, Policy, on_conflict, retrying
from sessionkit_integrations.runtime.steps import Emit, Pause, Step, arun, astream, run, stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.runtime.steps import Steps

AT_ONCE = Backoff(first=0, longest=0)


class Try(Step[str]):
    pass


class Outcomes:
    """Performs attempts: raises or returns what it is given, one after the other."""

    def __init__(self, *outcomes: Exception | str) -> None:
        self.left = list(outcomes)
        self.made = 0

    def __call__(self, step: Step[Any]) -> str:
        assert isinstance(step, Try)
        self.made += 1
        outcome = self.left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def acall(self, step: Step[Any]) -> str:
        await asyncio.sleep(0)
        return self(step)


def lost(*, may_have_happened: bool = False) -> StoreUnavailableError:
    return StoreUnavailableError("no answer", may_have_happened=may_have_happened)


def transiently(error: Exception) -> Failure | None:
    return Failure(error, transient=True) if isinstance(error, StoreError) else None


def normally(error: Exception) -> Failure | None:
    return Failure(error, final=type(error) is StoreError) if isinstance(error, StoreError) else None


@pytest.fixture(params=["sync", "async"])
def play(request: pytest.FixtureRequest) -> Callable[..., str]:
    def play(outcomes: Outcomes, policy: Policy, judge: Any = normally) -> str:
        steps = retrying("append", Try, Attempts(policy), judge)
        return run(steps, outcomes) if request.param == "sync" else asyncio.run(arun(steps, outcomes.acall))

    return play


def test_an_attempt_that_fails_is_followed_by_another(play: Callable[..., str]) -> None:
    outcomes = Outcomes(lost(), lost(), "done")
    assert play(outcomes, Policy(AT_ONCE, attempts=3)) == "done"
    assert outcomes.made == 3


def test_the_last_failure_is_raised_with_what_any_of_them_may_have_done(play: Callable[..., str]) -> None:
    outcomes = Outcomes(lost(may_have_happened=True), lost(), "never")
    with pytest.raises(StoreUnavailableError) as raised:
        play(outcomes, Policy(AT_ONCE, attempts=2))
    assert raised.value.may_have_happened is True
    outcomes = Outcomes(lost(may_have_happened=True), StoreError("refused"))
    with pytest.raises(StoreUnavailableError, match="refused; an earlier attempt had no reply") as raised:
        play(outcomes, Policy(AT_ONCE, attempts=5))
    assert raised.value.may_have_happened is True
    assert isinstance(raised.value.__cause__, StoreError)


def test_a_final_failure_is_raised_at_once(play: Callable[..., str]) -> None:
    outcomes = Outcomes(StoreError("refused"), "never")
    with pytest.raises(StoreError, match="refused"):
        play(outcomes, Policy(AT_ONCE, attempts=5))
    assert outcomes.made == 1


def test_transient_failures_are_tried_again_for_as_long_as_there_is_time(play: Callable[..., str]) -> None:
    outcomes = Outcomes(*(lost() for _ in range(20)), "done")
    assert play(outcomes, Policy(AT_ONCE, attempts=2, timeout=30), transiently) == "done"
    outcomes = Outcomes(lost(), "never")
    with pytest.raises(StoreUnavailableError):
        play(outcomes, Policy(AT_ONCE, timeout=1, reserve=2), transiently)


def test_transient_failures_are_none_of_the_attempts(play: Callable[..., str]) -> None:
    def judge(error: Exception) -> Failure | None:
        return transiently(error) if isinstance(error, StoreUnavailableError) else normally(error)

    def busy() -> list[Exception]:
        return [lost() for _ in range(10)]

    def refused() -> Exception:
        return ConflictError("another version")

    outcomes = Outcomes(*busy(), refused(), *busy(), refused(), *busy(), "done")
    assert play(outcomes, Policy(AT_ONCE, attempts=3, timeout=30), judge) == "done"
    outcomes = Outcomes(*busy(), refused(), *busy(), refused(), "never")
    with pytest.raises(ConflictError):
        play(outcomes, Policy(AT_ONCE, attempts=2, timeout=30), judge)


def test_a_bug_is_raised_as_it_is_and_not_repeated(play: Callable[..., str]) -> None:
    outcomes = Outcomes(TypeError("a bug"), "never")
    with pytest.raises(TypeError, match="a bug"):
        play(outcomes, Policy(AT_ONCE, attempts=5))
    assert outcomes.made == 1


def test_conflicts_are_tried_again_and_raised_in_the_end_with_their_cause(play: Callable[..., str]) -> None:
    assert play(Outcomes(ConflictError("faster"), "done"), Policy(AT_ONCE, attempts=2), on_conflict) == "done"
    conflict = ConflictError("faster")
    conflict.__cause__ = KeyError("of a driver")
    with pytest.raises(ConflictError) as raised:
        play(Outcomes(conflict), Policy(AT_ONCE, attempts=1), on_conflict)
    assert isinstance(raised.value.__cause__, KeyError)


def test_pauses_grow_and_have_a_bound() -> None:
    pauses = Backoff(first=1, longest=10, least=1)
    assert [pauses.pause(failures) for failures in (1, 2, 3, 4, 5, 6, 10_000)] == [1, 2, 4, 8, 10, 10, 10]
    assert 0.5 <= Backoff(first=1, longest=1, least=0.5).pause(1) <= 1
    assert Backoff(first=8, longest=8, least=1, factor=0.5).pause(4) == 1


def test_the_log_tells_of_retries_and_of_a_success_that_took_long(
    play: Callable[..., str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with caplog.at_level(logging.DEBUG, "sessionkit_integrations"):
        play(Outcomes(lost(), "done"), Policy(AT_ONCE, attempts=2))
        assert [record.levelname for record in caplog.records] == ["DEBUG"]
        assert caplog.messages == ["append: attempt 1 failed, next in 0.000 s: no answer"]
        caplog.clear()
        monkeypatch.setattr(retries, "SLOW", -1.0)
        play(Outcomes(lost(), lost(), "done"), Policy(AT_ONCE, attempts=3))
    assert [record.levelname for record in caplog.records] == ["DEBUG", "DEBUG", "WARNING"]
    assert caplog.messages[-1].startswith("append: succeeded after 2 failed attempts in 0.0")


def test_the_log_is_silent_by_default() -> None:
    logger = logging.getLogger("sessionkit_integrations")
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
    assert logger.level == logging.NOTSET


def emitting() -> Steps[None]:
    yield from Emit([1, 2])
    try:
        yield from Try()
    except KeyError:
        yield from Pause(0)
        yield from Emit([3])
    yield from Emit([])
    yield from Emit([4])


def test_an_operation_may_emit_values_on_its_way() -> None:
    class Fails:
        def __call__(self, step: object) -> None:
            raise KeyError

        async def acall(self, step: object) -> None:
            raise KeyError

    async def collect() -> list[int]:
        return [value async for value in astream(emitting(), Fails().acall)]

    assert list(stream(emitting(), Fails())) == asyncio.run(collect()) == [1, 2, 3, 4]
