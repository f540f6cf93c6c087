"""The conversation: one session, each chapter in a process of its own."""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from sessionkit_integrations.llama_index import SessionKitChatStore
from sessionkit_integrations.manager import SessionManager

try:
    from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
    from langchain_core.runnables.history import RunnableWithMessageHistory
    from llama_index.core.chat_engine import SimpleChatEngine
    from llama_index.core.memory import ChatMemoryBuffer

    from sessionkit_integrations.demo import show
    from sessionkit_integrations.demo.models import OfflineLLM, langchain_agent
except ImportError as error:
    raise MissingDependencyError("The demonstration", "all") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WINDOW = 3
"""Turns: few, so that the window is seen to move."""

FIRST = (
    "Hi! My name is Ada and I live in Lisbon.",
    "I'm allergic to peanuts.",
    "I love night trains.",
    "What will the weather be like in Porto tomorrow?",
    "What do you know about me?",
)
SECOND = ("How was the weather going to be in Porto? I will take the night train.",)
THIRD = ("What did I tell LangChain about Porto?", "I love riddles.")
FOURTH = ("What do you remember about me?",)


def demonstrate(url: str | None) -> None:
    """Run all chapters.

    Args:
        url: The store to run on; a SQLite file in a temporary folder if ``None``.

    Raises:
        ValueError: The store does not outlive a process.
        SessionKitError: The store cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="sessionkit-demo-") as folder:
        url = url or f"sqlite:///{Path(folder) / 'chats.db'}"
        if url.startswith("memory:"):
            raise ValueError("the demonstration restarts its process, which sessions in memory do not outlive")
        with SessionManager.from_url(url, WINDOW) as sessions:
            session_id = f"demo-{secrets.token_hex(4)}"
            sessions.get_session(session_id)  # says now, and not within a chapter, if the store cannot be used
            show.console.print(f"\n[bold]One conversation, two frameworks, on[/] {sessions.store!r}", soft_wrap=True)
            for number in CHAPTERS:
                command = [sys.executable, "-m", __name__, str(number), session_id]
                # By standard input, as a store's URL may hold a password, and arguments are there for all to see.
                subprocess.run(command, input=url, text=True, check=True)  # noqa: S603 - our own command
            sessions.reset_session(session_id)
            show.console.rule("[bold]That is all[/]", align="left")
            show.console.print("The session was deleted. Your turn: the README has the ten lines that you need.\n")


def with_langchain(sessions: SessionManager, session_id: str, begin: int, questions: Sequence[str]) -> None:
    """Ask questions through a LangChain `RunnableWithMessageHistory`."""
    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{question}")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LangChain would like LangGraph to be used instead
        chat = RunnableWithMessageHistory(
            prompt | _messages | langchain_agent(),
            SessionKitChatMessageHistory.factory(sessions),
            input_messages_key="question",
            history_messages_key="history",
        )
    config: Any = {"configurable": {"session_id": session_id}}
    _ask(sessions, session_id, begin, questions, "LangChain", lambda text: chat.invoke({"question": text}, config))


def with_llama_index(sessions: SessionManager, session_id: str, begin: int, questions: Sequence[str]) -> None:
    """Ask questions through a LlamaIndex chat engine."""
    memory = ChatMemoryBuffer.from_defaults(
        chat_store=SessionKitChatStore(sessions=sessions), chat_store_key=session_id, tokenizer_fn=str.split
    )
    engine = SimpleChatEngine.from_defaults(llm=OfflineLLM(), memory=memory)
    _ask(sessions, session_id, begin, questions, "LlamaIndex", engine.chat)


def _messages(prompt: Any) -> Any:
    return prompt.to_messages()


def _ask(
    sessions: SessionManager,
    session_id: str,
    begin: int,
    questions: Sequence[str],
    framework: str,
    ask: Callable[[str], Any],
) -> None:
    for number, question in enumerate(questions, start=begin):
        ask(question)
        session = sessions.get_session(session_id)
        asked_at = max(index for index, message in enumerate(session) if message["role"] == "user")
        show.turn(framework, number, session[asked_at:], session, sessions.memory_window)


def first(sessions: SessionManager, session_id: str) -> None:
    """Let the window fill up and move."""
    text = f"A chat with a tool. The session keeps the last {WINDOW} turns: a question and all that answers it."
    show.chapter(1, "A LangChain chain remembers", text)
    with_langchain(sessions, session_id, 1, FIRST)
    show.explanation("Ada's name was in turn 1, which had left the window: the model did not see it.")


def second(sessions: SessionManager, session_id: str) -> None:
    """Go on in a new process."""
    show.chapter(2, "The process restarts", "Another Python, which has only the store to remember by.")
    with_langchain(sessions, session_id, len(FIRST) + 1, SECOND)
    show.explanation("No tool was called: the call of turn 4 and its result were still there.")


def third(sessions: SessionManager, session_id: str) -> None:
    """Go on in the other framework."""
    show.chapter(3, "A LlamaIndex chat engine goes on", "The same session, another framework, a third process.")
    begin = len(FIRST) + len(SECOND) + 1
    with_llama_index(sessions, session_id, begin, THIRD)
    show.explanation("It quotes what was said to LangChain, which in turn knows what is said here:")
    with_langchain(sessions, session_id, begin + len(THIRD), FOURTH)


CHAPTERS = {1: first, 2: second, 3: third}


def main() -> None:
    """Run one chapter, on the store whose URL is on standard input."""
    parser = argparse.ArgumentParser(prog=__name__)
    parser.add_argument("chapter", type=int, choices=CHAPTERS)
    parser.add_argument("session_id")
    arguments = parser.parse_args()
    with SessionManager.from_url(sys.stdin.read(), WINDOW) as sessions:
        CHAPTERS[arguments.chapter](sessions, arguments.session_id)


if __name__ == "__main__":
    main()
