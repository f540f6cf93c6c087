"""Meaning of redis-py's exceptions: whether a command may have been executed, and what to do about it."""

from __future__ import annotations

import asyncio
import re
import ssl
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterError,
    InvalidResponse,
    MaxConnectionsError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    TryAgainError,
)

from sessionkit_integrations.errors import StoreError, StoreUnavailableError
from sessionkit_integrations.runtime.redaction import chain
from sessionkit_integrations.runtime.retries import Failure

if TYPE_CHECKING:
    from sessionkit_integrations.stores.redis.commands import Command

DRIVER_ERRORS = (RedisError, RedisClusterException, ValueError)
"""Errors of redis-py; it ends in a `ValueError` where it cannot make a number or a text of a malformed reply."""

UNREACHABLE = (redis.ConnectionError, redis.TimeoutError, RedisClusterException)
_NOT_NOW = (BusyLoadingError, ClusterError, ReadOnlyError, TryAgainError)
_DENIED = (AuthenticationError, AuthorizationError)

# Redis 6.2 wraps the error of a command in a script in an error of its own. A script cannot make a key, such as a
# document's, in a slot that is on its way to another node.
_NOT_NOW_CODES = re.compile(
    r"(?:^|: -?)(?:BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|NOREPLICAS|READONLY|TRYAGAIN) |access a non local key"
)
_FULL_CODES = re.compile(r"(?:^|: -?)(?:OOM|MISCONF) ")

_REFUSED = "max number of clients reached"
# Before version 7, redis-py has no class of its own for these.
_NONE_FREE = re.compile(f"Too many connections|No connection available|{_REFUSED}")

_CONNECTING = frozenset(
    {"acquire_connection", "connect", "connect_check_health", "ensure_connection", "get_connection", "initialize"}
    | {"on_connect", "on_connect_check_health"}
)
"""Functions of redis-py that make a connection, or ask a cluster for its nodes, before a command is sent."""


@dataclass(frozen=True)
class Sender:
    """Sender of a store's commands.

    Attributes:
        place: Name of the server in errors.
        tries_once: Whether a command is sent at most once. Where a client tries again by itself, the last error may
            hide an attempt that was executed.
        cluster: Whether it is a cluster's, which may have another node that takes over for one that failed.
        timeout: Seconds that an operation may take.
    """

    place: str
    tries_once: bool
    cluster: bool
    timeout: float


def is_refused(error: RedisError) -> bool:
    """Return whether a server refused a connection, as it has as many as it allows."""
    return _REFUSED in str(error)


def explain(error: Exception, command: Command[Any], sender: Sender) -> Failure:
    """Return the meaning of an exception that a command ended in."""
    place = sender.place
    hidden = command.writes and not sender.tries_once
    text = str(error)
    name = type(error).__name__
    if isinstance(error, _DENIED) or isinstance(error.__cause__, _DENIED):
        return _refused(f"{place} refused the user name or the password: {text}", hidden)
    if isinstance(error, _NOT_NOW) or _NOT_NOW_CODES.search(text):
        hint = ": connect to its primary" if isinstance(error, ReadOnlyError) or "READONLY" in text else ""
        message = f"{place} cannot do {command.name} now ({text}){hint}"
        return Failure(StoreUnavailableError(message, may_have_happened=hidden), transient=True)
    if isinstance(error, (InvalidResponse, ValueError)):
        message = f"{place} gave an answer that is not Redis's ({name}): is it a Redis server, and its port?"
        return Failure(StoreUnavailableError(message, may_have_happened=command.writes))
    if isinstance(error, MaxConnectionsError) or _NONE_FREE.search(text):
        # Nothing was sent over a connection that was not there, but a client may have lost another one before.
        message = f"no connection to {place} is free ({text or name}): allow more connections"
        return Failure(StoreUnavailableError(message, may_have_happened=hidden), transient=True)
    if isinstance(error, UNREACHABLE):
        unsent = _is_unsent(error)
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in chain(error)):
            message = (
                f"{place} has no certificate that is valid here ({text or name}): see ssl_ca_certs, and"
                " ssl_check_hostname=false if it is meant for another host"
            )
        elif unsent:
            message = f"{place} cannot be reached ({text or name}): check the address, and that the server runs"
        else:
            message = f"{place} cannot be reached, or did not answer in {sender.timeout:g} s ({name}): see timeout"
        may_have_happened = command.writes and not (sender.tries_once and unsent)
        transient = sender.cluster and not isinstance(error, RedisClusterException)
        return Failure(StoreUnavailableError(message, may_have_happened=may_have_happened), transient=transient)
    full = isinstance(error, OutOfMemoryError) or _FULL_CODES.search(text)
    hint = ": the server has no room left" if full else ""
    return _refused(f"{place} refused {command.name} ({text}){hint}", hidden and bool(full))


def _refused(message: str, may_have_happened: bool) -> Failure:  # noqa: FBT001 - there are two kinds
    if may_have_happened:
        message = f"{message}; the client may have sent it before, and had no reply"
        return Failure(StoreUnavailableError(message, may_have_happened=True))
    return Failure(StoreError(message), final=True)


def _is_unsent(error: BaseException) -> bool:
    """Return whether a command failed before it was sent.

    The driver's errors do not say so, but their tracebacks do: they come from where a connection is made. The same must
    hold for the errors that led to them, as a cluster client that lost a command may fail again while it looks for
    other nodes. Where an operation's own time limit ended it, the cancellation has the traceback; before Python 3.11, a
    cancellation of asyncio's own comes before it, which the driver did not see.
    """
    raised = [each for each in chain(error) if each.__traceback__ is not None]
    lost = [each for each in raised if isinstance(each, UNREACHABLE)]
    cancelled = [each for each in raised if isinstance(each, asyncio.CancelledError) and _passed_through(each)]
    ends = [_passed_through(each) for each in lost or cancelled[:1]]
    return bool(ends) and not any(map(_CONNECTING.isdisjoint, ends))


def _passed_through(error: BaseException) -> set[str]:
    """Return the names of redis-py's functions that an error passed through."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return {
        frame.f_code.co_name for frame in frames if frame.f_globals.get("__name__", "").partition(".")[0] == "redis"
    }
