"""Operations on Redis as values: what to send and how to read the reply, with no I/O.

Each function here builds the `Command` of one operation, and a transport
(`redis.py`, `upstash.py`) only runs it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sessionkit_integrations.records.record import Record, now, role_of
from sessionkit_integrations.stores.base import Appended, SessionInfo, Snapshot, moment
from sessionkit_integrations.stores.state import conflict
from sessionkit_integrations.window.turns import turn_too_long

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sessionkit_integrations.stores.base import Edit
    from sessionkit_integrations.stores.redis.keys import Keys
    from sessionkit_integrations.window.turns import Window

T = TypeVar("T")
Word = str | bytes | int
"""What a command is made of."""

SCAN_COUNT = 1000
"""How many keys the server looks at for each page of a listing."""

_LETTERS = {"system": "s", "user": "u"}


@dataclass(frozen=True)
class Script:
    """A Lua script and the digest by which a server caches it."""

    text: str

    @cached_property
    def digest(self) -> str:
        """The SHA-1 of the text, in hexadecimal."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Command(Generic[T]):
    """One operation on a server.

    Attributes:
        name: The Redis command, or the name of one of our scripts.
        keys: The keys it touches.
        args: What follows them.
        read_reply: Turns the reply into the result.
        is_script: Whether ``name`` is a script.
        writes: Whether it changes anything.
    """

    name: str
    keys: tuple[str, ...]
    args: tuple[Word, ...]
    read_reply: Callable[[Any], T]
    is_script: bool = False
    writes: bool = False


@dataclass(frozen=True)
class Slots:
    """The slots of one node of a cluster.

    Attributes:
        node_id: The node.
        ranges: Its slots, each range with its first and its last.
        moving: Whether one of them is on its way to another node, or from there.
    """

    node_id: str
    ranges: tuple[tuple[int, int], ...]
    moving: bool


def append(
    keys: Keys,
    session_id: str,
    records: Sequence[Record],
    window: Window,
    operation_id: str,
    *,
    ttl: int | None,
    archive: bool,
) -> Command[Appended]:
    """Return the command for `Store.append`; ``ttl`` is in milliseconds."""

    def read_reply(reply: int) -> Appended:
        if reply < 0:
            raise turn_too_long(window)
        return Appended(reply)

    settings = f"{now()} {window.turns} {window.max_turn_messages} {ttl or 0} {int(archive)} {_letters(records)}"
    # While a slot of a cluster moves to another node, a command may name only keys that exist; most have no archive.
    touched = keys.all_of(session_id) if archive or ttl else keys.all_of(session_id)[:2]
    return Command("append", touched, (operation_id, settings, *records), read_reply, is_script=True, writes=True)


def read(
    keys: Keys, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
) -> Command[Snapshot]:
    """Return the command for `Store.read`."""
    key = keys.archive(session_id) if archived else keys.active(session_id)
    # LRANGE names the last record, and a slice the one after it; before the first there is none.
    bounds = (1, 0) if stop == 0 else (start or 0, -1 if stop is None else stop - 1)
    return Command("LRANGE", (key,), bounds, _snapshot)


def replace(
    keys: Keys, session_id: str, edit: Edit, expected: str | None, operation_id: str, *, ttl: int | None
) -> Command[None]:
    """Return the command for `Store.replace`; ``ttl`` is in milliseconds."""
    active = edit.active or ()
    settings: tuple[Word, ...] = (
        operation_id,
        now(),
        ttl or 0,
        expected or "",
        -1 if edit.active is None else len(active),
        int(edit.clear_archive),
        _letters(active),
    )
    args = (*settings, *active, *edit.archive)
    return Command("replace", keys.all_of(session_id), args, _raise_conflict, is_script=True, writes=True)


def delete(keys: Keys, session_id: str, operation_id: str) -> Command[None]:
    """Return the command for `Store.delete`; by ``operation_id`` the server knows if it was sent before."""
    args = (operation_id, now())
    return Command("delete", keys.all_of(session_id), args, _nothing, is_script=True, writes=True)


def describe(keys: Keys, session_id: str) -> Command[SessionInfo | None]:
    """Return the command for `Store.describe`."""

    def read_reply(reply: Sequence[int] | None) -> SessionInfo | None:
        if reply is None:
            return None
        turns, messages, archived, appended, created, updated, left = reply
        return SessionInfo(
            turns,
            messages,
            archived,
            appended=None if appended < 0 else appended,
            created=_time(created),
            updated=_time(updated),
            expires=None if left < 0 else _time(now() + left),
        )

    return Command("describe", keys.all_of(session_id), (now(),), read_reply, is_script=True)


def scan(keys: Keys, cursor: int) -> Command[tuple[int, list[str]]]:
    """Return the command for one page of `Store.sessions`: the next cursor, and ids of which some may repeat."""

    def read_reply(reply: Any) -> tuple[int, list[str]]:
        following, found = reply
        ids = (keys.session_of(_text(key)) for key in found)
        return int(following), [session_id for session_id in ids if session_id is not None]

    return Command("SCAN", (), (cursor, "MATCH", keys.pattern, "COUNT", SCAN_COUNT, "TYPE", "list"), read_reply)


def slots() -> Command[Slots]:
    """Return the command that asks a node of a cluster for its slots; redis-py reads the reply."""

    def read_reply(nodes: Mapping[str, Mapping[str, Any]]) -> Slots:
        own = next(node for node in nodes.values() if "myself" in node["flags"])
        ranges = tuple((int(each[0]), int(each[-1])) for each in own["slots"])
        return Slots(own["node_id"], ranges, moving=bool(own["migrations"]))

    return Command("CLUSTER NODES", (), (), read_reply)


def words(command: Command[Any], *, whole: bool, first_line: str = "") -> tuple[Word, ...]:
    """Return a command as the words to send.

    Args:
        command: The command.
        whole: Whether a script is sent by its text, rather than by its digest.
        first_line: What a server wants to stand before a script.
    """
    if not command.is_script:
        return (command.name, *command.keys, *command.args)
    text = script(command.name, first_line)
    verb, body = ("EVAL", text.text) if whole else ("EVALSHA", text.digest)
    return (verb, body, len(command.keys), *command.keys, *command.args)


@cache
def script(name: str, first_line: str = "") -> Script:
    """Return one of the package's scripts.

    Args:
        name: Its file's name in ``lua/``, without the ending.
        first_line: What a server wants to stand before it.
    """
    folder = files("sessionkit_integrations.stores.redis").joinpath("lua")
    texts = [folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in ("common", name)]
    return Script("".join([first_line, *texts]))


def _letters(records: Iterable[Record]) -> str:
    return "".join(_LETTERS.get(role_of(record), "o") for record in records)


def _time(milliseconds: int) -> datetime | None:
    try:
        return None if milliseconds < 0 else moment(milliseconds)
    except OverflowError:  # of a damaged meta
        return None


def _nothing(_reply: object) -> None:
    return None


def _raise_conflict(reply: object) -> None:
    if not reply:
        raise conflict()


def _snapshot(reply: Iterable[bytes | str]) -> Snapshot:
    return Snapshot(tuple(Record(item if isinstance(item, bytes) else item.encode()) for item in reply))


def _text(key: bytes | str) -> str:
    # Keys of somebody else need not be UTF-8; what replaces their bytes makes them none of ours.
    return key if isinstance(key, str) else key.decode(errors="replace")
