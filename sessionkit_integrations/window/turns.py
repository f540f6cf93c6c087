"""The window rules as pure functions: the oracle of every store.

1. Only whole turns leave, oldest first. Every user message opens a turn; messages before the first user
   message that are not system messages (a greeting) form a turn of their own.
2. The current (last) turn never leaves, however long it is.
3. Order is kept. A system message inside the conversation belongs to the turn it is in.
4. The run of system messages before the first turn, the preamble, is pinned: never evicted, never counted.

5. With a window of 3, after U1 A1 U2 A2 U3 A3 U4 the session is U2 A2 U3 A3 U4.
6. Nothing leaves until there would be more than ``trigger_turns`` turns; then the oldest leave in one cut, down to
   ``turns``. The start of the prompt stays the same from one cut to the next, which a provider's prompt cache needs.
7. As soon as the preamble and the turns together hold more than ``trigger_tokens`` tokens, the oldest turns leave until
   they hold at most ``tokens``. If both limits are passed, both cut.

Since neither the preamble nor the current turn ever leaves, there is a limit to what may be added to them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field, replace
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

NO_LIMIT = 2**53 - 1
"""More turns and tokens than any session has, and a number that every store holds exactly."""


@dataclass(frozen=True)
class Window:
    """The part of a session that is kept for the model.

    Args:
        turns: The number of turns that a cut keeps, at least 1; ``None`` if only tokens limit the window. The current
            turn counts.
        max_turn_messages: Most messages of a turn, or of the preamble, at least 1. A longer one is refused, as when an
            agent loops.
        trigger_turns: The number of turns that there may be before a cut; ``turns`` by default. A provider's prompt
            cache hits while nothing is cut.
        tokens: The number of tokens that a cut keeps at most, in the preamble and the turns together; ``None`` if
            tokens do not matter. The preamble and the current turn stay, however long they are.
        trigger_tokens: The number of tokens that there may be before a cut; ``tokens`` by default.

    Raises:
        TypeError: One of them is not an integer.
        ValueError: One of them is less than 1, a trigger is less than what is kept or has no limit to go with, or
            neither turns nor tokens are limited.

    Examples:
        >>> Window(turns=10, trigger_turns=20, tokens=6000)  # cuts rarely, and never holds more than 6,000 tokens
    """

    turns: int | None = None
    max_turn_messages: int = MAX_TURN_MESSAGES
    trigger_turns: int | None = field(default=None, kw_only=True)
    tokens: int | None = field(default=None, kw_only=True)
    trigger_tokens: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_limit("memory_window", self.turns, "a number of turns or a Window", "1 turn")
        if type(self.max_turn_messages) is not int:
            raise TypeError(f"max_turn_messages must be an integer, got {type(self.max_turn_messages).__name__}")
        if self.max_turn_messages < 1:
            raise ValueError(f"max_turn_messages must be at least 1, got {self.max_turn_messages}")
        _check_limit("tokens", self.tokens, "an integer", "1")
        if self.turns is None and self.tokens is None:
            raise ValueError("a Window needs turns or tokens")
        for name in ("turns", "tokens"):
            kept, trigger = getattr(self, name), getattr(self, f"trigger_{name}")
            _check_limit(f"trigger_{name}", trigger, "an integer", "1")
            if trigger is None:
                object.__setattr__(self, f"trigger_{name}", kept)
            elif kept is None:
                raise ValueError(f"trigger_{name} needs {name}, the number that a cut keeps")
            elif trigger < kept:
                raise ValueError(f"trigger_{name} must be at least {name}, {kept}, got {trigger}")

    def __repr__(self) -> str:
        said = {"turns": self.turns, "max_turn_messages": self.max_turn_messages}
        if self.trigger_turns != self.turns:
            said["trigger_turns"] = self.trigger_turns
        if self.tokens is not None:
            said["tokens"] = self.tokens
        if self.trigger_tokens != self.tokens:
            said["trigger_tokens"] = self.trigger_tokens
        return f"Window({', '.join(f'{name}={value}' for name, value in said.items())})"

    @classmethod
    def of(cls, value: int | Window) -> Window:
        """Return ``value`` as a `Window`, a plain number being a number of turns."""
        if value is None:
            raise TypeError("memory_window must be a number of turns or a Window, got NoneType")
        return value if isinstance(value, Window) else cls(value)

    def with_turns(self, turns: int) -> Window:
        """Return the same window with another number of turns, and no more before a cut."""
        return replace(self, turns=turns, trigger_turns=turns)

    def keeping_all(self) -> Window:
        """Return the same window without a limit that turns leave it for; tokens are counted as before."""
        return Window(NO_LIMIT, self.max_turn_messages, tokens=None if self.tokens is None else NO_LIMIT)

    def surplus(self, turns: int, tokens: Sequence[int] = (), preamble: int = 0) -> int:
        """Return the number of turns that leave the window, the oldest ones.

        Args:
            turns: The number of turns.
            tokens: The tokens of each turn, oldest first; needed if `tokens` limit the window.
            preamble: The tokens of the preamble.
        """
        leaving = 0
        if self.turns is not None and turns > (self.trigger_turns or 0):
            leaving = turns - self.turns
        if self.tokens is not None:
            held = preamble + sum(tokens)
            if held > (self.trigger_tokens or 0):
                by_tokens = 0
                while held > self.tokens and by_tokens < turns - 1:
                    held -= tokens[by_tokens]
                    by_tokens += 1
                leaving = max(leaving, by_tokens)
        return leaving


def _check_limit(name: str, value: object, wanted: str, least: str) -> None:
    if value is None:
        return
    if type(value) is not int:
        raise TypeError(f"{name} must be {wanted}, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be at least {least}, got {value}")


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


def evict(
    items: Sequence[T],
    window: Window,
    role_of: Callable[[T], str],
    tokens_of: Callable[[T], int] | None = None,
    numbers: Sequence[int] | None = None,
) -> tuple[list[T], list[T]]:
    """Split a conversation into what a window keeps and what leaves it.

    Args:
        items: The messages, or whatever stands for them, oldest first.
        window: The window to apply.
        role_of: Returns the role of an item.
        tokens_of: Returns the tokens of an item; needed if tokens limit the window.
        numbers: The numbers of the turns that the items belong to, where they are known.

    Returns:
        The kept items (the preamble and the last turns) and the evicted ones, both in order.
    """
    tokens = None if window.tokens is None or tokens_of is None else list(map(tokens_of, items))
    if numbers is None:
        numbers = number_turns(map(role_of, items))
    preamble_end, window_start = bounds_by_number(numbers, window, tokens)
    return [*items[:preamble_end], *items[window_start:]], list(items[preamble_end:window_start])


def bounds(roles: Iterable[str], window: Window, tokens: Sequence[int] | None = None) -> tuple[int, int]:
    """Return the position at which a conversation's preamble ends, and the one at which its window begins.

    What is between the two leaves the window.

    Args:
        roles: The roles of the messages, oldest first.
        window: The window to apply.
        tokens: The tokens of the messages; needed if tokens limit the window.
    """
    return bounds_by_number(number_turns(roles), window, tokens)


def bounds_by_number(numbers: Sequence[int], window: Window, tokens: Sequence[int] | None = None) -> tuple[int, int]:
    """Return what `bounds` does, given the numbers of the turns that the messages belong to."""
    turns = numbers[-1] if numbers else 0
    if tokens is None:
        leaving = window.surplus(turns)
    else:
        sums = [0] * (turns + 1)
        for number, each in zip(numbers, tokens, strict=True):
            sums[number] += each
        leaving = window.surplus(turns, sums[1:], sums[0])
    return bisect_right(numbers, 0), bisect_right(numbers, leaving)


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
