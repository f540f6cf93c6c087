"""Documents of records for the query engine of Redis, and the commands that write and find them, with no I/O.

A record has a hash, ``{sessionkit:user123}:words:17``, whose number `lua/common.lua` explains. It holds the words of
the record as `records.words` cuts them, the parts of those words, its time, and a mark by which it is known again. The
engine must neither cut words nor fold them again, and must take none of their characters for syntax. So punctuation of
ASCII, which is all that it takes for more than text, is written as characters of private use, and a word that is longer
than it takes as a digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from redis.crc import key_slot

from sessionkit_integrations.records.record import now, time_written
from sessionkit_integrations.records.search_texts import searched
from sessionkit_integrations.records.words import cut
from sessionkit_integrations.stores.redis import replies
from sessionkit_integrations.stores.redis.commands import SCAN_COUNT, Command, scan_page
from sessionkit_integrations.stores.values import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.redis.commands import Word
    from sessionkit_integrations.stores.redis.keys import Keys
    from sessionkit_integrations.stores.redis.placement import Slots
    from sessionkit_integrations.stores.terms import Terms

VERSION = 1
"""Version of the documents and of the index: another one has an index of its own."""
PART = 3
"""Characters of the parts of words that are indexed: a longer part is found where all of these in it are."""
WEIGHT_OF_PART = 0.5
"""Weight of a word inside a longer one beside 1 of a whole one."""
_LONGEST = 100
"""Bytes of a word that the engine takes as it is; of longer ones it finds none from 128 bytes on."""
_IN_KEY = "}:words:"
_SEPARATOR = "\x1e"
_PUNCTUATION = {code: 0xE000 + code for code in range(0x80) if not chr(code).isalnum()}
_NO_TIME = -1
_OF_DIGEST = "\ue000"
UNREAD = "\ue000unread"
"""The only word of a document whose record could not be read, as it is encrypted or damaged; see
`lua/exchange.lua`."""
_WEIGHT_OF_UNREAD = 10**12
"""Weight by which such documents are found before all others."""
_LEAST_OF_UNREAD = 10**4
"""Score that others never come to."""


class Key(NamedTuple):
    """Key of a document, read.

    Attributes:
        session_id: The session.
        number: The number of the record.
    """

    session_id: str
    number: int


class Found(NamedTuple):
    """A document that the engine found.

    Attributes:
        key: Its key.
        score: The engine's score.
    """

    key: Key
    score: float

    @property
    def is_unread(self) -> bool:
        """True if its record could not be read."""
        return self.score > _LEAST_OF_UNREAD


class Where(NamedTuple):
    """The place of a record.

    Attributes:
        position: Its position in the archive, or among the active records.
        archived: Whether it is in the archive.
    """

    position: int
    archived: bool


def document(record: Record) -> str:
    """Return the document of a record, as scripts take it; an empty text if it has no words."""
    found = searched(record)
    if found is None:
        at = time_written(record)
        return _SEPARATOR.join((UNREAD, "", str(_NO_TIME if at is None else at)))
    words = [word for text in found.texts for word in cut(text)]
    if not words:
        return ""
    parts = dict.fromkeys(part for word in dict.fromkeys(words) if len(word) > PART for part in _parts_of(word))
    at = _NO_TIME if found.at is None else found.at
    return _SEPARATOR.join((" ".join(map(_written, words)), " ".join(parts), str(at)))


def index_name(keys: Keys) -> str:
    """Return the name of the index of a prefix."""
    return f"{keys.prefix}words:{VERSION}"


def of_slots(name: str, slots: Slots | None) -> str:
    """Return the name of an index.

    Args:
        name: Its name on a server.
        slots: The slots of the node of a cluster that is to have it, where the engine takes the name for a key.
    """
    if slots is None:
        return name
    tags = (f"{name}{{{number}}}" for number in count())
    return next(tag for tag in tags if any(first <= key_slot(tag.encode()) <= last for first, last in slots.ranges))


def takes_key(keys: Keys) -> Command[bool]:
    """Return the command that asks if the engine takes the name of an index for a key; it is refused if not.

    Then an index is of one node of a cluster, the one that has the slot of its name. Else each node has the engine find
    what is on all of them.
    """
    return Command("COMMAND GETKEYS", (), ("FT.SEARCH", index_name(keys), "*"), bool)


def create(keys: Keys, name: str) -> Command[None]:
    """Return the command that makes the index of a prefix, of the documents that there are as well.

    A prefix may begin with another one. Session ids have no colons in keys, so that their number tells the two apart.
    """
    only_own = () if keys.raw_ids else ("FILTER", has_colons_of(f"{keys.prefix}{_IN_KEY}"))
    fields = ("words", "TEXT", "NOSTEM", "parts", "TAG", "SEPARATOR", " ", "CASESENSITIVE", "at", "NUMERIC")
    args = ("ON", "HASH", "PREFIX", 1, f"{{{keys.prefix}", *only_own, "STOPWORDS", 0, "SCHEMA", *fields)
    return Command("FT.CREATE", (), (name, *args), lambda _reply: None)


def has_colons_of(text: str) -> str:
    """Return the condition of an index that a key has as many colons as a text."""
    return f"contains(@__key, ':') == {text.count(':')}"


def is_being_made(name: str) -> Command[bool]:
    """Return the command that asks if the engine still reads documents that were there before the index."""

    def read_reply(reply: object) -> bool:
        if not isinstance(reply, Mapping):
            pairs = iter(replies.items(reply))
            reply = dict(zip(map(replies.text, pairs), pairs, strict=False))
        return int(field_of(reply, "indexing")) > 0

    return Command("FT.INFO", (), (name,), read_reply)


def search(
    keys: Keys, name: str, terms: Terms, since: int | None, skip: int, limit: int, timeout: float, *, unread: bool
) -> Command[list[Found]]:
    """Return the command that finds documents, the best first, and before them those that could not be read.

    Args:
        keys: The keys of the prefix.
        name: The index.
        terms: Any of these is to be found.
        since: The earliest time, in Unix milliseconds.
        skip: Number of documents to pass over.
        limit: Number of documents to find.
        timeout: Seconds after which the engine returns what it has found.
        unread: Whether to find documents as well whose records could not be read.
    """

    def read_reply(reply: object) -> list[Found]:
        read = ((key_of(keys, text), score) for text, score in _scored(reply))
        return [Found(key, float(score)) for key, score in read if key is not None]

    options = ("NOCONTENT", "WITHSCORES", "VERBATIM", "SCORER", "BM25STD", "LIMIT", skip, limit)
    limits = ("TIMEOUT", round(timeout * 1000), "DIALECT", 2)
    args = (name, expression(terms, since, unread=unread), *options, *limits)
    return Command("FT.SEARCH", (), args, read_reply)


def expression(terms: Terms, since: int | None, *, unread: bool) -> str:
    """Return what the engine is to find, in its own language.

    Args:
        terms: Any of these.
        since: The earliest time, in Unix milliseconds.
        unread: Whether to find documents as well whose records could not be read.
    """
    words = "|".join(f'"{_written(word)}"' for word in terms.words)
    clauses = [f"@words:({words})"]
    for part in terms.parts:
        inside = [f"@parts:{{{each}}}" for each in dict.fromkeys(_parts_of(part))]
        clauses.append(f"({' '.join(inside)})=>{{$weight:{WEIGHT_OF_PART / len(inside):.4f}}}")  # each counts
    clauses += [f'@words:("{_written(first)} {_written(second)}")' for first, second in terms.pairs]
    if unread:
        clauses.append(f'(@words:("{UNREAD}"))=>{{$weight:{_WEIGHT_OF_UNREAD}}}')
    said = "|".join(f"({clause})" for clause in clauses)
    return said if since is None else f"@at:[{since} +inf] ({said})"


def place(keys: Keys, numbers: Mapping[str, Sequence[int]]) -> Command[dict[Key, Where | None]]:
    """Return the command that says where records are now, given their numbers by session; ``None`` for what is gone."""

    def read_reply(reply: object) -> dict[Key, Where | None]:
        places: dict[Key, Where | None] = {}
        for (session_id, asked), text in zip(numbers.items(), replies.items(reply, len(numbers)), strict=True):
            found = replies.text(text).decode().split()
            for number, word in zip(asked, replies.items(found, len(asked)), strict=True):
                places[Key(session_id, number)] = None if word == "-" else Where(int(word[1:]), word[0] == "a")
        return places

    touched = tuple(key for session_id in numbers for key in keys.all_of(session_id))
    args = tuple("".join(f"{number}," for number in each) for each in numbers.values())
    return Command("place", touched, args, read_reply, is_script=True)


def index(keys: Keys, session_id: str, records: Sequence[Record], start: int, *, archived: bool) -> Command[bool]:
    """Return the command that writes the documents of records; its result is false if they are others by now."""
    settings: tuple[Word, ...] = (now(), "archived" if archived else "active", start, Snapshot(tuple(records)).version)
    args = (*settings, *map(document, records))

    def read_reply(reply: object) -> bool:
        return bool(replies.number(reply))

    return Command("index", keys.all_of(session_id), args, read_reply, is_script=True, writes=True)


def scan(keys: Keys, cursor: int) -> Command[tuple[int, list[Key]]]:
    """Return the command for one page of all documents: the next cursor, and keys of which some may repeat."""

    def read_reply(reply: object) -> tuple[int, list[Key]]:
        following, found = scan_page(reply)
        read = (key_of(keys, text) for text in found)
        return following, [key for key in read if key is not None]

    return Command("SCAN", (), (cursor, "MATCH", keys.pattern, "COUNT", SCAN_COUNT, "TYPE", "hash"), read_reply)


def key_of(keys: Keys, text: str) -> Key | None:
    """Return what the key of a document says; ``None`` for a key of somebody else."""
    list_key, separator, number = text.rpartition(_IN_KEY)
    session_id = keys.session_of(list_key.removeprefix("{")) if separator and number.isdecimal() else None
    return None if session_id is None else Key(session_id, int(number))


def _scored(reply: object) -> Iterator[tuple[str, Any]]:
    """Yield the keys and scores of a reply, of either protocol."""
    if isinstance(reply, Mapping):
        for each in replies.items(field_of(reply, "results")):
            yield replies.text(field_of(each, "id")).decode(errors="replace"), field_of(each, "score")
    else:
        _, *flat = replies.items(reply)
        pairs = iter(flat)
        for key, score in zip(pairs, pairs, strict=True):
            yield replies.text(key).decode(errors="replace"), score


def field_of(mapping: Mapping[Any, Any], name: str) -> Any:
    """Return what a reply has under a name.

    Raises:
        UnexpectedReplyError: It has nothing there.
    """
    for key in (name.encode(), name):
        if key in mapping:
            return mapping[key]
    raise replies.UnexpectedReplyError(f"the answer has no {name}")


@lru_cache(maxsize=8192)
def _parts_of(word: str) -> tuple[str, ...]:
    written = word.translate(_PUNCTUATION)
    return tuple(written[start : start + PART] for start in range(len(written) - PART + 1))


@lru_cache(maxsize=8192)
def _written(word: str) -> str:
    """Return a word as the engine has it."""
    written = word.translate(_PUNCTUATION)
    encoded = written.encode()
    return written if len(encoded) <= _LONGEST else _OF_DIGEST + hashlib.sha256(encoded).hexdigest()
