"""The step that asks a summarizer, plain or asynchronous, from either world."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import SummaryError
from sessionkit_integrations.runtime.calling import acall, call
from sessionkit_integrations.sessions.steps import StoreStep

if TYPE_CHECKING:
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.stores.base import Store

Summarize = Callable[["str | None", "list[Message]"], "str | Awaitable[str]"]
"""A summarizer: given the text of the present summary and the messages that left since, returns the next text."""


@dataclass(frozen=True)
class Ask(StoreStep[str]):
    """Asks the summarizer for a text.

    Raises:
        SummaryError: It raised, or returned no text.
    """

    summarize: Summarize
    previous: str | None
    messages: list[Message]

    def perform(self, store: Store) -> str:
        """See `StoreStep.perform`."""
        del store
        try:
            return _checked(call(partial(self.summarize, self.previous, self.messages)))
        except SummaryError:
            raise
        except Exception as error:
            raise _failed(error) from error

    async def aperform(self, store: Store) -> str:
        """See `StoreStep.perform`."""
        del store
        summarize = getattr(self.summarize, "asummarize", self.summarize)
        ask = partial(summarize, self.previous, self.messages)
        try:
            is_coroutine = inspect.iscoroutinefunction(summarize)
            return _checked(await acall(ask, is_coroutine=is_coroutine, thread="sessionkit-summarizer"))
        except SummaryError:
            raise
        except Exception as error:
            raise _failed(error) from error


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise SummaryError(f"the summarizer must return a text, got {type(text).__name__}; the turns wait")
    if not text.strip():
        raise SummaryError("the summarizer returned an empty text; the turns wait")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # models do write half a surrogate pair
        raise SummaryError("the summarizer returned a text that is not Unicode; the turns wait") from error
    return text


def _failed(error: Exception) -> SummaryError:
    return SummaryError(f"the summarizer raised {type(error).__name__}; the turns wait")
