"""Search: ours in all sessions and in one, beside those of the OpenAI Agents SDK and of langchain-redis.

Both of these search one session at a time: theirs of all sessions is a call for each. An identifier is in one turn,
words in a row are in as many as say them. Ours returns whole turns, ranked, with snippets; theirs returns messages.
"""

from __future__ import annotations

import itertools
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sessionkit_integrations import RedisStore, SessionManager, SQLiteStore
from tests.benchmarks import keep_langchain, keep_plain
from tests.benchmarks.keeping import deprecations_ignored, missing
from tests.benchmarks.lines import Line, Target, Versus, left_out, timed
from tests.benchmarks.measuring import in_turn, repeated
from tests.benchmarks.setting import WINDOW, turns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessionkit_integrations import Message
    from tests.benchmarks.measuring import Side
    from tests.benchmarks.setting import Setting, Turn

SQLITE = "SQLite: find turns"
REDIS = "Redis: find turns"
WRITE = "SQLite: write a turn, with an index and without"
ADVANCED = "AdvancedSQLiteSession"
AHEAD = Target("<", 1.0)
LARGE_TO_SMALL = Target("≤", 3.0)
INDEXED_TO_PLAIN = Target("≤", 1.6)
TURNS = 25
"""Turns of each session."""

PHRASE = 3
"""Words in a row that are looked for."""

MIN_LETTERS = 4
"""Letters of each of them, at least."""

STOP_WORDS = frozenset({"into", "such", "that", "their", "then", "there", "these", "they", "this", "will", "with"})
"""Longer words that RediSearch leaves out; it may crash on the queries that langchain-redis makes of them."""

BLOCK = 64
"""Writes that are timed together: after each 64 messages, one adds them to the index."""

PATIENCE = 600.0
"""Seconds that a search may take."""

INDEX: dict[str, Any] = {"search": True}
"""Options of a store that keeps an index."""


@dataclass(frozen=True)
class Sought:
    """A text that is looked for.

    Attributes:
        name: What the table calls it.
        text: The text.
        session_id: A session that has it.
    """

    name: str
    text: str
    session_id: str


async def sqlite(setting: Setting) -> list[Line]:
    """Return the lines of search on SQLite."""
    lines: list[Line] = []
    async with AsyncExitStack() as stack:
        small, large = (_conversations(number) for number in setting.sizes.found)
        kept = []
        for said in (small, large):
            store = SQLiteStore(setting.folder / f"found-{len(said)}.db", archive=True, **INDEX)
            kept.append(_filled(store, said, stack))
        if absent := missing(("openai-agents",)):
            lines.append(left_out(SQLITE, ADVANCED, absent))
        else:
            theirs = await _advanced(setting, large, stack)
        for sought in _sought(small):
            itself = Versus(f"itself, {_sessions(small)}", LARGE_TO_SMALL)
            others = {itself: _searching(kept[0], sought)}
            ours = _searching(kept[1], sought)
            of_one = _searching(kept[1], sought, sought.session_id)
            what = f"ours, {sought.name}, {_sessions(large)}"
            if not absent:
                others[Versus(ADVANCED, AHEAD)] = await _searching_advanced(theirs, sought, list(large))
            lines += await timed(SQLITE, what, ours, others, setting.sizes.searches)
            if not absent:
                alone = {Versus(ADVANCED, AHEAD): await _searching_advanced(theirs, sought, [sought.session_id])}
                what = f"ours, {sought.name}, one session of them"
                lines += await timed(SQLITE, what, of_one, alone, setting.sizes.searches)
    return lines


async def redis(setting: Setting) -> list[Line]:
    """Return the lines of search on Redis."""
    peer = keep_langchain.LANGCHAIN_REDIS
    if peer.missing:
        return [left_out(REDIS, peer.name, peer.missing)]
    setting.client.flushall()
    lines: list[Line] = []
    async with AsyncExitStack() as stack:
        said = _conversations(setting.sizes.found[0])
        kept = _filled(RedisStore(setting.url, archive=True, search=True), said, stack)
        histories = keep_langchain.langchain_redis_histories(setting, stack)
        for session_id, messages in said.items():
            histories(session_id).add_messages([keep_langchain.convert(message) for message in messages])
        for sought in _sought(said):
            for where, session_ids in ((_sessions(said), list(said)), ("one session of them", [sought.session_id])):
                ours = _searching(kept, sought, sought.session_id if len(session_ids) == 1 else None)
                found = partial(_in_histories, histories, session_ids, sought)
                if not any(sought.text in each["content"] for each in found()):
                    raise LookupError(f"{peer.name} did not find {sought.text!r}")
                what = f"ours, {sought.name}, {where}"
                lines += await timed(REDIS, what, ours, {Versus(peer.name, AHEAD): found}, setting.sizes.searches)
    return lines


async def write(setting: Setting) -> list[Line]:
    """Return the lines of writing with an index and without."""
    async with AsyncExitStack() as stack:
        sides: list[Side] = []
        for name, options in (("indexed", INDEX), ("plain", {})):
            sessions = SessionManager(WINDOW, SQLiteStore(setting.folder / f"{name}.db", archive=True, **options))
            stack.callback(sessions.close)
            keeper = keep_plain.ours(sessions)
            names = [f"{name}-{number}" for number in range(setting.sizes.written)]
            for session_id in names:
                await keeper.fill(session_id, turns(2 * WINDOW))
            sides.append(in_turn([keeper.writing(session_id, turns(100)) for session_id in names]))
        lines: list[Line] = []
        for what, number, effort in (
            ("a write", 1, setting.sizes.effort),
            (f"{BLOCK} writes, with the indexing that they set off", BLOCK, setting.sizes.blocks),
        ):
            indexed, plain = (repeated(side, number) for side in sides)
            versus = Versus("the same without an index", INDEXED_TO_PLAIN)
            lines += await timed(WRITE, f"ours, search=True, {what}", indexed, {versus: plain}, effort)
        return lines


def _conversations(number: int) -> dict[str, list[Message]]:
    """Return as many turns as asked for, each with an identifier of its own, in sessions by their ids."""
    supply: Sequence[Turn] = turns(number)
    for place, (question, _) in enumerate(supply):
        question["content"] = f"{question['content']} It is about {_identifier(place)}."
    return {
        f"session-{start // TURNS}": [message for turn in supply[start : start + TURNS] for message in turn]
        for start in range(0, number, TURNS)
    }


def _identifier(place: int) -> str:
    return f"RES{place:06}"


def _sessions(said: Mapping[str, Sequence[Message]]) -> str:
    """Return what the table calls some conversations."""
    return f"all {sum(map(len, said.values())) // 2:,} turns of {len(said):,} sessions"


def _sought(said: Mapping[str, Sequence[Message]]) -> list[Sought]:
    """Return what is looked for, in the middle of some conversations."""
    place = len(said) // 2
    session_id = f"session-{place}"
    questions = (str(message["content"]).split(" ") for message in said[session_id] if message["role"] == "user")
    rows = (words[start : start + PHRASE] for words in questions for start in range(len(words) - PHRASE + 1))
    phrase = " ".join(next(row for row in rows if all(map(_is_telling, row))))
    return [
        Sought("an identifier", _identifier(place * TURNS), session_id),
        Sought("words in a row", phrase, session_id),
    ]


def _is_telling(word: str) -> bool:
    return word.isalpha() and len(word) >= MIN_LETTERS and word.lower() not in STOP_WORDS


def _filled(store: Any, said: Mapping[str, list[Message]], stack: AsyncExitStack) -> SessionManager:
    sessions = SessionManager(WINDOW, store)
    stack.callback(sessions.close)
    for session_id, messages in said.items():
        sessions.send_messages(session_id, messages)
    return sessions


def _searching(sessions: SessionManager, sought: Sought, session_id: str | None = None) -> Side:
    """Return what searches with us; it finds what is looked for."""

    def search() -> Any:
        return sessions.search(sought.text, session_id=session_id, timeout=PATIENCE)

    found = search()
    if not found.complete or sought.text not in str(found[0].messages[0]["content"]):
        raise LookupError(f"{sought.text!r} was not found")
    return search


async def _advanced(setting: Setting, said: Mapping[str, list[Message]], stack: AsyncExitStack) -> Any:
    """Return a session of the OpenAI Agents SDK on a file that has all conversations."""
    with deprecations_ignored():
        module: Any = import_module("agents.extensions.memory")
    path = setting.folder / "advanced.db"
    session = module.AdvancedSQLiteSession(session_id="first", db_path=path, create_tables=True)
    stack.callback(session.close)
    for session_id, messages in said.items():
        session.session_id = session_id
        await session.add_items([dict(message) for message in messages])
    return session


async def _searching_advanced(session: Any, sought: Sought, session_ids: Sequence[str]) -> Side:
    """Return what searches with the OpenAI Agents SDK, in one session after the other."""

    async def search() -> Any:
        found = []
        for session_id in session_ids:
            session.session_id = session_id  # which spares it a session and a connection for each
            found += await session.find_turns_by_content(sought.text)
        return found

    if not any(sought.text in str(turn) for turn in await search()):
        raise LookupError(f"{ADVANCED} did not find {sought.text!r}")
    return search


def _in_histories(histories: Any, session_ids: Sequence[str], sought: Sought) -> list[Any]:
    found = (histories(session_id).search_messages(sought.text) for session_id in session_ids)
    return list(itertools.chain.from_iterable(found))
