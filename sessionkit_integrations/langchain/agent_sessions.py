"""The session of an agent's run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sessionkit_integrations.errors import InvalidSessionIdError
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.records.unreadable import brief
from sessionkit_integrations.runtime.logs import LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.runnables import RunnableConfig
    from langgraph.runtime import Runtime


@dataclass(frozen=True)
class SessionOf:
    """Finds the session of a run: its ``thread_id``, or what a callable returns.

    Args:
        session_id: The callable, which is given the runtime.

    Raises:
        TypeError: It is not a callable.
    """

    session_id: Callable[[Runtime[Any]], str] | None

    def __post_init__(self) -> None:
        if self.session_id is not None and not callable(self.session_id):
            raise TypeError(f"session_id must be a callable that takes the runtime, got {brief(self.session_id)}")

    def __call__(self, runtime: Runtime[Any], config: RunnableConfig) -> str:
        """Return the session of a run; an empty string if it has none, as an agent in a tool of another one.

        Raises:
            InvalidSessionIdError: Neither names a session.
        """
        if self.session_id is not None:
            session_id = self.session_id(runtime)
        elif _is_in_tool(config):
            LOGGER.warning("an agent in a tool of another one has no thread_id of its own: nothing of it is stored")
            return ""
        else:
            thread_id = config.get("configurable", {}).get("thread_id")
            if thread_id is None:
                raise InvalidSessionIdError(
                    'the run has no session: pass config={"configurable": {"thread_id": "user123"}}, or pass '
                    "session_id=, a callable that returns the session, given the runtime"
                )
            session_id = str(thread_id) if isinstance(thread_id, (int, UUID)) else thread_id
        check_session_id(session_id)
        return session_id


def _is_in_tool(config: RunnableConfig) -> bool:
    """Return whether an agent runs in a tool of another one, with that one's thread."""
    configurable = config.get("configurable", {})
    *parents, _ = str(configurable.get("checkpoint_ns", "")).split("|")
    thread_id = configurable.get("thread_id")
    return any(parent.partition(":")[0] == "tools" for parent in parents) and thread_id == config.get(
        "metadata", {}
    ).get("thread_id", thread_id)
