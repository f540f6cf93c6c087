"""Operations on Redis as values: what to send and how to read the reply, with no I/O.

Each function here builds the `Command` of one operation, and a transport (`store.py`, `upstash.py`) only runs it.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sessionkit_integrations.records.record import Record, now, role_of
from sessionkit_integrations.records.times import moment
from sessionkit_integrations.stores.redis import replies
from sessionkit_integrations.stores.redis.extras import read_extras, refusal, words_for, words_of
from sessionkit_integrations.stores.state import conflict
from sessionkit_integrations.stores.values import Appended, SessionInfo
from sessionkit_integrations.window.turns import NO_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.stores.limits import Claim
    from sessionkit_integrations.stores.redis.keys import Keys
    from sessionkit_integrations.stores.values import Edit
    from sessionkit_integrations.window.turns import Window

T = TypeVar("T")
Word = str | bytes | int
"""Part of a command."""

SCAN_COUNT = 1000
"""Keys that the server looks at for each page of a listing."""

_LETTERS = {"system": "s", "user": "u"}


_FIGURES = 11
"""Numbers in a session's description, before its extras."""

_WAITING = 2**26
"""Number by which an append tells a turn that waits for a summary, beside the turns that left."""

_REFUSED = _WAITING - 1
"""Number by which it tells that whoever reads does not open what would be returned."""

_KEEP, _WAIT, _READ = 1, 2, 4
_CLEAR = 4
"""Flags of the scripts."""

_BEFORE_WRITE = "local CHANNEL = table.remove(ARGV)\nlocal function write()\n"
"""Begins the script of a write that notifies; `notify.lua` ends it."""

_KNOW_VECTORS = frozenset({"delete", "exchange", "keep_vectors", "mark", "replace", "states", "vectors"})
"""Scripts that look after the vectors of sessions."""

_PAGE = 2
"""Parts of a page of SCAN: the next cursor, and the keys."""


@dataclass(frozen=True)
class Script:
    """A Lua script and the digest by which a server caches it."""

    text: str

    @cached_property
    def digest(self) -> str:
        """The SHA-1 of the text, in hexadecimal."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True)  # not frozen: each operation makes one, and that would take three times as long
class Command(Generic[T]):
    """One operation on a server.

    Attributes:
        name: The Redis command, or the name of one of our scripts.
        keys: The keys it touches.
        args: The words after them.
        read_reply: Turns the reply into the result, or raises `UnexpectedReplyError`.
        is_script: Whether ``name`` is a script.
        writes: Whether it changes anything.
        fenced: Whether the script is refused to those who lost their turn.
        notifies: Whether the script tells those who watch.
        binary: Whether the reply of the script holds bytes that are no text.
    """

    name: str
    keys: tuple[str, ...]
    args: tuple[Word, ...]
    read_reply: Callable[[Any], T]
    is_script: bool = False
    writes: bool = False
    fenced: bool = False
    notifies: bool = False
    binary: bool = False


def append(
    keys: Keys,
    session_id: str,
    records: Sequence[Record],
    window: Window,
    operation_id: str,
    *,
    ttl: int | None,
    archive: bool,
    names_all: bool = False,
    wait: bool = False,
    read: bool = False,
    usage: tuple[Usage, ...] = (),
    quota: Claim | None = None,
    opens: tuple[str, ...] | None = (),
) -> Command[Appended]:
    """Return the command for `Store.append`; ``ttl`` is in milliseconds.

    ``names_all`` is true on a server where a script may touch no key that is not named.
    """

    def read_reply(reply: object) -> Appended:
        number, returned = (reply, None) if type(reply) is int else replies.outcome(reply)
        if number < 0:
            raise refusal(number, window, quota)
        waiting_turns, evicted = divmod(number, _WAITING)
        if evicted == _REFUSED:
            return Appended(refused=returned)
        return Appended(evicted, waiting_turns, returned)

    turns, trigger = (NO_LIMIT, NO_LIMIT) if window.turns is None else (window.turns, window.trigger_turns)
    flags = _KEEP * archive + _WAIT * wait + _READ * read
    settings = f"{now()} {turns} {trigger} {window.max_turn_messages} {ttl or 0} {flags} {_letters(records)}"
    if window.tokens is not None:
        settings += f" {window.tokens} {window.trigger_tokens}"
    settings += words_for(usage, quota, opens)
    # While a slot of a cluster moves to another node, a command may name only keys that exist; most have no archive.
    # The script finds the archive's key by itself if it needs one all the same.
    touched = keys.all_of(session_id) if archive or ttl or wait or names_all else keys.all_of(session_id)[:2]
    return Command("append", touched, (operation_id, settings, *records), read_reply, is_script=True, writes=True)


def replace(
    keys: Keys,
    session_id: str,
    edit: Edit,
    expected: str | None,
    operation_id: str,
    *,
    ttl: int | None,
    archive: bool,
    staged: int = 0,
) -> Command[None]:
    """Return the command for `Store.replace`; ``ttl`` is in milliseconds, ``staged`` as `words_of` says."""
    records = (*(edit.active or ()), *edit.evicted, *edit.archive)
    settings: tuple[Word, ...] = (
        operation_id,
        now(),
        ttl or 0,
        expected or "",
        _KEEP * archive + _WAIT * edit.wait + _CLEAR * edit.clear_archive,
        -1 if edit.active is None else len(edit.active),
        len(edit.evicted),
        _letters(records),
        words_of(edit, staged),
    )
    args = (*settings, *records)
    touched = (*keys.all_of(session_id), *([keys.staged(session_id, operation_id)] if staged else []))
    return Command("replace", touched, args, raise_conflict, is_script=True, writes=True)


def delete(keys: Keys, session_id: str, operation_id: str) -> Command[None]:
    """Return the command for `Store.delete`; by ``operation_id`` the server knows if it was sent before."""
    args = (operation_id, now())
    return Command("delete", keys.all_of(session_id), args, done, is_script=True, writes=True)


def describe(keys: Keys, session_id: str) -> Command[SessionInfo | None]:
    """Return the command for `Store.describe`."""

    def read_reply(reply: object) -> SessionInfo | None:
        if reply is None:
            return None
        *numbers, extras = replies.items(reply, _FIGURES + 1)
        figures = map(replies.number, numbers)
        forked_from, usage, levels = read_extras(replies.text(extras).decode(errors="replace"))
        turns, messages, archived, appended, created, updated, left, tokens, *waiting, summarized = figures
        return SessionInfo(
            turns,
            messages,
            archived,
            appended=None if appended < 0 else appended,
            created=_time(created),
            updated=_time(updated),
            expires=None if left < 0 else _time(now() + left),
            tokens=tokens if tokens > 0 else None,
            waiting=waiting[0],
            waiting_turns=waiting[1],
            summarized=summarized,
            forked_from=forked_from,
            usage=usage,
            levels=levels,
        )

    return Command("describe", keys.all_of(session_id), (now(),), read_reply, is_script=True)


def lease(keys: Keys, session_id: str, name: str, holder: str, seconds: float) -> Command[bool]:
    """Return the command for `Store.lease`."""
    touched = (*keys.all_of(session_id), keys.lease(session_id, name))
    args = (holder, round(seconds * 1000))
    return Command("lease", touched, args, lambda reply: replies.number(reply) > 0, is_script=True, writes=True)


def scan(keys: Keys, cursor: int) -> Command[tuple[int, list[str]]]:
    """Return the command for one page of `Store.sessions`: the next cursor, and ids of which some may repeat."""

    def read_reply(reply: object) -> tuple[int, list[str]]:
        following, found = scan_page(reply)
        ids = map(keys.session_of, found)
        return following, [session_id for session_id in ids if session_id is not None]

    return Command("SCAN", (), (cursor, "MATCH", keys.pattern, "COUNT", SCAN_COUNT, "TYPE", "list"), read_reply)


def words(command: Command[Any], *, by_text: bool, first_line: str = "") -> tuple[Word, ...]:
    """Return a command as the words to send.

    Args:
        command: The command.
        by_text: Whether a script is sent by its text, instead of by its digest.
        first_line: First line of a script, where a server wants one.
    """
    if not command.is_script:
        return (command.name, *command.keys, *command.args)
    text = script(command.name, first_line, fenced=command.fenced, notifies=command.notifies)
    verb, body = ("EVAL", text.text) if by_text else ("EVALSHA", text.digest)
    return (verb, body, len(command.keys), *command.keys, *command.args)


@cache
def script(name: str, first_line: str = "", *, fenced: bool = False, notifies: bool = False) -> Script:
    """Return one of the package's scripts.

    Args:
        name: Name of its file in ``lua/``, without the ending.
        first_line: Its first line, where a server wants one.
        fenced: Whether it is one of a write inside a turn.
        notifies: Whether it tells those who watch.
    """
    folder = files("sessionkit_integrations.stores.redis").joinpath("lua")
    parts = ("common", *("fence",) * fenced, *("vectors_of",) * (name in _KNOW_VECTORS), name)
    first, *rest = (folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in parts)
    if notifies:
        rest = [_BEFORE_WRITE, *rest, "end\n", folder.joinpath("notify.lua").read_text(encoding="utf-8")]
    return Script("".join([first_line, first, *rest]))


def _letters(records: Iterable[Record]) -> str:
    return "".join([_LETTERS.get(role_of(record), "o") for record in records])


def _time(at: int) -> datetime | None:
    try:
        return None if at < 0 else moment(at)
    except OverflowError:  # of a damaged meta
        return None


def scan_page(reply: object) -> tuple[int, list[str]]:
    """Return the next cursor and the keys of a page of SCAN; keys that are not UTF-8 are somebody else's."""
    page = replies.items(reply, _PAGE)
    cursor, keys = page[0], []
    for key in replies.items(page[1]):
        with suppress(UnicodeDecodeError):
            keys.append(replies.text(key).decode())
    return replies.number(int(cursor) if isinstance(cursor, (bytes, str)) and cursor.isdigit() else cursor), keys


def done(reply: object) -> None:
    """Check that a script, or a command that counts, did its work."""
    replies.number(reply)


def raise_conflict(reply: object) -> None:
    """Raise `ConflictError` if a script refused its work."""
    if not replies.number(reply):
        raise conflict()
