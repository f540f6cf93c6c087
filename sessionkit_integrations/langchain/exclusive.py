"""Agent runs that have their session for themselves, one at a time.

A run takes the turn of its session before it reads the window, renews it with each call of the model, and gives it back
at its end. No hook is called where a run ends in an exception, so it is given back as well where one passes: in the
model's call and in tools' calls. After an interrupt, for which LangGraph has no hook either, the turn ends with its
time to live, and the run that goes on has it at once, as the holder is the run.
"""

from __future__ import annotations

from asyncio import CancelledError
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from langgraph.errors import GraphInterrupt

from sessionkit_integrations.langchain.agent_steps import ChatStep
from sessionkit_integrations.runtime.steps import arun, run, to_its_end
from sessionkit_integrations.sessions.steps import arun_on, run_on
from sessionkit_integrations.sessions.turns import give_back_turn, renew_turn, take_turn
from sessionkit_integrations.stores.turns import HeldTurn, held_turn, inside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from langchain.agents.middleware.types import ModelRequest, ModelResponse, ToolCallRequest
    from langchain_core.messages import BaseMessage, ToolMessage
    from langchain_core.runnables import RunnableConfig
    from langgraph.runtime import Runtime
    from langgraph.types import Command

    from sessionkit_integrations.langchain.agent_runs import Run
    from sessionkit_integrations.langchain.agent_state import SessionKitState
    from sessionkit_integrations.langchain.middleware import SessionKitMiddleware
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.stores.base import Store

    _Base = SessionKitMiddleware
else:
    _Base = object

TTL = 60.0
"""Seconds between two calls of the model after which another run may have the session."""


@dataclass(frozen=True)
class _OnStore(ChatStep[None]):
    store: Store
    begin: Callable[[], Steps[None]]

    def perform(self, chats: Chats[BaseMessage]) -> None:  # noqa: ARG002 - as of every step
        """See `ChatStep.perform`."""
        run_on(self.store, self.begin())

    async def aperform(self, chats: Chats[BaseMessage]) -> None:  # noqa: ARG002 - as above
        """See `ChatStep.perform`."""
        await arun_on(self.store, self.begin())


@cache
def exclusive(cls: type[SessionKitMiddleware]) -> type[SessionKitMiddleware]:
    """Return a class of middleware, of the same name, whose runs have their session one at a time."""
    return type(cls.__name__, (Exclusive, cls), {"__module__": cls.__module__, "__doc__": cls.__doc__})


class Exclusive(_Base):
    """The hooks that have a run hold its session; they go before a `SessionKitMiddleware`'s."""

    def wrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]],
    ) -> ToolMessage | Command[Any]:
        """Call a tool, and give the turn back if the run ends there."""
        try:
            return handler(request)
        except GraphInterrupt:
            raise
        except (Exception, CancelledError):
            run(self._release(request.state), lambda step: step.perform(self._chats))
            raise

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """See `wrap_tool_call`."""
        try:
            return await handler(request)
        except GraphInterrupt:
            raise
        except (Exception, CancelledError):
            await to_its_end(arun(self._release(request.state), lambda step: step.aperform(self._chats)))
            raise

    def _answer(self, request: ModelRequest[Any]) -> Steps[ModelResponse[Any]]:
        state: Any = request.state
        current = self._run_of(state, request.runtime, None)
        if not current.session_id:
            return (yield from super()._answer(request))
        held = yield from self._hold(current)
        with inside(held):
            try:
                return (yield from super()._answer(request))
            except GraphInterrupt:
                raise
            except (Exception, CancelledError):
                yield from self._give_back(current)
                raise

    def _store(
        self, state: SessionKitState, runtime: Runtime[Any], config: RunnableConfig, *, ended: bool = False
    ) -> Steps[dict[str, Any]]:
        current = self._run_of(state, runtime, config)
        if not current.session_id:
            return (yield from super()._store(state, runtime, config, ended=ended))
        held = yield from self._hold(current)
        with inside(held):
            update = yield from super()._store(state, runtime, config, ended=ended)
        if ended:
            yield from self._give_back(current)
        return update

    def _hold(self, current: Run) -> Steps[HeldTurn]:
        held = current.turn
        if held is None:
            outer = held_turn(self._sessions.store, current.session_id)
            if outer is not None:  # a block of the caller's own, of which the run is part
                return outer
            held = HeldTurn(self._sessions.store, current.session_id, current.name, 0)
            try:
                yield from _OnStore(self._sessions.store, lambda: take_turn(held, TTL, TTL))
            except CancelledError:  # it may have been taken
                yield from _OnStore(self._sessions.store, lambda: give_back_turn(held))
                raise
            current.turn = held
        else:
            yield from _OnStore(self._sessions.store, lambda: renew_turn(held, TTL))
        return held

    def _give_back(self, current: Run) -> Steps[None]:
        held, current.turn = current.turn, None
        if held is not None:
            yield from _OnStore(self._sessions.store, lambda: give_back_turn(held))

    def _release(self, state: Any) -> Steps[None]:
        held = state.get("sessionkit_run") if isinstance(state, dict) else None
        current = getattr(held, "run", None)
        if current is not None:
            yield from self._give_back(current)
