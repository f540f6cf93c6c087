"""The work that it takes to write messages: how often each is walked through, and that no event loop waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessageChunk
from llama_index.core.base.llms.types import ChatMessage

from sessionkit_integrations import (
    SessionKitAsyncChatStore,
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionKitMemory,
    SessionManager,
)
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.records import codec
from sessionkit_integrations.records.codec import PlainCodec
from sessionkit_integrations.records.messages import check_message
from sessionkit_integrations.runtime.calling import MAX_IN_LOOP

if TYPE_CHECKING:
    from collections.abc import Iterator

visits: Counter[str] = Counter()


class CountedList(list[Any]):
    """A list that counts how often its items are visited."""

    def __init__(self, label: str, *items: Any) -> None:
        super().__init__(items)
        self.label = label

    def __iter__(self) -> Iterator[Any]:
        visits[self.label] += 1
        return super().__iter__()


class CountedDict(dict[str, Any]):
    """A dict that counts how often its values are visited."""

    def __init__(self, label: str, /, **items: Any) -> None:
        super().__init__(items)
        self.label = label

    def items(self) -> Any:
        visits[self.label] += 1
        return super().items()

    def values(self) -> Any:
        visits[self.label] += 1
        return super().values()


def test_a_plain_message_is_walked_twice_before_its_json_is_written() -> None:
    visits.clear()
    deepest = CountedList("deepest", 1, "ä")
    shared = CountedDict("shared", deepest=deepest, number=2**70)
    part = CountedDict("part", type="from tomorrow", x=CountedList("list", shared, shared))
    function = CountedDict("function", name="f", arguments="{}")
    call = CountedDict("call", id="1", type="function", function=function)
    later = CountedDict("later", x=CountedDict("in later", x="é"))
    message: Any = {"role": "assistant", "content": [part], "tool_calls": [call], "later": later}
    check_message(message)
    assert not visits, "the check of a message's shape is not a walk"
    (fields,) = PlainCodec().encode([message])
    assert fields == message
    in_shared = {name: visits.pop(name) for name in ("shared", "deepest")}
    assert set(visits) == {"part", "list", "function", "call", "later", "in later"}
    assert set(visits.values()) == {2}
    # What is held twice is measured once, and checked in each place.
    assert in_shared == {"shared": 3, "deepest": 3}


class Loop:
    """Counts the iterations of an event loop, which another thread can wait for."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.iterations = 0
        self._changed = threading.Condition()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            with self._changed:
                self.iterations += 1
                self._changed.notify_all()
            await asyncio.sleep(0)

    def wait_for_next(self) -> None:
        """Wait until the loop has gone on, which it never does if this is called in it."""
        assert threading.get_ident() != self.thread, "the loop waits"
        with self._changed:
            seen = self.iterations
            assert self._changed.wait_for(lambda: self.iterations > seen, timeout=60)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


@pytest.mark.parametrize("size", [MAX_IN_LOOP + 1, 4 * MAX_IN_LOOP])
async def test_a_loop_goes_on_at_each_message_of_a_large_batch(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop()

    def checking(message: Any) -> None:
        loop.wait_for_next()
        check_message(message)

    monkeypatch.setattr(codec, "check_message", checking)
    sessions = SessionManager()
    texts = [[{"type": "text", "text": str(number)}] for number in range(size)]  # which take no short path
    await sessions.asend_messages("s", [{"role": "user", "content": each} for each in texts])
    assert loop.iterations >= size
    await loop.stop()
    kept = texts[-10:]
    assert [each["content"] for each in sessions.get_session("s")] == kept


async def test_a_loop_goes_on_while_chunks_of_a_long_stream_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop()
    add = AIMessageChunk.__add__

    def adding(chunk: AIMessageChunk, other: Any) -> Any:
        loop.wait_for_next()
        return add(chunk, other)

    monkeypatch.setattr(AIMessageChunk, "__add__", adding)
    history = SessionKitChatMessageHistory("s", SessionManager())
    await history.aadd_messages([AIMessageChunk(content="x", id="1") for _ in range(4000)])
    await loop.stop()
    assert [message.content for message in history.messages] == ["x" * 4000]


async def test_a_loop_goes_on_while_a_long_session_of_llama_index_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop()
    encode = LlamaIndexCodec.encode

    def encoding(codec: LlamaIndexCodec, *args: Any) -> Any:
        loop.wait_for_next()
        return encode(codec, *args)

    monkeypatch.setattr(LlamaIndexCodec, "encode", encoding)
    messages = [ChatMessage(role="user", content="x") for _ in range(MAX_IN_LOOP + 1)]
    sessions = SessionManager()
    await SessionKitChatStore(sessions=sessions).aset_messages("1", messages)
    await SessionKitAsyncChatStore(sessions=sessions).set_messages("2", messages)
    await SessionKitMemory.from_defaults("3", sessions=sessions).aset(messages)
    assert all(sessions.get_session(session_id) for session_id in ("1", "2", "3"))
    await loop.stop()


async def test_a_small_batch_is_written_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "to_thread", None)
    sessions = SessionManager()
    await sessions.asend_messages("s", [{"role": "user", "content": "x"}] * MAX_IN_LOOP)
    assert sessions.get_session("s")
