"""Ways to keep a conversation, ours and theirs, as the benchmark sees them."""

from __future__ import annotations

import inspect
import itertools
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AsyncExitStack

    from sessionkit_integrations import Message
    from tests.benchmarks.measuring import Side
    from tests.benchmarks.setting import Setting, Turn

EVERYTHING = 1_000_000
"""A window that no conversation fills, to keep all messages as the others do."""


@dataclass(frozen=True)
class Keeper:
    """A way to keep conversations.

    Attributes:
        name: What the table calls it.
        convert: Makes what it takes of a plain message.
        write: Adds messages to a session.
        read: Returns what a model is to be told of a session.
        at_once: How many turns it takes at once, for a conversation to come about sooner.
        is_async: Whether its functions return awaitables.
    """

    name: str
    convert: Callable[[Message], Any]
    write: Callable[[str, list[Any]], Any]
    read: Callable[[str], Any]
    at_once: int = 500
    is_async: bool = False

    def writing(self, session_id: str, turns: Sequence[Turn]) -> Side:
        """Return what writes one turn after the other, and then again from the first."""
        supply = itertools.cycle([[self.convert(message) for message in turn] for turn in turns])
        return lambda: self.write(session_id, next(supply))

    def reading(self, session_id: str) -> Side:
        """Return what reads a session."""
        return lambda: self.read(session_id)

    async def fill(self, session_id: str, turns: Sequence[Turn]) -> None:
        """Write turns, as quickly as it goes."""
        for start in range(0, len(turns), self.at_once):
            messages = [message for turn in turns[start : start + self.at_once] for message in turn]
            result = self.write(session_id, [self.convert(message) for message in messages])
            if inspect.isawaitable(result):
                await result


@dataclass(frozen=True)
class Peer:
    """A package that we are compared to.

    Attributes:
        name: What the table calls it.
        packages: The distributions that it needs, beyond ours.
        make: Makes its keeper; what that opened is closed with the stack.
    """

    name: str
    packages: tuple[str, ...]
    make: Callable[[Setting, AsyncExitStack], Keeper]

    @property
    def missing(self) -> list[str]:
        """The packages that are not installed."""
        return missing(self.packages)


def missing(packages: Sequence[str]) -> list[str]:
    """Return the packages that are not installed."""
    return [package for package in packages if not _is_installed(package)]


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


@contextmanager
def deprecations_ignored() -> Iterator[None]:
    """Let others use what is deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
