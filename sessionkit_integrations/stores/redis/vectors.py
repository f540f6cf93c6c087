"""Vectors of texts for the query engine of Redis, and the commands that write and find them, with no I/O.

A vector has a hash, ``{sessionkit:user123}:vectors:<mark of the model>:<digest of the text>``, in the session's slot. A
set, ``{sessionkit:user123}:vectors``, has the names of a session's vectors. Each model has an index of its own. The
documents of a session say which model has seen it since they were written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from sessionkit_integrations.records.record import now
from sessionkit_integrations.stores.redis import replies
from sessionkit_integrations.stores.redis.commands import SCAN_COUNT, Command, scan_page
from sessionkit_integrations.stores.redis.documents import UNREAD, Key, field_of, has_colons_of, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.stores.redis.commands import Word
    from sessionkit_integrations.stores.redis.keys import Keys

VERSION = 1
"""Version of the vectors and of their index: another one has an index of its own."""
BYTES_OF_NUMBER = 4
"""Bytes of a number of a vector."""
_IN_KEY = "}:vectors:"
_DIGITS = 16


def mark_of(model: str) -> str:
    """Return what stands for a model in keys and queries."""
    return "m" + hashlib.sha1(model.encode(), usedforsecurity=False).hexdigest()[:_DIGITS]


def name_of(model: str, digest: bytes) -> str:
    """Return the name of the vector of a text within its session."""
    return f"{mark_of(model)}:{digest.hex()}"


def index_name(keys: Keys, model: str) -> str:
    """Return the name of the index of the vectors of a model."""
    return f"{_beginning(keys)}{quote(model, safe='')}"


def list_models(keys: Keys) -> Command[list[str]]:
    """Return the command for the models that the vectors of a prefix are of."""

    def read_reply(reply: object) -> list[str]:
        names = (replies.text(each).decode(errors="replace") for each in replies.items(reply))
        quoted = (name.removeprefix(_beginning(keys)) for name in names if name.startswith(_beginning(keys)))
        return [unquote(each.partition("{")[0]) for each in quoted if ":" not in each]

    return Command("FT._LIST", (), (), read_reply)


def create(keys: Keys, name: str, model: str, length: int) -> Command[None]:
    """Return the command that makes an index.

    Args:
        keys: The keys of the prefix.
        name: The index.
        model: The model.
        length: How many numbers its vectors have.
    """
    beginning = f"{_IN_KEY}{mark_of(model)}:"
    condition = f"contains(@__key, '{beginning}') == 1"
    if not keys.raw_ids:
        condition = f"{condition} && {has_colons_of(keys.prefix + beginning)}"
    # Vectors have length 1, so that their inner product is their cosine.
    field = ("v", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", length, "DISTANCE_METRIC", "IP")
    args = ("ON", "HASH", "PREFIX", 1, f"{{{keys.prefix}", "FILTER", condition, "SCHEMA", *field)
    return Command("FT.CREATE", (), (name, *args), lambda _reply: None)


def index_models(words: str) -> Command[None]:
    """Return the command that lets the index of words find what a model has not seen; it is refused if it does."""
    return Command("FT.ALTER", (), (words, "SCHEMA", "ADD", "model", "TAG", "INDEXMISSING"), lambda _reply: None)


def drop(name: str) -> Command[None]:
    """Return the command that deletes an index with its vectors."""
    return Command("FT.DROPINDEX", (), (name, "DD"), lambda _reply: None)


def list_seen(words: str) -> Command[list[str]]:
    """Return the command for the marks of the models that have seen documents."""

    def read_reply(reply: object) -> list[str]:
        marks = reply if isinstance(reply, (set, frozenset)) else replies.items(reply)
        return sorted(replies.text(each).decode(errors="replace") for each in marks)

    return Command("FT.TAGVALS", (), (words, "model"), read_reply)


def find_unseen(
    keys: Keys, words: str, others: Sequence[str] | None, skip: int, limit: int, timeout: float
) -> Command[tuple[int, list[Key]]]:
    """Return the command for documents that a model has not seen: the number of them on a page, and their keys.

    Args:
        keys: The keys of the prefix.
        words: The index of words.
        others: The marks of the other models that have seen documents; ``None`` if no model has, so that all are found.
        skip: Number of documents to pass over.
        limit: Most documents on the page.
        timeout: Seconds that the engine may take.
    """

    def read_reply(reply: object) -> tuple[int, list[Key]]:
        found = [key for key, _ in _found(reply, has_content=False)]
        return len(found), [key for key in (key_of(keys, text) for text in found) if key is not None]

    seen_by_others = [f"@model:{{{'|'.join(others)}}}"] if others else []
    asked = "" if others is None else f" ({'|'.join(['ismissing(@model)', *seen_by_others])})"
    query = f'-@words:("{UNREAD}"){asked}'
    args = (words, query, "NOCONTENT", "LIMIT", skip, limit, "TIMEOUT", round(timeout * 1000), "DIALECT", 2)
    return Command("FT.SEARCH", (), args, read_reply)


def find_nearest(
    keys: Keys, name: str, question: bytes, limit: int, timeout: float
) -> Command[list[tuple[float, str]]]:
    """Return the command for the vectors that are nearest to a question's: their cosines and sessions.

    Args:
        keys: The keys of the prefix.
        name: The index.
        question: The vector of the question.
        limit: Number of vectors to find.
        timeout: Seconds that the engine may take.
    """

    def read_reply(reply: object) -> list[tuple[float, str]]:
        read = ((distance, _session_of(keys, key)) for key, distance in _found(reply, has_content=True))
        return [(1 - float(distance), session_id) for distance, session_id in read if session_id is not None]

    query = (f"*=>[KNN {limit} @v $question AS distance]", "PARAMS", 2, "question", question, "SORTBY", "distance")
    options = ("RETURN", 1, "distance", "LIMIT", 0, limit, "TIMEOUT", round(timeout * 1000), "DIALECT", 2)
    return Command("FT.SEARCH", (), (name, *query, *options), read_reply)


def known(keys: Keys, session_id: str, names: Sequence[str]) -> Command[list[bytes | None]]:
    """Return the command for vectors of a session, given their names; ``None`` for those that there are none of."""

    def read_reply(reply: object) -> list[bytes | None]:
        return [None if each is None else replies.text(each) for each in replies.items(reply, len(names))]

    return Command("vectors", keys.all_of(session_id), tuple(names), read_reply, is_script=True, binary=True)


def keep(keys: Keys, session_id: str, vectors: Mapping[str, bytes]) -> Command[None]:
    """Return the command that keeps vectors of a session, given by their names."""
    args: list[Word] = [now()]
    for name, vector in vectors.items():
        args += (name, vector)
    return Command("keep_vectors", keys.all_of(session_id), tuple(args), _done, is_script=True, writes=True)


def states(keys: Keys, session_ids: Sequence[str]) -> Command[dict[str, str]]:
    """Return the command for the states of sessions; of those that ended it deletes the vectors."""

    def read_reply(reply: object) -> dict[str, str]:
        texts = [replies.text(each).decode() for each in replies.items(reply, len(session_ids))]
        return {session_id: text for session_id, text in zip(session_ids, texts, strict=True) if text}

    touched = tuple(key for session_id in session_ids for key in keys.all_of(session_id))
    return Command("states", touched, (), read_reply, is_script=True, writes=True)


def mark(
    keys: Keys, session_id: str, state: str, model: str, numbers: Sequence[int], digests: Sequence[bytes]
) -> Command[None]:
    """Return the command that notes in the documents of a session that a model has seen all of it.

    Args:
        keys: The keys of the prefix.
        session_id: The session.
        state: Its state before that.
        model: The model.
        numbers: Numbers of documents that were found.
        digests: The digests of its texts; the vectors of others are deleted.
    """
    names = "".join(f"{name_of(model, digest)}," for digest in digests)
    args = (state, mark_of(model), "".join(f"{number}," for number in numbers), names)
    return Command("mark", keys.all_of(session_id), args, _done, is_script=True, writes=True)


def scan(keys: Keys, cursor: int) -> Command[tuple[int, list[str]]]:
    """Return the command for one page of the sessions that have vectors, and the next cursor."""

    def read_reply(reply: object) -> tuple[int, list[str]]:
        following, found = scan_page(reply)
        read = (_session_of(keys, f"{key}:") for key in found)
        return following, [session_id for session_id in read if session_id is not None]

    return Command("SCAN", (), (cursor, "MATCH", keys.pattern, "COUNT", SCAN_COUNT, "TYPE", "set"), read_reply)


def _beginning(keys: Keys) -> str:
    return f"{keys.prefix}vectors:{VERSION}:"


def _session_of(keys: Keys, key: str) -> str | None:
    list_key, separator, _ = key.rpartition(_IN_KEY)
    return keys.session_of(list_key.removeprefix("{")) if separator else None


def _found(reply: object, *, has_content: bool) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a reply and the field of each that was asked for, of either protocol."""
    if isinstance(reply, Mapping):
        for each in replies.items(field_of(reply, "results")):
            key = replies.text(field_of(each, "id")).decode(errors="replace")
            yield key, field_of(field_of(each, "extra_attributes"), "distance") if has_content else None
        return
    _, *flat = replies.items(reply)
    values = iter(flat)
    for each in values:
        yield replies.text(each).decode(errors="replace"), replies.items(next(values), 2)[1] if has_content else None


def _done(reply: object) -> None:
    replies.number(reply)
