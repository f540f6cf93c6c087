"""LangChain without the classes that version 2.0 removes: all but the histories works, and they say what to use."""

from __future__ import annotations

import subprocess
import sys

import pytest

MODULES_ARE_GONE = """
import sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name in {"langchain_core.chat_history", "langchain_core.runnables.history"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Gone())
"""
NAMES_ARE_GONE = """
import langchain_core.chat_history, langchain_core.runnables.history
del langchain_core.chat_history.BaseChatMessageHistory
del langchain_core.runnables.history.RunnableWithMessageHistory
"""
USE = "from tests.langchain.without_histories import use\nuse()"


@pytest.mark.parametrize("taken_away", [MODULES_ARE_GONE, NAMES_ARE_GONE], ids=["modules", "names"])
def test_all_but_the_histories_works(taken_away: str) -> None:
    run = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", f"{taken_away}\n{USE}"], capture_output=True, text=True, check=False, timeout=100
    )
    said = (
        "RemovedClassError: SessionKitChatMessageHistory is built on BaseChatMessageHistory of langchain-core,"
        " which is not there any more: use create_agent with SessionKitMiddleware, on the same sessions"
    )
    assert run.stdout.splitlines() == [said, said, said, "codec", "summarizer", "agent", "counter"], run.stderr
