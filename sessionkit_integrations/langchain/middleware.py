"""The memory of LangChain's agents: a middleware that shows the model a session and stores what a run adds to it."""

from __future__ import annotations

from asyncio import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sessionkit_integrations.errors import MissingDependencyError, SessionKitError

try:
    from langchain.agents.middleware.types import AgentMiddleware
    from langgraph.config import get_config
except ImportError as error:
    raise MissingDependencyError("SessionKitMiddleware", "agents") from error

from sessionkit_integrations.langchain.agent_runs import Held, Run
from sessionkit_integrations.langchain.agent_sessions import SessionOf
from sessionkit_integrations.langchain.agent_state import SessionKitState
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.records.unreadable import brief
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.runtime.steps import Step, arun, run
from sessionkit_integrations.sessions.manager import check_manager

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from langchain.agents.middleware.types import ModelRequest, ModelResponse
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig
    from langgraph.runtime import Runtime
    from typing_extensions import Self

    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.manager import SessionManager

_NO_CONFIG: Final[RunnableConfig] = {}


class SessionKitMiddleware(AgentMiddleware[Any, Any]):
    """The memory of an agent of `langchain.agents.create_agent`: a session.

    The model sees the session's window and, after it, the messages of the run. The agent's state, its result and its
    streams hold the run alone. The input is stored before the model is first called, and each reply with the tool
    results before it. List it first, so that it stores what other middleware makes of a message.

    Args:
        sessions: Where the sessions are.
        session_id: Returns the session of a run, given its ``runtime``. Without it, that is the ``thread_id`` of
            ``config["configurable"]``.
        save: ``"step"`` to store after each reply of the model, ``"run"`` to do so at the end of the run.
        recall: True to give the agent `recall_tool`, by which it finds what left the window.
        exclusive: True to have each run in a turn of its session, so that two runs of one session follow each other,
            in whatever processes they are. A run waits for another for up to a minute.

    Raises:
        TypeError: ``sessions`` is not a `SessionManager`, or ``session_id`` is not a callable.
        ValueError: ``save`` is neither of the two, or the store drops what is to be recalled.
        InvalidSessionIdError: From a run that has no session.
        InvalidMessageError, StoreError: From a run, as `SessionManager` has them.

    Examples:
        >>> agent = create_agent(model, tools, middleware=[SessionKitMiddleware(sessions)])
        >>> agent.invoke({"messages": [HumanMessage("Hello!")]}, {"configurable": {"thread_id": "user123"}})
    """

    state_schema = SessionKitState  # not named above, so that type checkers take other middleware in the same list

    def __new__(cls, *_args: Any, exclusive: bool = False, **_options: Any) -> Self:
        """Make one of the class that has the hooks which are asked for: LangChain calls each hook that a class has."""
        if not exclusive:
            return super().__new__(cls)
        # Imported where runs have their session one at a time.
        from sessionkit_integrations.langchain.exclusive import exclusive as with_hooks  # noqa: PLC0415

        made: Any = with_hooks(cls)  # type: ignore[arg-type]  # classes have a hash
        return super().__new__(made)  # type: ignore[no-any-return]  # it is a subclass

    def __init__(
        self,
        sessions: SessionManager,
        *,
        session_id: Callable[[Runtime[Any]], str] | None = None,
        save: Literal["step", "run"] = "step",
        recall: bool = False,
        exclusive: bool = False,  # noqa: ARG002 - chooses the class
    ) -> None:
        super().__init__()
        check_manager(sessions)
        self._sessions = sessions
        if save not in {"step", "run"}:
            raise ValueError(f'save must be "step" or "run", got {brief(save)}')
        self._session_of = SessionOf(session_id)
        self._save = save
        self._chats: Chats[BaseMessage] = sessions.using(LangChainCodec())
        if recall:
            # Imported where agents recall.
            from sessionkit_integrations.langchain.recalling import recall_tool  # noqa: PLC0415

            self.tools = [recall_tool(sessions, session_id=session_id)]

    def before_model(
        self, state: SessionKitState, runtime: Runtime[Any], config: RunnableConfig = _NO_CONFIG
    ) -> dict[str, Any] | None:
        """Begin a run, or go on with one that was interrupted."""
        current = self._run_of(state, runtime, config)
        current.keep(state["messages"])
        return None if isinstance(state.get("sessionkit_run"), Held) else _update(current)

    async def abefore_model(
        self, state: SessionKitState, runtime: Runtime[Any], config: RunnableConfig = _NO_CONFIG
    ) -> dict[str, Any] | None:
        """See `before_model`."""
        return self.before_model(state, runtime, config)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Call the model with the window before the messages of the run."""
        return run(
            self._answer(request),
            lambda step: handler(step.request) if isinstance(step, _CallModel) else step.perform(self._chats),
        )

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """See `wrap_model_call`."""
        return await arun(
            self._answer(request),
            lambda step: handler(step.request) if isinstance(step, _CallModel) else step.aperform(self._chats),
        )

    def after_model(
        self, state: SessionKitState, runtime: Runtime[Any], config: RunnableConfig = _NO_CONFIG
    ) -> dict[str, Any] | None:
        """Store the reply of the model, with the tool results before it."""
        return run(self._after_model(state, runtime, config), lambda step: step.perform(self._chats))

    async def aafter_model(
        self, state: SessionKitState, runtime: Runtime[Any], config: RunnableConfig = _NO_CONFIG
    ) -> dict[str, Any] | None:
        """See `after_model`."""
        return await arun(self._after_model(state, runtime, config), lambda step: step.aperform(self._chats))

    def after_agent(
        self, state: SessionKitState, runtime: Runtime[Any], config: RunnableConfig = _NO_CONFIG
    ) -> dict[str, Any] | None:
        """Store what is not stored yet of the run."""
        return run(self._store(state, runtime, config, ended=True), lambda step: step.perform(self._chats))

    async def aafter_agent(
        self, state: SessionKitState, runtime: Runtime[Any], config: RunnableConfig = _NO_CONFIG
    ) -> dict[str, Any] | None:
        """See `after_agent`."""
        return await arun(self._store(state, runtime, config, ended=True), lambda step: step.aperform(self._chats))

    def _answer(self, request: ModelRequest[Any]) -> Steps[ModelResponse[Any]]:
        state: Any = request.state
        current, messages = self._run_of(state, request.runtime, None), state["messages"]
        yield from current.ask(messages)
        try:
            response = yield from _CallModel(request.override(messages=current.prompt(request.messages, messages)))
        except (Exception, CancelledError):
            yield from _rescue(current, messages)
            raise
        current.note(response.result)
        return response

    def _after_model(
        self, state: SessionKitState, runtime: Runtime[Any], config: RunnableConfig
    ) -> Steps[dict[str, Any]]:
        if self._save == "step":
            return (yield from self._store(state, runtime, config))
        current = self._run_of(state, runtime, config)
        current.keep(state["messages"])
        return _update(current)

    def _store(
        self, state: SessionKitState, runtime: Runtime[Any], config: RunnableConfig, *, ended: bool = False
    ) -> Steps[dict[str, Any]]:
        current = self._run_of(state, runtime, config)
        yield from current.store(state["messages"])
        return _update(current, ended=ended)

    def _run_of(self, state: SessionKitState, runtime: Runtime[Any], config: RunnableConfig | None) -> Run:
        """Return the run that a state is in; within the model's node, where there is no configuration, its progress."""
        held = state.get("sessionkit_run")
        if isinstance(held, Held):
            return held.run
        progress = state.get("sessionkit")
        if config is None and progress is not None:
            session_id = progress["session_id"]
            return Run.of(state["messages"], progress, lambda: session_id)
        return Run.of(state["messages"], progress, lambda: self._session_of(runtime, config or get_config()))


@dataclass(frozen=True)
class _CallModel(Step["ModelResponse[Any]"]):
    request: ModelRequest[Any]


def _rescue(current: Run, messages: Sequence[BaseMessage]) -> Steps[None]:
    """Store the results of tools that a model did not answer, as it raised, was interrupted or cancelled."""
    try:
        yield from current.store(messages)
    except SessionKitError as error:
        LOGGER.warning("the messages before a model's error were not stored: %s", error)


def _update(current: Run, *, ended: bool = False) -> dict[str, Any]:
    return {"sessionkit": current.progress(ended=ended), "sessionkit_run": Held.of(current)}
