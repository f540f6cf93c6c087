"""The tool by which an agent of LlamaIndex searches what left its window."""
# No annotation here is postponed: LlamaIndex looks for the class in the annotation of a tool's context.

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from llama_index.core.memory import Memory
from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.workflow import Context

from sessionkit_integrations.adapting.recalling import (
    DESCRIPTION,
    LIMIT,
    MAX_CHARACTERS,
    NAME,
    TIMEOUT,
    Question,
    Recall,
)
from sessionkit_integrations.errors import InvalidSessionIdError
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.sessions.manager import SessionManager


def recall_tool(
    sessions: SessionManager,
    session_id: str | None = None,
    *,
    name: str = NAME,
    description: str = DESCRIPTION,
    limit: int = LIMIT,
    max_characters: int = MAX_CHARACTERS,
    timeout: float = TIMEOUT,
) -> FunctionTool:
    """Return a tool with which an agent searches the turns that left the window of its own session.

    The model passes words, and times if it likes. It is told whole turns with their times, as data that it should not
    take for instructions. The session is the one that you name, or else the session of the run's memory, whatever
    the model passes.

    A store that fails does not end the run: the tool raises `StoreError`, whose text agents hand to the model as the
    result of the call. The log says why.

    Args:
        sessions: Where the sessions are, in a store made with ``archive=True``.
        session_id: The session. If ``None``, it is the session of the run's memory: a `SessionKitMemory`, or a `Memory`
            on a `SessionKitAsyncChatStore`.
        name: Name of the tool.
        description: The text by which the model decides when to use it.
        limit: Most turns of an answer.
        max_characters: Most characters of an answer, at least 1,000. Long messages are cut.
        timeout: Seconds after which no more is searched, and the model is told what was found.

    Raises:
        TypeError, ValueError: An argument has a wrong type or value.
        InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.

    Examples:
        >>> agent = FunctionAgent(llm=llm, tools=[recall_tool(sessions)])
        >>> memory = SessionKitMemory.from_defaults(session_id="user123", sessions=sessions)
        >>> await agent.run("What was my order?", memory=memory)
    """
    recall = Recall(sessions, limit, max_characters, timeout)
    metadata = ToolMetadata(description, name, Question)
    if session_id is None:
        return FunctionTool(async_fn=_of_run(recall), metadata=metadata)
    check_session_id(session_id)
    tool = _Tool(recall, session_id)
    return FunctionTool(tool.run, metadata, tool.arun)


@dataclass(frozen=True)
class _Tool:
    recall: Recall
    session_id: str

    def run(self, query: str, **more: Any) -> str:
        """Answer the model; arguments that it makes up are ignored."""
        return self.recall(self.session_id, Question(query=query, **more))

    async def arun(self, query: str, **more: Any) -> str:
        """See `run`."""
        return await self.recall.acall(self.session_id, Question(query=query, **more))


def _of_run(recall: Recall) -> Callable[..., Awaitable[str]]:
    """Return the tool for the session of the memory that a run was given."""

    async def run(ctx: Context[Any], **question: Any) -> str:
        memory = await ctx.store.get("memory", default=None)
        if not isinstance(memory, Memory):
            raise InvalidSessionIdError("the run has no session: pass it memory=SessionKitMemory.from_defaults(…)")
        return await _Tool(recall, memory.session_id).arun(**question)

    return run
