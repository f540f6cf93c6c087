"""Options of stores: their checks, and their text in the query of a URL."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict, TypeVar
from urllib.parse import parse_qsl, urlencode

from sessionkit_integrations.runtime.redaction import BARE_WORDS, Secret, has_bare_words, kind_of, option_name
from sessionkit_integrations.runtime.retries import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
D = TypeVar("D")

_LONGEST = 2**53
"""Milliseconds that a number of Lua or JavaScript holds exactly."""

LONGEST_TIMEOUT = 10**9
"""Seconds that every clock and every driver can wait."""

_FLAGS = {"true": True, "1": True, "false": False, "0": False}

KEY_PREFIX = "sessionkit:"
"""Prefix of all keys on a server, unless another one is given."""


class ServerOptions(TypedDict):
    """Options that the stores on servers have in common."""

    key_prefix: str
    ttl: float | timedelta | None
    archive: bool
    raw_ids: bool
    timeout: float
    notify: bool
    batch: bool


class UrlOptions:
    """Options in the query of a store's URL.

    A store asks for the options that it takes, one by one. What is left then is not one of its own.

    Args:
        url: The URL.

    Raises:
        TypeError: The URL is not a string.
        ValueError: An option is given twice, or has no value.
    """

    def __init__(self, url: str) -> None:
        check_url(url)
        if has_bare_words(url):
            raise ValueError(BARE_WORDS)
        self._left: dict[str, Secret] = {}
        self._known: list[str] = []
        for name, value in map(_hide_value, parse_qsl(url.partition("?")[2], keep_blank_values=True)):
            if name in self._left:
                raise ValueError(f"the URL gives the option {option_name(name)} twice")
            self._left[name] = value

    def number(self, name: str, default: D) -> float | D:
        """Return a number.

        Raises:
            ValueError: The option is not a number.
        """
        return self._take(name, float, "a number", default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a truth value.

        Raises:
            ValueError: The option is neither ``true`` nor ``false``, nor 1 or 0.
        """
        return self._take(name, lambda text: _FLAGS[text.lower()], "true or false", default=default)

    def text(self, name: str, default: str) -> str:
        """Return a text."""
        return self._take(name, str, "a text", default)

    def rest(self) -> Secret:
        """Return the query with the options that nobody asked for."""
        return Secret(urlencode(self._left))

    def check_rest(self) -> None:
        """Check that there is no other option.

        Raises:
            ValueError: There is one.
        """
        for name in self._left:
            raise ValueError(f"the store has no option {option_name(name)!r}; it has {', '.join(self._known)}")

    def of_server(self) -> ServerOptions:
        """Return the options that all stores on servers take."""
        return {
            "ttl": self.number("ttl", None),
            "archive": self.flag("archive"),
            "key_prefix": self.text("key_prefix", KEY_PREFIX),
            "raw_ids": self.flag("raw_ids"),
            "timeout": self.number("timeout", DEFAULT_TIMEOUT),
            "notify": self.flag("notify"),
            "batch": self.flag("batch", default=True),
        }

    def _take(self, name: str, read: Callable[[str], T], kind: str, default: D) -> T | D:
        self._known.append(name)
        text = self._left.pop(name, None)
        if text is None:
            return default
        try:
            return read(str(text))
        except (LookupError, ValueError):
            raise ValueError(f"the option {name} of the URL must be {kind}, got {str(text)!r}") from None


def check_url(url: object) -> None:
    """Check that a URL, which is hidden, is a string.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(url, str):
        raise TypeError(f"url must be a str, got {kind_of(url)}")


def ttl_milliseconds(ttl: float | timedelta | None) -> int | None:
    """Return a time to live in whole milliseconds, or ``None`` where there is none.

    Args:
        ttl: Seconds, or a timedelta.

    Raises:
        ValueError: It is neither, or less than a millisecond, or longer than a script can count.
    """
    if ttl is None:
        return None
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    if not _is_number(seconds):
        raise ValueError(f"ttl must be a number of seconds or a timedelta, got {ttl!r}")
    milliseconds = int(seconds * 1000)
    if milliseconds < 1:
        raise ValueError(f"ttl must be at least a millisecond, got {ttl!r}; leave it out to keep sessions for ever")
    if milliseconds > _LONGEST:
        raise ValueError(
            f"ttl must be at most {_LONGEST} milliseconds, got {ttl!r}; leave it out to keep sessions for ever"
        )
    return milliseconds


def in_seconds(milliseconds: int | None) -> float | None:
    """Return a time to live in seconds, or ``None`` where there is none."""
    return None if milliseconds is None else milliseconds / 1000


def check_seconds(name: str, value: object, *, form: str = "a number of seconds") -> None:
    """Raise `TypeError` unless a value is a number, as seconds are; ``form`` says so in the error."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be {form}, got {type(value).__name__}")


def checked_timeout(timeout: float) -> float:
    """Return a time limit in seconds.

    Raises:
        ValueError: It is not a number above 0, or longer than anybody waits.
    """
    if not _is_number(timeout) or not 0 < timeout <= LONGEST_TIMEOUT:
        raise ValueError(f"timeout must be a number of seconds above 0 and at most {LONGEST_TIMEOUT}, got {timeout!r}")
    return timeout


def checked_flag(name: str, value: bool) -> bool:  # noqa: FBT001 - the option itself
    """Return the value of an option that is on or off.

    Raises:
        TypeError: It is not a bool, such as a text that is true whatever it says.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be a bool, got {type(value).__name__}")
    return value


def _hide_value(pair: tuple[str, str]) -> tuple[Secret, Secret]:
    return Secret(pair[0]), Secret(pair[1])


def _is_number(value: object) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))
