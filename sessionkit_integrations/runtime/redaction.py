"""Passwords and tokens: in no repr, no error, and no local variable of a traceback.

Functions that take secrets raise nothing, as a traceback would show their own variables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import parse_qsl, unquote, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import SupportsIndex

T = TypeVar("T")

_SECRET_OPTIONS = ("password", "ssl_password")
_LOGIN_OPTIONS = ("username", *_SECRET_OPTIONS)
_HIDDEN = "***"

_REPEATED_WORDS = re.compile(r"(with args beginning with:).*", re.DOTALL)
"""Words of a command that a server repeats in the error by which it refuses it, as Redis does with unknown ones."""

AMBIGUOUS = (
    "the Redis URL has a '/', '?', '#' or '@' in its user or password; percent-encode it, as %2F, %3F, %23 or %40"
)


BARE_WORDS = "the query of the URL must have the form name=value&name=value"

_OPTION = re.compile(r"[a-z_]+")


class Secret(str):
    """A text whose repr shows nothing of it, nor does the repr of a part of it, such as error trackers cut off."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(_HIDDEN)

    def __getitem__(self, index: SupportsIndex | slice) -> Secret:
        return Secret(super().__getitem__(index))


class Concealed:
    """Something else than a text that was given for a secret, such as its bytes, and may be one.

    Attributes:
        kind: Name of its type.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind


def hidden(value: T) -> T:
    """Return a text as a `Secret`, ``None`` as it is, and anything else as a `Concealed`, to be refused by its kind."""
    given: Any = value
    if given is None or isinstance(given, (Secret, Concealed)):
        return value
    hides: Any = Secret(given) if isinstance(given, str) else Concealed(type(given).__name__)
    return cast("T", hides)


def kind_of(value: object) -> str:
    """Return the name of a value's type, also of one that is hidden."""
    return value.kind if isinstance(value, Concealed) else type(value).__name__


def option_name(name: str) -> str:
    """Return the name of an option as errors show it: what does not look like one may be a part of a secret."""
    return str(name) if _OPTION.fullmatch(name) else _HIDDEN


def has_bare_words(url: str) -> bool:
    """Return whether the query of a URL has something other than ``name=value``, which may be a secret.

    Drivers ignore words without a value. A token may end in the sign that has no value after it.
    """
    pairs = [option.partition("=") for option in url.partition("?")[2].split("&") if option]
    return any(not value and name not in _LOGIN_OPTIONS for name, _, value in pairs)


def is_ambiguous(url: str) -> bool:
    """Return whether a part of the password of a Redis URL would be taken for a host, a path or an option."""
    scheme, _, rest = url.partition("://")
    address, _, query = rest.partition("?")
    authority, _, path = address.partition("/")
    if "#" in rest or "@" in query:
        return True
    return bool(authority.rpartition("@")[2]) if scheme == "unix" else "@" in path


def split_url(url: str) -> tuple[Secret, dict[str, Secret]]:
    """Return a Redis URL without user and passwords, and these as options of redis-py."""
    scheme, separator, rest = url.partition("://")
    address, question, query = rest.partition("?")
    authority, slash, path = address.partition("/")
    credentials, _, place = authority.rpartition("@")
    user, _, password = credentials.partition(":")
    options = parse_qsl(query, keep_blank_values=True)
    login = {name: Secret(unquote(value)) for name, value in options if name in _LOGIN_OPTIONS and value}
    if user:
        login["username"] = Secret(unquote(user))
    if password:
        login["password"] = Secret(unquote(password))
    others = urlencode([(name, value) for name, value in options if name not in _LOGIN_OPTIONS])
    return Secret(f"{scheme}{separator}{place}{slash}{path}{question}{others}"), login


def redact(error: BaseException, secrets: Iterable[str]) -> None:
    """Take secrets out of the texts of an error and of those that led to it.

    Some servers repeat a command that they refuse, an AUTH with its password among them. What they repeat is taken out
    as well, as a password that a driver fetches for each connection is not known here.
    """
    secrets = tuple(secret for secret in secrets if secret)
    for each in chain(error):
        each.args = tuple(_redacted(arg, secrets) if isinstance(arg, str) else arg for arg in each.args)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Return an error and those that led to it."""
    each: BaseException | None = error
    seen: set[int] = set()
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _redacted(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return _REPEATED_WORDS.sub(rf"\1 {_HIDDEN}", text)
