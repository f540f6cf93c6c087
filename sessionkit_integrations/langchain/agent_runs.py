"""The part of a session in an agent's run: the messages that are stored, and those that the model sees.

The state of a run holds its own messages, and with a checkpointer the messages of earlier runs too. The session holds
all of them already, but for the newest. So a run has to know which messages of the state are stored, and with which
of them it began: the model sees earlier ones as the session has them.

It knows that for sure while it is in one process. It has to look where another one may have written and died: after an
interrupt, and after a run that did not reach its end.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.langchain.agent_steps import Append, Prompt, ReadWindow
from sessionkit_integrations.runtime.logs import LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from langchain_core.messages import AnyMessage

    from sessionkit_integrations.langchain.agent_state import Progress
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.turns import HeldTurn


class Held(str):
    """The run of a state, which is a plain string to everybody else: streams show no window, and savers take it."""

    __slots__ = ("run",)
    run: Run

    @classmethod
    def of(cls, run: Run) -> Held:
        """Return what holds a run."""
        held = cls(run.name)
        held.run = run
        return held

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)


class Run:
    """A run of an agent, in the process that runs it.

    Args:
        session_id: The session; empty if the run has none.
        name: A random name of the run.
        began: The id of the message with which it began; empty if that is not known.
        stored: The ids of the messages in the state that are stored.
        is_sure: Whether no other message of the state can be stored, as no run before it broke off.

    Attributes:
        turn: The turn of the session, where runs have it one at a time.
    """

    __slots__ = ("_again", "_is_sure", "_kept", "_stored", "_window", "began", "name", "session_id", "turn")

    def __init__(self, session_id: str, name: str, began: str, stored: Iterable[str], *, is_sure: bool) -> None:
        self.session_id = session_id
        self.name = name
        self.began = began
        self._stored = list(stored)
        self._again: set[str] = set()
        self._kept: list[BaseMessage] = []
        self._is_sure = is_sure
        self._window: list[BaseMessage] | None = None
        self.turn: HeldTurn | None = None

    @classmethod
    def of(cls, messages: Sequence[BaseMessage], progress: Progress | None, session_id: Callable[[], str]) -> Run:
        """Return the run that an agent's state is in: a new one, or one that is resumed.

        Args:
            messages: The messages in the state.
            progress: The progress in it.
            session_id: Returns the session of a new run.
        """
        stored = set(progress["stored"]) if progress else set()
        new = [message for message in messages if message.id not in stored and not _is_summary(message)]
        if progress and not progress["ended"] and not any(map(_is_user, new)):
            kept = progress["stored"]
            return cls(progress["session_id"], progress["run"], progress["began"], kept, is_sure=False)
        kept = [_id(message) for message in messages if message.id in stored]
        is_sure = progress is None or progress["ended"]
        # Without anything new, the model is asked again, as after its reply was removed from the state.
        began = _beginning(new or [message for message in messages if _is_user(message)][-1:])
        goes_on = progress is not None and not progress["ended"] and progress["began"] == began
        name = progress["run"] if progress is not None and goes_on else secrets.token_hex(8)
        return cls(session_id(), name, began, kept, is_sure=is_sure)

    def progress(self, *, ended: bool = False) -> Progress:
        """Return what a checkpointer keeps of the run."""
        return {
            "session_id": self.session_id,
            "run": self.name,
            "began": self.began,
            "stored": list(self._stored),
            "ended": ended,
        }

    def prompt(self, messages: Iterable[AnyMessage], state: Sequence[BaseMessage]) -> list[AnyMessage]:
        """Return the window and, after it, the messages of a request that are of this run.

        Args:
            messages: The messages of the request.
            state: The messages in the agent's state.
        """
        if not self.session_id:
            return list(messages)
        # Without its first message, a summary in the state stands for the beginning of this very run.
        earlier = {message.id for message in state[: _place(state, self.began)]}
        asked = list(messages)
        before = _place(asked, self.began)
        window: Any = self._window or ()
        return [
            *window,
            # Results of calls before the run are in the window; LangChain makes up some that have no id yet.
            *(each for each in asked[:before] if getattr(each, "id", None) not in earlier and not _is_result(each)),
            *asked[before:],
        ]

    def note(self, answers: Iterable[BaseMessage]) -> None:
        """Take note of the answers of the model, which are new even if a stored message has the same id."""
        self._again = {_id(answer) for answer in answers}.intersection(self._stored)

    def keep(self, state: Sequence[BaseMessage]) -> None:
        """Keep the messages that are not stored yet, as `SummarizationMiddleware` may put a summary in their place."""
        self._kept = self._unstored(state)

    def ask(self, state: Sequence[BaseMessage]) -> Steps[None]:
        """Store the input of the run and read the window, unless that has been done: with one command.

        An input of several messages may repeat some that are stored, as clients send whole conversations. So the
        session is looked at first.

        Args:
            state: The messages in the agent's state.
        """
        if self._window is not None or not self.session_id:
            return
        new = self._unstored(state)
        if self._is_sure and _is_single(new):
            window = yield from self._prompt(new, "|".join(["input", *map(_id, new)]))
            # A message with the id of one that was answered, or that left the window, is another one.
            new = [] if _is_waiting(new[-1], window) else new
        else:
            window = yield from self._look(new)
            new = self._unstored(state)
        if new and (self._is_sure or any(map(_is_user, new))):
            window = yield from self._prompt_with_earlier(new)
        self._is_sure = True
        self._window = self._before(window, state)

    def store(self, state: Sequence[BaseMessage]) -> Steps[None]:
        """Store all messages of the run that are not stored yet, with one command.

        Args:
            state: The messages in the agent's state.
        """
        if not self.session_id:
            return
        new = self._unstored(state)
        if new and not self._is_sure:
            window = yield from self._look(new)
            new = self._unstored(state)
            self._is_sure = True
            self._window = self._before(window, state)
        if new:
            key = "|".join([self.name, str(len(self._stored)), *map(_id, new)])
            yield from Append(self.session_id, new, key)
            self._take(new)

    def _unstored(self, state: Sequence[BaseMessage]) -> list[BaseMessage]:
        stored = set(self._stored) - self._again
        new = [message for message in state if message.id not in stored and not _is_summary(message)]
        known = stored.union(message.id for message in new)
        gone = [message for message in self._kept if message.id not in known]
        if gone and any(map(_is_summary, state)):  # what others remove from a run is not stored
            new = gone + new
        # LangGraph puts an answer whose id was used before where the earlier message was; it belongs at the end.
        return sorted(new, key=lambda message: message.id in self._again)

    def _prompt(self, new: list[BaseMessage], key: str | None) -> Steps[list[BaseMessage]]:
        window = yield from Prompt(self.session_id, new, key)
        self.began = _beginning(new)
        self._take(new)
        return window

    def _prompt_with_earlier(self, new: list[BaseMessage]) -> Steps[list[BaseMessage]]:
        """See `_prompt`; what an earlier run left in the state is not in the way of a question if it is refused."""
        try:
            return (yield from self._prompt(new, None))
        except InvalidMessageError as error:
            if self._is_sure or len(new) == 1:
                raise
            LOGGER.warning("messages of a run that failed are in the agent's state and not stored: %s", error)
        self._take(new[:-1])
        return (yield from self._prompt(new[-1:], None))

    def _look(self, new: Sequence[BaseMessage]) -> Steps[list[BaseMessage]]:
        """Read the window, and take what it holds of some messages as stored, with all that is before that."""
        window = yield from ReadWindow(self.session_id)
        ids = {message.id for message in window}
        known = max((at for at, message in enumerate(new) if message.id in ids), default=-1)
        self._stored += map(_id, new[: known + 1])
        return window

    def _take(self, new: Iterable[BaseMessage]) -> None:
        self._stored += map(_id, new)
        self._again = set()

    def _before(self, window: list[BaseMessage], state: Sequence[BaseMessage]) -> list[BaseMessage]:
        """Return the window as it was before the run."""
        questions = {message.id: at for at, message in enumerate(window) if _is_user(message)}
        if self.began in questions:
            return window[: questions[self.began]]
        own = {message.id for message in state[_place(state, self.began) :]}
        end = min((at for question, at in questions.items() if question in own), default=len(window))
        before, is_own = [], False
        for message in window[:end]:
            if not _is_result(message):  # results, also those that were made up, go with their calls
                is_own = message.id in own
            if not is_own and message.id not in own:
                before.append(message)
        return before


def _beginning(new: Sequence[BaseMessage]) -> str:
    """Return the id of the message with which a run begins that was given some messages: of its last question."""
    users = [at for at, message in enumerate(new) if _is_user(message)]
    first = users[-1] if users else 0
    while first > 0 and first - 1 in users:
        first -= 1
    return _id(new[first]) if new else ""


def _is_single(new: Sequence[BaseMessage]) -> bool:
    """Return whether an input is one message, apart from instructions."""
    return sum(not isinstance(message, SystemMessage) for message in new) == 1


def _is_waiting(message: BaseMessage, window: Sequence[BaseMessage]) -> bool:
    """Return whether a window holds a message of an input, and not all of its turn if it is a question."""
    if not _is_user(message):
        return True
    is_there = any(each.id == message.id for each in window)
    return is_there and not (isinstance(window[-1], AIMessage) and not window[-1].tool_calls)


def _place(messages: Sequence[Any], message_id: str) -> int:
    """Return the position of the message that has an id, which is near the end in most cases; 0 if there is none."""
    last = len(messages) - 1
    return next((at for at in range(last, 0, -1) if getattr(messages[at], "id", None) == message_id), 0)


def _is_result(message: object) -> bool:
    return isinstance(message, ToolMessage)


def _is_user(message: BaseMessage) -> bool:
    return isinstance(message, HumanMessage) and not _is_summary(message)


def _is_summary(message: BaseMessage) -> bool:
    """Return whether a message is one that `SummarizationMiddleware` puts into the state."""
    return message.additional_kwargs.get("lc_source") == "summarization"


def _id(message: BaseMessage) -> str:
    return message.id or ""
