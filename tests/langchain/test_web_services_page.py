"""The service of docs/web_services.md: a client that leaves stops nothing."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from langchain.agents import create_agent

from sessionkit_integrations.langchain import SessionKitMiddleware
from tests.langchain.agents import Scripted, calls, look, stored
from tests.snippets import snippets_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from langchain_core.outputs import ChatGenerationChunk


@pytest.mark.skipif(sys.version_info < (3, 11), reason="LangGraph's streams of pieces need Python 3.11 in a loop")
async def test_a_run_goes_on_when_its_client_has_left() -> None:
    pytest.importorskip("starlette")
    (snippet,) = snippets_of("docs/web_services.md")
    page: dict[str, Any] = {"__name__": "page"}
    exec(snippet.code.partition("asyncio.run(")[0], page)  # noqa: S102 - our own
    asked, left = asyncio.Event(), asyncio.Event()

    class Slow(Scripted):
        async def _astream(self, messages: Any, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
            if len(messages) > 1:
                asked.set()
                await left.wait()
            for chunk in self._stream(messages):
                yield chunk

    sessions = page["sessions"]
    memory = SessionKitMiddleware(sessions, exclusive=True)
    page["agent"] = create_agent(Slow(answers=[calls("1"), "done"]), [look], middleware=[memory])

    async def respond() -> None:
        async for _ in page["answer"]("s", "a", "request-1"):
            pass

    async with anyio.create_task_group() as response:  # as Starlette's of a response
        response.start_soon(respond)
        await asked.wait()
        response.cancel_scope.cancel()
    left.set()
    await asyncio.gather(*page["runs"])
    assert stored(sessions) == [("human", "a"), ("ai", "1"), ("tool", "seen"), ("ai", "done")]
    assert sessions.store.lease("s", "turn", "somebody", 60)
