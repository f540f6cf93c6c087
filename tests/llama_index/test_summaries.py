"""Limits of a LlamaIndex `Memory` beside a window and summaries: nothing is lost, nothing leaves twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.bridge.pydantic import Field
from llama_index.core.memory import BaseMemoryBlock, Memory
from llama_index.core.storage.chat_store.base_db import MessageStatus

from sessionkit_integrations import (
    SessionKitAsyncChatStore,
    SessionKitMemory,
    SessionManager,
    Summary,
    Window,
)
from tests.llama_index.samples import assistant, text, user

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

    from sessionkit_integrations import Message
    from tests.backends import StoreMaker

TURNS = 20
LIMITS = {"tokens first": Window(100), "turns first": Window(turns=3), "cuts": Window(turns=2, trigger_turns=6)}


class Heard(BaseMemoryBlock[str]):
    """A block that remembers what left the queue."""

    contents: list[str] = Field(default_factory=list)

    async def _aget(self, messages: list[ChatMessage] | None = None, **_: Any) -> str:
        del messages
        return ""

    async def _aput(self, messages: list[ChatMessage]) -> None:
        self.contents += [str(message.content) for message in messages]


class Summarized:
    """A summarizer that remembers what it was given."""

    def __init__(self) -> None:
        self.contents: list[str] = []

    def __call__(self, previous: str | None, messages: list[Message]) -> str:
        self.contents += [str(message["content"]) for message in messages]
        return f"{len(self.contents)} messages"


def contents(messages: list[Any]) -> list[str]:
    return [str(message["content"]) for message in messages]


@pytest.mark.pairwise
@pytest.mark.parametrize("kind", ["SessionKitMemory", "Memory", "Memory that evicts alone"])
@pytest.mark.parametrize("limit", LIMITS)
async def test_each_message_leaves_once_and_is_summarised_once(make_store: StoreMaker, kind: str, limit: str) -> None:
    archive = limit == "cuts"
    summarize = Summarized()
    store = make_store(archive=archive)
    summary = Summary(summarize, every=2, background=False)
    sessions = SessionManager(LIMITS[limit], store, summary=summary)
    block = Heard(name="heard", priority=0)
    options: dict[str, Any] = {"token_limit": 60, "token_flush_size": 10, "memory_blocks": [block]}
    memory: Memory
    if kind == "SessionKitMemory":
        memory = SessionKitMemory.from_defaults("s", sessions=sessions, **options)
    else:
        chat_store = SessionKitAsyncChatStore(sessions=sessions, evict="alone" not in kind)
        memory = Memory.from_defaults("s", chat_store=chat_store, **options)
    said = []
    for number in range(TURNS):
        turn = [user(text(f"question {number}")), assistant(text(f"answer {number}"))]
        said += [str(message.content) for message in turn]
        await memory.aput_messages(turn)
    await sessions.asummarize("s")
    summarised = await sessions.aget_summary("s")
    assert summarised is not None
    queue = await memory.sql_store.get_messages("s", status=MessageStatus.ACTIVE)
    kept = [str(message.content) for message in queue if message.role != "system"]
    assert summarize.contents + kept == said
    assert summarised.messages == len(summarize.contents)
    assert contents(await sessions.aget_archive("s")) == (summarize.contents if archive else [])
    if kind == "SessionKitMemory":
        assert block.contents == summarize.contents
    await sessions.aclose()
