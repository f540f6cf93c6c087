"""Passwords and tokens: in no repr, no error, and no local variable of a traceback.

Functions that are given secrets raise nothing: it would show their own variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

_SECRET_OPTIONS = ("password", "ssl_password")
_HIDDEN = "***"

AMBIGUOUS = (
    "the Redis URL has a '/', '?', '#' or '@' in its user or password; percent-encode it, as %2F, %3F, %23 or %40"
)


class Secret(str):
    """A text as any other, but for its repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(_HIDDEN)


def hidden(value: T) -> T | Secret:
    """Return a text as a `Secret`, and what is no text as it is."""
    return Secret(value) if isinstance(value, str) else value


def is_ambiguous(url: str) -> bool:
    """Whether a part of the password of a Redis URL would be taken for a host, a path or an option."""
    scheme, _, rest = url.partition("://")
    address, _, query = rest.partition("?")
    authority, _, path = address.partition("/")
    if "#" in rest or "@" in query:
        return True
    return bool(authority.rpartition("@")[2]) if scheme == "unix" else "@" in path


def split_url(url: str) -> tuple[Secret, dict[str, Secret]]:
    """Return a Redis URL with no passwords in it, and these as options of redis-py."""
    scheme, separator, rest = url.partition("://")
    address, question, query = rest.partition("?")
    authority, slash, path = address.partition("/")
    credentials, at, place = authority.rpartition("@")
    user, _, password = credentials.partition(":")
    options = parse_qsl(query, keep_blank_values=True)
    secrets = {name: Secret(unquote(value)) for name, value in options if name in _SECRET_OPTIONS and value}
    if password:
        secrets["password"] = Secret(unquote(password))
    others = urlencode([(name, value) for name, value in options if name not in _SECRET_OPTIONS])
    user = f"{user}{at}" if user else ""
    return Secret(f"{scheme}{separator}{user}{place}{slash}{path}{question}{others}"), secrets


def hide(error: BaseException, secrets: Iterable[str]) -> None:
    """Take secrets out of what an error says, and those that led to it: some servers repeat a command they refuse."""
    secrets = tuple(secrets)
    each: BaseException | None = error
    while each is not None:
        for secret in secrets:
            each.args = tuple(arg.replace(secret, _HIDDEN) if isinstance(arg, str) else arg for arg in each.args)
        each = each.__cause__ or each.__context__
