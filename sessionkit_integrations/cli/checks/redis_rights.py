"""Check of a Redis user's rights, tried out one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import NoPermissionError

from sessionkit_integrations.cli.checks import Check, fail, ok, trial, unusable, warn
from sessionkit_integrations.errors import StoreError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.stores.redis.scripted import ScriptedStore

RIGHTS = "rights"

_MILLISECONDS = 60_000
_NOTHING = "return 1"
_DIGEST = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"  # of that


def rights(store: ScriptedStore, node: Any) -> Iterator[Check]:
    """Check the rights to each command and key that sessions need.

    A server checks rights first, even before a cluster redirects, so that the keys need not be on the node.

    Raises:
        StoreUnavailableError: The server cannot do it now.
    """
    key, meta, archive = store.keys.all_of(trial.session_id())
    commands: list[tuple[str | int, ...]] = [
        ("EVAL", _NOTHING, 0),
        ("EVALSHA", _DIGEST, 0),
        ("RENAME", key, archive),  # there is none
        ("SET", key, "", "PX", _MILLISECONDS),
        # The rest is refused, as the key is not a list, and changes nothing.
        ("RPUSH", key, ""),
        ("LPUSH", key, ""),
        ("LPOP", key),
        ("RPOP", key),
        ("LRANGE", key, 0, -1),
        ("LTRIM", key, 0, -1),
        ("LLEN", key),
        ("GET", key),
        ("PTTL", key),
        ("PEXPIRE", key, _MILLISECONDS),
        ("EXISTS", key),
        ("PERSIST", archive),
        ("DEL", key),
        ("SCAN", 0, "MATCH", key, "COUNT", 1, "TYPE", "list"),
        ("GET", meta),
        ("LLEN", archive),
    ]
    denied = {words[0]: fault for words in commands if (fault := _fault(store, words, node))}
    names = [str(name).lower() for name, fault in denied.items() if "to access" not in fault]
    if names:
        grant = " ".join(f"+{name}" for name in names)
        yield fail(
            RIGHTS,
            f"the user may not use {', '.join(names)}: grant {grant}; a script that is stopped"
            " halfway leaves what it had done",
        )
    if len(names) < len(denied):
        prefix = store.keys.prefix
        yield unusable(
            RIGHTS,
            f"the user may not use some of the keys: grant ~{prefix}* ~{{{prefix}*}}:meta ~{{{prefix}*}}:archive",
        )
    if denied:
        return
    if _fault(store, ("LSET", key, 0, ""), node):  # there is none by now
        yield warn(RIGHTS, "the user may use all that sessions need but lset: grant +lset for sessionkit reseal")
    else:
        yield ok(RIGHTS, "the user may use all commands and keys that sessions need")


def _fault(store: ScriptedStore, words: tuple[str | int, ...], node: Any) -> str | None:
    try:
        store.ask(*words, node=node)
    except StoreUnavailableError:
        raise
    except StoreError as error:
        if isinstance(error.__cause__, NoPermissionError):
            return str(error.__cause__)
    return None
