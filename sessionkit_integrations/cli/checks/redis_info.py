"""Meaning of a Redis server's own figures for sessions: decisions, with no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.cli.checks import Check, fail, ok, unusable, warn
from sessionkit_integrations.stores.redis.placement import SLOT_COUNT

if TYPE_CHECKING:
    from collections.abc import Iterator

Fields = dict[str, str]

_LOWEST = (6, 2)


def fields_of(reply: Any) -> Fields:
    """Return the fields of a reply to INFO, CLUSTER INFO or CONFIG GET, in any of the shapes that drivers give it."""
    if isinstance(reply, Mapping):
        return {_text(name): _text(value) for name, value in reply.items()}
    if isinstance(reply, (list, tuple)):
        return {_text(name): _text(value) for name, value in zip(reply[::2], reply[1::2], strict=False)}
    lines = [line.partition(":") for line in _text(reply).splitlines()]
    return {name: value for name, _, value in lines}


def version(info: Fields) -> Check:
    """Check that a server is recent enough."""
    name = "Valkey" if "valkey_version" in info else "Redis"
    said = info.get("valkey_version") or info.get("redis_version", "")
    numbers = re.match(r"(\d+)\.(\d+)", info.get("redis_version", ""))
    if not numbers:
        return warn("version", "the server does not say its version; Redis 6.2 is the least that works")
    if (int(numbers[1]), int(numbers[2])) < _LOWEST:
        return unusable("version", f"{name} {said} is too old: the scripts need Redis 6.2 or later, or Valkey")
    return ok("version", f"{name} {said}")


def role(info: Fields) -> Check:
    """Check that a server is a primary."""
    if info.get("role") == "slave":
        primary = f"{info.get('master_host')}:{info.get('master_port')}"
        return unusable("role", f"this is a replica, which keeps nothing that is written to it: use {primary}")
    replicas = int(info.get("connected_slaves", "0"))
    if not replicas:
        return ok("role", "a primary without replicas")
    return ok("role", f"a primary with {replicas} replicas; a failover may lose the last moments")


def eviction(info: Fields, *, expires: bool) -> Check:
    """Check that a server deletes no sessions when its memory is full.

    Args:
        info: The server's reply to INFO.
        expires: True if the sessions have a time to live.
    """
    policy, most = info.get("maxmemory_policy"), info.get("maxmemory")
    if not policy:
        return warn(
            "eviction", "could not be checked, as the server does not tell: maxmemory-policy should be noeviction"
        )
    if policy == "noeviction":
        return ok("eviction", "nothing is deleted when the memory is full (noeviction); writes then fail")
    if policy.startswith("volatile") and not expires:
        return warn(
            "eviction",
            f"{policy} deletes sessions that have a ttl before their time when the memory is"
            " full; sessions of this URL have none",
        )
    if most == "0":
        return warn("eviction", f"{policy} would delete sessions, but no maxmemory is set: set noeviction first")
    return fail("eviction", f"{policy} deletes sessions when the memory is full: set maxmemory-policy to noeviction")


def persistence(info: Fields, settings: Fields | None) -> Iterator[Check]:
    """Check what a restart loses.

    Args:
        info: The server's reply to INFO.
        settings: The settings ``save`` and ``appendfsync``; ``None`` where the server does not tell them.
    """
    if "aof_enabled" not in info:
        yield warn("persistence", "could not be checked, as the server does not tell")
        return
    if info.get("aof_last_write_status", "ok") != "ok":
        yield fail("persistence", "the last write of the append-only file failed: see the server's log")
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        yield fail("persistence", "the last snapshot failed: see the server's log, and its disk")
    if info["aof_enabled"] == "1":
        yield _append_only(None if settings is None else settings.get("appendfsync"))
    elif settings is None:
        yield warn(
            "persistence",
            "there is no append-only file, and whether there are snapshots could not be"
            " checked, as CONFIG is not allowed here: a restart loses the last minutes, or all",
        )
    elif settings.get("save"):
        yield warn(
            "persistence",
            "there are only snapshots: a crash loses what came since the last one"
            f" (save {settings['save']}); set appendonly to yes",
        )
    else:
        yield fail(
            "persistence",
            "a restart loses all sessions: there is neither an append-only file nor a snapshot; set appendonly to yes",
        )


def cluster(state: Fields) -> Check:
    """Check that a cluster takes all sessions."""
    if state.get("cluster_state") != "ok":
        return unusable("cluster", f"the cluster is down: its state is {state.get('cluster_state')}")
    slots = state.get("cluster_slots_ok")
    if slots != str(SLOT_COUNT):
        return unusable("cluster", f"only {slots} of {SLOT_COUNT} slots are served: some sessions cannot be used")
    return ok("cluster", f"all {SLOT_COUNT} slots are served")


def _append_only(sync: str | None) -> Check:
    if sync == "always":
        return ok("persistence", "each write is on disk before it is answered (appendfsync always)")
    if sync == "everysec":
        return warn("persistence", "a crash loses up to one second (appendfsync everysec)")
    if sync == "no":
        return warn(
            "persistence", "a crash of the machine loses what its system had not written, some 30 s (appendfsync no)"
        )
    return warn(
        "persistence",
        "there is an append-only file; how much a crash loses, mostly one second, could"
        " not be checked, as CONFIG is not allowed here",
    )


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
