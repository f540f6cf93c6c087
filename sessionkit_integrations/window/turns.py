"""The window rules as pure functions: the oracle of every store.

1. Only whole turns leave, oldest first. Every user message opens a turn; messages before the first user
   message that are not system messages (a greeting) form a turn of their own.
2. The current (last) turn never leaves, however long it is.
3. Order is kept. A system message inside the conversation belongs to the turn it is in.
4. The run of system messages before the first turn, the preamble, is pinned: never evicted, never counted.

With a window of 3, after U1 A1 U2 A2 U3 A3 U4 the session is U2 A2 U3 A3 U4.

Since neither the preamble nor the current turn ever leaves, there is a limit to what may be added to them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from sessionkit_integrations.errors import InvalidMessageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T")

Place = Literal["preamble", "archived", "outside", "window"]
"""Part of a session. Messages outside the window are still active, as whoever wrote last has a larger window."""
PLACES: tuple[Place, ...] = ("preamble", "archived", "outside", "window")
"""All places, in the order in which a session is shown."""

MAX_TURN_MESSAGES = 1000
"""Most messages of a turn by default: more than any model takes, but not without end."""

_NO_LIMIT = 2**31 - 1
"""More turns than any session has, and a number that every store can hold."""


@dataclass(frozen=True)
class Window:
    """The part of a session that is kept for the model.

    Args:
        turns: The number of turns to keep, at least 1. The current turn counts.
        max_turn_messages: Most messages of a turn, or of the preamble, at least 1. A longer one is refused, as when an
            agent loops.

    Raises:
        TypeError: One of them is not an integer.
        ValueError: One of them is less than 1.
    """

    turns: int
    max_turn_messages: int = MAX_TURN_MESSAGES

    def __post_init__(self) -> None:
        if type(self.turns) is not int:
            raise TypeError(f"memory_window must be a number of turns or a Window, got {type(self.turns).__name__}")
        if self.turns < 1:
            raise ValueError(f"memory_window must be at least 1 turn, got {self.turns}")
        if type(self.max_turn_messages) is not int:
            raise TypeError(f"max_turn_messages must be an integer, got {type(self.max_turn_messages).__name__}")
        if self.max_turn_messages < 1:
            raise ValueError(f"max_turn_messages must be at least 1, got {self.max_turn_messages}")

    @classmethod
    def of(cls, value: int | Window) -> Window:
        """Return ``value`` as a `Window`, a plain number being a number of turns."""
        return value if isinstance(value, Window) else cls(value)

    def keeping_all(self) -> Window:
        """Return the same window without a limit that turns leave it for."""
        return replace(self, turns=_NO_LIMIT)


def number_turns(roles: Iterable[str], last: int = 0) -> list[int]:
    """Return the number of the turn that each message belongs to, counted from 1; 0 is the preamble.

    Args:
        roles: The roles of the messages, oldest first.
        last: The number of the turn that the conversation before them ended in.
    """
    numbers = []
    for role in roles:
        if role == "user" or (last == 0 and role != "system"):
            last += 1
        numbers.append(last)
    return numbers


def evict(items: Sequence[T], window: Window, role_of: Callable[[T], str]) -> tuple[list[T], list[T]]:
    """Split a conversation into what a window keeps and what leaves it.

    Args:
        items: The messages, or whatever stands for them, oldest first.
        window: The window to apply.
        role_of: Returns the role of an item.

    Returns:
        The kept items (the preamble and the last turns) and the evicted ones, both in order.
    """
    preamble_end, window_start = bounds(map(role_of, items), window)
    return [*items[:preamble_end], *items[window_start:]], list(items[preamble_end:window_start])


def bounds(roles: Iterable[str], window: Window) -> tuple[int, int]:
    """Return the position at which a conversation's preamble ends, and the one at which its window begins.

    What is between the two leaves the window.

    Args:
        roles: The roles of the messages, oldest first.
        window: The window to apply.
    """
    numbers = number_turns(roles)
    last_evicted = numbers[-1] - window.turns if numbers else 0
    return bisect_right(numbers, 0), bisect_right(numbers, max(last_evicted, 0))


def check_growth(numbers: Iterable[int], window: Window, last: int, size: int) -> int:
    """Return the number of messages that the last turn has after messages were added to a conversation.

    Args:
        numbers: The numbers of the turns that the added messages belong to, as `number_turns` gives them.
        window: The window, which says how long a turn may be.
        last: The number of the turn that the conversation before them ended in.
        size: Number of messages that turn had.

    Raises:
        InvalidMessageError: A turn that is added to, or the preamble, would be too long.
    """
    for number in numbers:
        size = size + 1 if number == last else 1
        last = number
        if size > window.max_turn_messages:
            raise turn_too_long(window)
    return size


def longest_turn(roles: Iterable[str]) -> int:
    """Return the number of messages of the longest turn of a conversation, or of its preamble if that is longer."""
    return max(Counter(number_turns(roles)).values(), default=0)


def turn_too_long(window: Window) -> InvalidMessageError:
    """Return the error for a turn of more messages than a window allows; nothing of it was written."""
    return InvalidMessageError(
        "messages",
        f"would make a turn of more than {window.max_turn_messages} messages, as an agent does that loops; a user"
        " message begins a new one, and max_turn_messages of SessionManager allows longer ones",
    )
