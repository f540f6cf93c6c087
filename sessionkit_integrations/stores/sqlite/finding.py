"""Records that the index of a file finds, best first.

Of each word the newest `MOST` records are looked at first, so that a search takes about as long however large the file
is. Rare words have fewer, and those that have more weigh little. Who pages on gets the others as well.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sessionkit_integrations.stores.sqlite.index import NUMBER, SESSION, UNREAD, ids_of
from sessionkit_integrations.stores.sqlite.sql import Statement
from sessionkit_integrations.stores.terms import Place, Places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sessionkit_integrations.stores.sqlite.sql import Statements
    from sessionkit_integrations.stores.terms import Terms

MOST = 1000
"""Records with a word that are looked at first."""

FEW = 50
"""Records with a word as a whole, from which on it is not looked for inside others at first."""

COMMON = 0.1
"""Share of all records in which a word is taken to be that more than `MOST` have."""

CLOSELY = 200
"""Records, the best ones, whose words are looked at, for pairs and parts and their number."""

WEIGHT_OF_PART = 0.5
"""Weight of a word inside a longer one, beside 1 of a whole one."""

K1 = 1.2
B = 0.75
"""Constants of BM25."""

USUAL_LENGTH = 80
"""Words of a record that is neither long nor short."""

AFAR = 0.1
"""Share of their scores that count of the records that are not looked at closely, so that they come last."""

CHUNK = 100
"""Records whose places one statement looks up."""

_EVERYTHING = -1
"""As a limit."""


@dataclass
class _Ranked:
    """Documents with their scores, the best first, and whether they are all that there are."""

    scores: list[tuple[int, float]]
    is_all: bool


class _Scope(NamedTuple):
    """The documents among which to look.

    Attributes:
        documents: Their number.
        since: The earliest time, in Unix milliseconds.
        ids: The first and the last id of one session's documents; ``None`` for all sessions.
    """

    documents: int
    since: int | None
    ids: tuple[int, int] | None = None


def find(
    terms: Terms, now: int, *, since: int | None, skip: int, limit: int, session_id: str | None = None
) -> Statements[Sequence[Place]]:
    """Do what `Store.find` says, among the records that are indexed."""
    scope = yield from _scope(since, session_id)
    if scope is None:
        return ()
    ranked = yield from _rank(terms, scope)
    places = yield from _places(ranked.scores, now, skip + limit)
    if len(places) < skip + limit and not ranked.is_all:
        seen = {document for document, _ in ranked.scores}
        rest = yield from _all(terms, scope)
        scores = [(document, 0.0) for document in sorted(rest - seen, reverse=True)]
        places += yield from _places(scores, now, skip + limit - len(places))
    return Places(places[skip:], complete=not (yield from _has_unread(scope, now)))


def _scope(since: int | None, session_id: str | None) -> Statements[_Scope | None]:
    """Return the documents among which to look; ``None`` if there is no such session."""
    if session_id is None:
        return _Scope((yield Statement("SELECT documents FROM search_version"))[0][0], since)
    rows = yield Statement(
        "SELECT id, archived + (SELECT count(*) FROM active WHERE session = id) FROM sessions WHERE session_id = ?",
        (session_id,),
    )
    return _Scope(rows[0][1], since, ids_of(rows[0][0])) if rows else None


def _has_unread(scope: _Scope, now: int) -> Statements[bool]:
    """Return whether records among which to look could not be read."""
    condition, values = _within(scope, "search_documents")
    rows = yield Statement(
        f"SELECT 1 FROM (SELECT {SESSION} AS session FROM search_documents WHERE {UNREAD}{condition}) AS unread"
        " JOIN sessions ON sessions.id = unread.session AND (expires_at IS NULL OR expires_at > ?) LIMIT 1",
        (*values, now),
    )
    return bool(rows)


def _rank(terms: Terms, scope: _Scope) -> Statements[_Ranked]:
    documents = scope.documents
    scores: dict[int, float] = defaultdict(float)
    weights: dict[str, float] = {}
    is_all = True
    for word in terms.words:
        found = yield from _with_words([word], scope, MOST + 1)
        is_common = len(found) > MOST
        weights[word] = _idf(max(len(found), documents * COMMON) if is_common else len(found), documents)
        is_all = is_all and not is_common
        for document in found[:MOST]:
            scores[document] += weights[word]
        if word in terms.parts and len(found) < FEW:
            inside = yield from _with_part(word, scope, MOST + 1)
            is_all = is_all and len(inside) <= MOST
            for document in inside[:MOST]:
                scores[document] += WEIGHT_OF_PART * weights[word]
        elif word in terms.parts:
            is_all = False
    best = sorted(scores.items(), key=lambda one: (-one[1], -one[0]))
    closely = {document for document, _ in best[:CLOSELY]}
    words = yield from _words_of(sorted(closely))
    again = [(document, _score(words.get(document, ""), terms, weights)) for document in closely]
    again.sort(key=lambda one: (-one[1], -one[0]))
    return _Ranked([*again, *((document, AFAR * score) for document, score in best[CLOSELY:])], is_all)


def _idf(found_in: float, documents: int) -> float:
    return math.log(1 + (max(documents - found_in, 0) + 0.5) / (found_in + 0.5))


def _score(words: str, terms: Terms, weights: Mapping[str, float]) -> float:
    """Return the score of a record by its words, as `search.ranking` has it for turns."""
    length = words.count(" ") - 1
    held_back = K1 * (1 - B + B * length / USUAL_LENGTH)

    def of(text: str, weight: float) -> float:
        count = words.count(text)
        return weight * count * (K1 + 1) / (count + held_back) if count else 0.0

    return math.fsum(
        (
            *(of(f" {word} ", weights[word]) for word in terms.words),
            *(of(part, WEIGHT_OF_PART * weights[part]) for part in terms.parts),
            *(of(f" {first} {second} ", max(weights[first], weights[second])) for first, second in terms.pairs),
            (f" {' '.join(terms.row)} " in words and len(terms.row)) * max(weights.values()),
        )
    )


def _all(terms: Terms, scope: _Scope) -> Statements[set[int]]:
    found = set((yield from _with_words(terms.words, scope, _EVERYTHING)))
    for part in terms.parts:
        found.update((yield from _with_part(part, scope, _EVERYTHING)))
    return found


def _with_words(words: Sequence[str], scope: _Scope, limit: int) -> Statements[list[int]]:
    asked = " OR ".join(map(_quoted, words))
    table = "search_words" if scope.since is None else "search_words JOIN search_documents ON id = search_words.rowid"
    return _documents(table, "search_words", asked, "", (), scope, limit)


def _with_part(part: str, scope: _Scope, limit: int) -> Statements[list[int]]:
    asked = " AND ".join(_quoted(part[start : start + 3]) for start in range(len(part) - 2))
    table = "search_parts JOIN search_documents ON id = search_parts.rowid"
    return _documents(table, "search_parts", asked, " AND instr(search_documents.words, ?)", (part,), scope, limit)


def _documents(
    table: str, index: str, asked: str, condition: str, values: tuple[object, ...], scope: _Scope, limit: int
) -> Statements[list[int]]:
    within, bounds = _within(scope, index)
    rows = yield Statement(
        f"SELECT {index}.rowid FROM {table} WHERE {index} MATCH ?{condition}{within}"
        f" ORDER BY {index}.rowid DESC LIMIT ?",
        (asked, *values, *bounds, limit),
    )
    return [row[0] for row in rows]


def _within(scope: _Scope, table: str) -> tuple[str, tuple[object, ...]]:
    """Return the condition of the documents among which to look, given the table that is asked, and its values."""
    condition, values = "", tuple[object, ...]()
    if scope.since is not None:
        condition, values = " AND (at IS NULL OR at >= ?)", (scope.since,)
    if scope.ids is not None:
        condition, values = f"{condition} AND {table}.rowid BETWEEN ? AND ?", (*values, *scope.ids)
    return condition, values


def _quoted(word: str) -> str:
    """Return a word as a text of a query, in which nothing is an operator."""
    return '"' + word.replace('"', '""') + '"'


def _words_of(documents: Sequence[int]) -> Statements[dict[int, str]]:
    marks = ", ".join("?" * len(documents))
    rows = yield Statement(f"SELECT id, words FROM search_documents WHERE id IN ({marks})", tuple(documents))
    return dict(rows)


def _places(scores: Sequence[tuple[int, float]], now: int, most: int) -> Statements[list[Place]]:
    """Return where documents are now, as many as are asked for, without those whose session expired."""
    places: list[Place] = []
    for chunk in _chunks(scores):
        if len(places) >= most:
            break
        rows = yield Statement(
            f"SELECT one.id, session_id, coalesce(archived.position - 1, (SELECT count(*) FROM active AS before"
            " WHERE before.session = one.session AND before.position < one.number)), archived.position IS NOT NULL"
            f" FROM (SELECT id, {SESSION} AS session, {NUMBER} AS number"
            f" FROM (SELECT column1 AS id FROM (VALUES {', '.join(['(?)'] * len(chunk))}))) AS one"
            " JOIN sessions ON sessions.id = one.session AND (expires_at IS NULL OR expires_at > ?)"
            " LEFT JOIN archived ON archived.session = one.session AND archived.number = one.number",
            (*(document for document, _ in chunk), now),
        )
        where = {document: (session_id, position, bool(archived)) for document, session_id, position, archived in rows}
        places += [Place(*where[document], score) for document, score in chunk if document in where]
    return places[:most]


def _chunks(scores: Sequence[tuple[int, float]]) -> Iterator[Sequence[tuple[int, float]]]:
    return (scores[start : start + CHUNK] for start in range(0, len(scores), CHUNK))
