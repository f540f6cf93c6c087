"""Many appends at once, and what became of each."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessionkit_integrations import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.faults.helpers.proxy import Faults

    Send = Callable[[int, str], object]
    ASend = Callable[[int, str], Awaitable[object]]


@dataclass
class Outcome:
    """The answers that writers got, each of whom sends numbered messages one after another.

    Attributes:
        acknowledged: The messages whose append returned.
        raised: Those whose append raised, and whether the error said that it may have happened.
        seconds: How long it took.
    """

    acknowledged: list[str] = field(default_factory=list)
    raised: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0

    def figures(self, found: Sequence[str], faults: Faults, label: str) -> str:
        """Return what became of the messages, given those that are there."""
        missing = len(set(self.acknowledged) - set(found))
        return (
            f"{label}: {len(self.acknowledged)} acknowledged ({missing} missing), {len(self.raised)} raised"
            f" ({len(set(self.raised) & set(found))} of them there), {len(found) - len(set(found))} twice,"
            f" {faults.total} faults, {self.seconds:.1f} s"
        )

    def check(self, found: Sequence[str], faults: Faults, label: str) -> None:
        """Assert that all of it is true of the messages that are there, and print the figures."""
        counts = Counter(found)
        there = [content for content in self.raised if content in counts]
        print(self.figures(found, faults, label))
        assert [content for content, count in counts.items() if count > 1] == []
        assert [content for content in self.acknowledged if content not in counts] == []
        assert [content for content in there if not self.raised[content]] == []
        for _, of_writer in itertools.groupby(sorted(found, key=_writer), key=_writer):
            numbers = [int(content.split()[1]) for content in of_writer]
            assert numbers == sorted(numbers)


def append(
    send: Send, *, writers: int, each: int, errors: tuple[type[Exception], ...] = (StoreUnavailableError,)
) -> Outcome:
    """Let threads send numbered messages; ``send`` is given the writer's number and the message."""
    outcome = Outcome()
    started = time.monotonic()

    def write(writer: int) -> None:
        for number in range(each):
            content = f"{writer} {number}"
            try:
                send(writer, content)
            except errors as error:
                outcome.raised[content] = getattr(error, "may_have_happened", True)
            else:
                outcome.acknowledged.append(content)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds = time.monotonic() - started
    return outcome


async def aappend(send: ASend, *, writers: int, each: int) -> Outcome:
    """Let tasks do so."""
    outcome = Outcome()
    started = time.monotonic()

    async def write(writer: int) -> None:
        for number in range(each):
            content = f"{writer} {number}"
            try:
                await send(writer, content)
            except StoreUnavailableError as error:
                outcome.raised[content] = error.may_have_happened
            else:
                outcome.acknowledged.append(content)

    await asyncio.gather(*(write(writer) for writer in range(writers)))
    outcome.seconds = time.monotonic() - started
    return outcome


def _writer(content: str) -> int:
    return int(content.split(maxsplit=1)[0])
