"""The conversation: one session, each chapter in a process of its own."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sessionkit_integrations.demo import show
from sessionkit_integrations.errors import MissingDependencyError, SessionKitError
from sessionkit_integrations.sessions.manager import SessionManager
from sessionkit_integrations.sessions.summaries import Summary
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations.records.messages import Message

INTERRUPTED = 130
"""The exit code that shells give to Ctrl-C."""

WINDOW = 3
"""Turns that the session keeps: few, so that the window is seen to move."""

FIRST = (
    "Hi! My name is Ada and I live in Lisbon.",
    "I'm allergic to peanuts.",
    "I love night trains.",
    "What will the weather be like in Porto tomorrow?",
    "What do you know about me?",
)
SECOND = ("How was the weather going to be in Porto? I will take the night train.",)
THIRD = ("What did I tell LangChain about Porto?",)
FOURTH = ("I love riddles.",)
FIFTH = ("What do you remember about me?",)
SIXTH = ("What did I say about peanuts?",)
SEVENTH = ("What do you know about me?",)
QUERY = "weather in Porto"


def first(sessions: SessionManager, session_id: str) -> None:
    """Let the window fill up and move."""
    text = (
        f"A chat with a tool. The session keeps the last {WINDOW} turns: a question and all that answers it."
        " The model is a small script, so that no key is needed; all else is real."
    )
    show.chapter(1, "A LangChain chain remembers", text)
    _through_langchain(sessions, session_id, 1, FIRST)
    show.explanation("It saw turns 2, 3 and 4, and the question. Ada's name, in turn 1, had left the window.")


def second(sessions: SessionManager, session_id: str) -> None:
    """Go on in a new process."""
    show.chapter(2, "The process restarts", "Another Python, which has only the store to remember by.")
    _through_langchain(sessions, session_id, len(FIRST) + 1, SECOND)
    show.explanation("No tool was called: the call of turn 4 and its result were still there.")


def third(sessions: SessionManager, session_id: str) -> None:
    """Go on in the other framework, and back."""
    from sessionkit_integrations.demo import in_llama_index  # noqa: PLC0415 - the first chapters do without it

    show.chapter(3, "A LlamaIndex chat engine goes on", "The same session, another framework, a third process.")
    begin = len(FIRST) + len(SECOND) + 1
    chat = in_llama_index.chat(sessions, session_id)
    _ask(sessions, session_id, begin, THIRD, "LlamaIndex", chat)
    show.explanation("It quotes what was said to LangChain, which in turn knows what is said here:")
    _ask(sessions, session_id, begin + 1, FOURTH, "LlamaIndex", chat)
    _through_langchain(sessions, session_id, begin + 2, FIFTH)


def fourth(sessions: SessionManager, session_id: str) -> None:
    """Look back beyond the window: by an agent's own search, by a summary, and by a search."""
    text = (
        f"The model sees {WINDOW} turns. The archive keeps the others: a summary tells of them, and an agent may search"
        " them."
    )
    show.chapter(4, "An agent looks back", text)
    if find_spec("langchain"):
        from sessionkit_integrations.demo import in_agents  # noqa: PLC0415 - it needs an extra that may be missing

        framework, chat = "a LangChain agent", in_agents.chat(sessions, session_id)
        remark = "Turn 2 had left long before. The agent found it in the session's archive."
    else:
        from sessionkit_integrations.demo import in_langchain  # noqa: PLC0415 - as above

        framework, chat = "LangChain", in_langchain.chat(sessions, session_id)
        remark = str(MissingDependencyError("The agent that would find it in the archive", "agents"))
    begin = sum(map(len, (FIRST, SECOND, THIRD, FOURTH, FIFTH))) + 1
    _ask(sessions, session_id, begin, SIXTH, framework, chat)
    show.explanation(remark)
    if summary := sessions.get_summary(session_id):
        show.summary(summary.text, summary.turns)
        show.explanation("The model wrote this of what left. Whoever reads the session is shown it:")
    _ask(sessions, session_id, begin + 1, SEVENTH, framework, chat)
    hits = sessions.search(QUERY, session_id=session_id, limit=2)
    show.hits(QUERY, [(_turn_of(sessions, session_id, hit.position), hit) for hit in hits])
    show.explanation("Both turns had left the window. The archive has them whole.")


CHAPTERS = {1: first, 2: second, 3: third, 4: fourth}
SUMMARISED = 4
"""The chapter in which what left is summarised; it waits until then."""


def main() -> None:
    """Run one chapter, on the store whose URL is on standard input."""
    parser = argparse.ArgumentParser(prog=__name__)
    parser.add_argument("chapter", type=int, choices=CHAPTERS)
    parser.add_argument("session_id")
    arguments = parser.parse_args()
    try:
        every = 1 if arguments.chapter == SUMMARISED else None
        summary = Summary(_summarize, every=every, background=False)
        with SessionManager.from_url(sys.stdin.read(), WINDOW, summary=summary) as sessions:
            CHAPTERS[arguments.chapter](sessions, arguments.session_id)
    except SessionKitError as error:
        sys.exit(f"sessionkit: {error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _summarize(previous: str | None, messages: Sequence[Message]) -> str:
    from sessionkit_integrations.demo import in_langchain  # noqa: PLC0415 - imported where a summary is made

    return in_langchain.summarize(previous, messages)


def _turn_of(sessions: SessionManager, session_id: str, position: int) -> int:
    messages = sessions.get_archive(session_id)
    messages += [message for message in sessions.get_session(session_id) if message["role"] != "system"]
    return number_turns(message["role"] for message in messages)[position]


def _through_langchain(sessions: SessionManager, session_id: str, begin: int, questions: Sequence[str]) -> None:
    from sessionkit_integrations.demo import in_langchain  # noqa: PLC0415 - imported by the chapters, not by `run`

    _ask(sessions, session_id, begin, questions, "LangChain", in_langchain.chat(sessions, session_id))


def _ask(
    sessions: SessionManager,
    session_id: str,
    begin: int,
    questions: Sequence[str],
    framework: str,
    ask: Callable[[str], object],
) -> None:
    for number, question in enumerate(questions, start=begin):
        ask(question)
        session = sessions.get_session(session_id)
        asked_at = max(index for index, message in enumerate(session) if message["role"] == "user")
        show.turn(framework, number, session[asked_at:], session, sessions.memory_window or 0)


if __name__ == "__main__":
    main()
