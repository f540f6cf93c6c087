"""The tool by which an agent of LangChain searches what left its window."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import MissingDependencyError, StoreError

try:
    from langgraph.runtime import Runtime, get_runtime
except ImportError as error:
    raise MissingDependencyError("recall_tool", "agents") from error

from langchain_core.runnables import RunnableConfig  # noqa: TC002 - LangChain looks at the parameters of tools
from langchain_core.runnables.config import set_config_context
from langchain_core.tools import StructuredTool, ToolException

from sessionkit_integrations.adapting.recalling import (
    DESCRIPTION,
    LIMIT,
    MAX_CHARACTERS,
    NAME,
    TIMEOUT,
    Question,
    Recall,
)
from sessionkit_integrations.langchain.agent_sessions import SessionOf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessionkit_integrations.sessions.manager import SessionManager


def recall_tool(
    sessions: SessionManager,
    *,
    session_id: Callable[[Runtime[Any]], str] | None = None,
    name: str = NAME,
    description: str = DESCRIPTION,
    limit: int = LIMIT,
    max_characters: int = MAX_CHARACTERS,
    timeout: float = TIMEOUT,
) -> StructuredTool:
    """Return a tool with which an agent searches the turns that left the window of its own session.

    The model passes words, and times if it likes. It is told whole turns with their times, as data that it should not
    take for instructions. The session is the one that `SessionKitMiddleware` finds, whatever the model passes.

    A store that fails does not end the run. The model is told so by a result whose ``status`` is ``"error"``, and the
    log says why. Set ``handle_tool_error`` of the tool to False to have the `ToolException` raised.

    Args:
        sessions: Where the sessions are, in a store made with ``archive=True``.
        session_id: Returns the session of a run, given its ``runtime``. Without it, that is the ``thread_id`` of
            ``config["configurable"]``.
        name: Name of the tool.
        description: The text by which the model decides when to use it.
        limit: Most turns of an answer.
        max_characters: Most characters of an answer, at least 1,000. Long messages are cut.
        timeout: Seconds after which no more is searched, and the model is told what was found.

    Raises:
        TypeError, ValueError: An argument has a wrong type or value.
        InvalidSessionIdError: From a run that has no session.

    Examples:
        >>> memory = SessionKitMiddleware(sessions)
        >>> agent = create_agent(model, [recall_tool(sessions, limit=3)], middleware=[memory])
    """
    tool = _Tool(Recall(sessions, limit, max_characters, timeout), SessionOf(session_id))
    return StructuredTool.from_function(
        tool.run, tool.arun, name=name, description=description, args_schema=Question, handle_tool_error=True
    )


@dataclass(frozen=True)
class _Tool:
    recall: Recall
    session_of: SessionOf

    def run(self, query: str, since: str | None = None, until: str | None = None, *, config: RunnableConfig) -> str:
        """Answer the model."""
        session_id = self._session(config)
        with _told_to_the_model():
            return self.recall(session_id, Question(query=query, since=since, until=until))

    async def arun(
        self, query: str, since: str | None = None, until: str | None = None, *, config: RunnableConfig
    ) -> str:
        """See `run`."""
        session_id = self._session(config)
        with _told_to_the_model():
            return await self.recall.acall(session_id, Question(query=query, since=since, until=until))

    def _session(self, config: RunnableConfig) -> str:
        def find() -> str:
            runtime: Runtime[Any] | None = get_runtime()  # None outside a graph
            return self.session_of(runtime or Runtime(), config)

        # In a context of its own, as Python 3.10 hands none to a coroutine.
        with set_config_context(config) as context:
            return context.run(find)


@contextmanager
def _told_to_the_model() -> Iterator[None]:
    try:
        yield
    except (StoreError, ValueError) as error:
        raise ToolException(str(error)) from error
