"""Checks of a Redis or Valkey server, or of a cluster of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import AuthenticationError

from sessionkit_integrations.cli.checks import Check, ok, redis_info, trial, unusable, warn
from sessionkit_integrations.cli.checks.redis_rights import RIGHTS, rights
from sessionkit_integrations.cli.checks.servers import clock
from sessionkit_integrations.errors import StoreError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sessionkit_integrations.cli.checks.redis_info import Fields
    from sessionkit_integrations.sessions.manager import SessionManager
    from sessionkit_integrations.stores.redis.scripted import ScriptedStore

_NOT_TOLD = "could not be checked, as {} is not allowed here"


def run(sessions: SessionManager, store: ScriptedStore) -> Iterator[Check]:
    """Check a server, or all primaries of a cluster."""
    try:
        nodes = store.nodes()
    except StoreError as error:
        yield unusable("connection", str(error))
        return
    try:
        store.read(trial.session_id())
    except StoreError as error:
        # The checks below know better what is refused for other reasons.
        if isinstance(error, StoreUnavailableError) or isinstance(error.__cause__, AuthenticationError):
            yield unusable("connection", str(error))
            return
    yield ok("connection", "the server answers" if len(nodes) == 1 else f"{len(nodes)} primaries answer")
    try:
        found = list(_together([(node, list(_of_node(store, node))) for node in nodes]))
    except StoreUnavailableError as error:
        yield unusable("connection", str(error))
        return
    yield from found
    # If rights are missing, a trial would leave half of its session behind.
    if not any(check.unusable or (check.check == RIGHTS and check.status == "fail") for check in found):
        yield trial.run(sessions)


def _together(found: Sequence[tuple[Any, list[Check]]]) -> Iterator[Check]:
    """Yield checks that all nodes have in common once, and the others with the names of their nodes."""
    places: dict[Check, list[str]] = {}
    for node, checks in found:
        for check in checks:
            places.setdefault(check, []).append(str(getattr(node, "name", "")))
    for check, names in places.items():
        if len(names) == len(found):
            yield check
        else:
            yield Check(check.check, check.status, f"{', '.join(names)}: {check.text}", check.unusable)


def _of_node(store: ScriptedStore, node: Any) -> Iterator[Check]:
    info = _fields(lambda: store.ask("INFO", node=node))
    role = None if info is None else redis_info.role(info)
    if role is not None and role.unusable:
        yield role
        return
    yield from rights(store, node)
    if info is None or role is None:
        for name in ("version", "role", "eviction", "persistence"):
            yield Check(name, "warn", _NOT_TOLD.format("INFO"))
    else:
        yield redis_info.version(info)
        yield role
        yield redis_info.eviction(info, expires=store.ttl is not None)
        yield from redis_info.persistence(info, _settings(store, node))
    if node is not None:
        state = _fields(lambda: store.ask("CLUSTER", "INFO", node=node))
        yield warn("cluster", _NOT_TOLD.format("CLUSTER INFO")) if state is None else redis_info.cluster(state)
    elif info is not None and info.get("cluster_enabled") == "1":
        yield unusable("cluster", "this is a node of a cluster: its URL begins with redis+cluster:// (or rediss+)")
    yield clock(store, node)


def _settings(store: ScriptedStore, node: Any) -> Fields | None:
    settings: Fields = {}
    for name in ("save", "appendfsync"):  # several at once are for Redis 7
        found = _fields(lambda name=name: store.ask("CONFIG", "GET", name, node=node))  # type: ignore[misc]
        if found is None:
            return None
        settings |= found
    return settings


def _fields(ask: Callable[[], Any]) -> Fields | None:
    try:
        return redis_info.fields_of(ask())
    except StoreUnavailableError:
        raise
    except StoreError:
        return None  # forbidden, or renamed, as managed servers do
