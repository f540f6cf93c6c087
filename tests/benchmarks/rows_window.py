"""The cost of the window's abilities, and what `prompt` saves, on each kind of store."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from sessionkit_integrations import RedisStore, SessionManager, SQLiteStore, Summary, UpstashStore, Window
from tests.benchmarks import keep_plain
from tests.benchmarks.lines import Line, Target, Versus, timed
from tests.benchmarks.measuring import WARM_UP, in_turn
from tests.benchmarks.setting import WINDOW, turns
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations import Store
    from tests.benchmarks.measuring import Side
    from tests.benchmarks.setting import Setting

WRITE = "Write a turn with tokens, a trigger and a summary, none of which is due"
PROMPT = "Put a question, by `prompt`"

ON_TO_OFF = Target("≤", 1.15)
PROMPT_TO_TWO_CALLS = Target("≤", 0.75)

ALL_ON = Window(WINDOW, trigger_turns=2 * WINDOW, tokens=6_000, trigger_tokens=8_000)
NEVER = 1_000_000
"""Turns that wait before a summary is made."""


async def write(setting: Setting) -> list[Line]:
    """Return the lines of writing with all abilities on and with none."""
    lines: list[Line] = []
    async with AsyncExitStack() as stack:
        for name, store in _stores(setting, stack):
            plain = keep_plain.ours(SessionManager(WINDOW, store))
            all_on = keep_plain.ours(SessionManager(ALL_ON, store, summary=Summary(_no_model, every=NEVER)))
            sides: list[Side] = []
            for kind, keeper in (("on", all_on), ("off", plain)):
                names = [f"{kind}-{number}" for number in range(setting.sizes.written)]
                for session_id in names:
                    await keeper.fill(session_id, turns(2 * WINDOW))
                sides.append(in_turn([keeper.writing(session_id, turns(100)) for session_id in names]))
            ours, theirs = sides
            versus = Versus("a write with a window of turns", ON_TO_OFF)
            lines += await timed(WRITE, name, ours, {versus: theirs}, setting.sizes.effort)
    return lines


async def prompt(setting: Setting) -> list[Line]:
    """Return the lines of putting a question in one round trip and in two."""
    lines: list[Line] = []
    async with AsyncExitStack() as stack:
        for name, store in _stores(setting, stack):
            sessions = SessionManager(WINDOW, store)
            # One for each time, so that windows hold whole turns.
            times = setting.sizes.effort.repetitions + WARM_UP
            by_prompt, by_two_calls = _full(sessions, "one", times), _full(sessions, "two", times)

            def ask(session_ids: Iterator[str] = by_prompt, sessions: SessionManager = sessions) -> Any:
                return sessions.prompt(next(session_ids), QUESTION)

            def add_and_read(session_ids: Iterator[str] = by_two_calls, sessions: SessionManager = sessions) -> Any:
                session_id = next(session_ids)
                sessions.add_user_message(session_id, QUESTION)
                return sessions.get_session(session_id)

            note = "a file, with no round trip to save" if isinstance(store, SQLiteStore) else ""
            versus = Versus("`add_user_message` and `get_session`", PROMPT_TO_TWO_CALLS, note)
            lines += await timed(PROMPT, name, ask, {versus: add_and_read}, setting.sizes.effort)
    return lines


QUESTION = "My flight tomorrow has to move by a day; is that possible without a fee?"


def _full(sessions: SessionManager, kind: str, number: int) -> Iterator[str]:
    """Return the names of new sessions whose window is full."""
    said = [message for turn in turns(WINDOW) for message in turn]
    names = [f"{kind}-{each}" for each in range(number)]
    for name in names:
        sessions.send_messages(name, said)
    return iter(names)


def _stores(setting: Setting, stack: AsyncExitStack) -> Iterator[tuple[str, Store]]:
    """Yield an empty store of each kind, closed with the stack."""
    for name, store in (
        ("Redis", RedisStore(setting.url)),
        ("Upstash", UpstashStore(setting.upstash.url, TOKEN)),
        ("SQLite", SQLiteStore(setting.folder / "window.db")),
    ):
        setting.client.flushall()
        stack.callback(store.close)
        yield name, store


def _no_model(previous: str | None, messages: Any) -> str:
    raise NotImplementedError
