"""The private state of an agent whose conversation is a session.

The part that a checkpointer keeps consists of plain values. The other part is of one process, in a channel that nothing
keeps: no stream shows what is in it, and a run that is resumed makes another one.
"""

from __future__ import annotations

from typing import Annotated, Any

from sessionkit_integrations.errors import MissingDependencyError

try:
    from langchain.agents.middleware.types import AgentState, PrivateStateAttr
    from langgraph.channels.untracked_value import UntrackedValue
except ImportError as error:
    raise MissingDependencyError("SessionKitMiddleware", "agents") from error

from typing_extensions import NotRequired, TypedDict


class Progress(TypedDict):
    """Progress of an agent's run in its session, as a checkpointer keeps it.

    Attributes:
        session_id: The session; empty if the run has none.
        run: A random name of the run.
        began: Id of the message with which the run began; empty if it was given none.
        stored: Ids of the messages in the agent's state that are stored, in the order in which they were.
        ended: Whether the run reached its end, so that ``stored`` is known to be complete.
    """

    session_id: str
    run: str
    began: str
    stored: list[str]
    ended: bool


class SessionKitState(AgentState[Any]):
    """State of an agent with `SessionKitMiddleware`.

    Attributes:
        sessionkit: The progress of the run.
        sessionkit_run: What holds the `Run`, as long as it is in this process.
    """

    sessionkit: NotRequired[Annotated[Progress, PrivateStateAttr]]
    sessionkit_run: NotRequired[Annotated[str, UntrackedValue, PrivateStateAttr]]
