"""Copies of stores and of sessions: they are on the same sessions, or are refused.

Frameworks copy and pickle what their objects hold. In the process in which it was pickled, a store is found again: it
has connections, clients and passwords that no pickle holds. In another process it is made of its URL. Passwords are in
no pickle; the process that unpickles a store takes them from its environment.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode
from uuid import uuid4
from weakref import WeakValueDictionary

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.runtime.redaction import Secret

if TYPE_CHECKING:
    from sessionkit_integrations.stores.base import Store

S = TypeVar("S", bound="Store")

IDENTITY = "_identity"
"""Attribute of an object that was pickled."""
_PASSWORD = "REDIS_PASSWORD"  # noqa: S105 - the name of a variable
_objects: WeakValueDictionary[str, Any] = WeakValueDictionary()


class StoreUrl(NamedTuple):
    """A URL of which `Store.from_url` makes a store on the same sessions.

    Attributes:
        url: The URL, without passwords and tokens.
        needs_password: Whether the store had a password.
    """

    url: str
    needs_password: bool = False


def identity_of(value: object) -> str:
    """Return a text by which `find` returns the same object, as long as it lives in this process."""
    identity: str = vars(value).setdefault(IDENTITY, uuid4().hex)
    _objects[identity] = value
    return identity


def find(identity: object) -> Any:
    """Return the object of an identity, or ``None`` if it is not in this process."""
    return _objects.get(identity) if isinstance(identity, str) else None


def restore(cls: type[S], identity: str, place: StoreUrl | None) -> S:
    """Return a store that was pickled: the same one in the same process, else one on the same sessions.

    Raises:
        StoreError: There is none: its sessions are in the memory of another process, or its client, or its password.
    """
    found: S | None = find(identity)
    if found is not None:
        return found
    if place is None:
        raise StoreError(
            f"a {cls.__name__} that no URL describes is of no use in another process, as its sessions or its client are"
            " in the first one; use a store with a URL, or make one there"
        )
    return cls.from_url(with_password(*place))


def with_password(url: str, needs_password: bool) -> str:  # noqa: FBT001 - the fields of a StoreUrl
    """Return a URL with the password of the environment, if the store needs one.

    Raises:
        StoreError: The environment has none.
    """
    if not needs_password:
        return url
    if _PASSWORD not in os.environ:
        raise StoreError(f"the store was pickled without its password: set {_PASSWORD} in the environment")
    scheme, separator, rest = url.partition("://")
    slash = rest.find("/")
    end = len(rest) if slash < 0 else slash
    user, _, host = rest[:end].rpartition("@")
    return Secret(f"{scheme}{separator}{user}:{quote(os.environ[_PASSWORD], safe='')}@{host}{rest[end:]}")


def with_options(url: str, **options: Any) -> str:
    """Return a URL with the options of a store that are not ``None``."""
    given = {name: str(value).lower() if isinstance(value, bool) else value for name, value in options.items() if value}
    url = url.rstrip("?")
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}{urlencode(given)}" if given else url
