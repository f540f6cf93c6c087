"""The step that asks a summarizer, plain or asynchronous, from either world.

From synchronous code an asynchronous summarizer is run in an event loop of its own. From asynchronous code a plain one
is run in a daemon thread, not in the loop's executor: a process that ends would wait for that, and a model may never
answer.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import SummaryError
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
            return _checked(_finished(self.summarize(self.previous, self.messages)))
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
            returned = ask() if inspect.iscoroutinefunction(summarize) else await _in_thread(ask)
            return _checked(await returned if inspect.isawaitable(returned) else returned)
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


def _finished(returned: Any) -> Any:
    if not inspect.isawaitable(returned):
        return returned

    async def wait() -> Any:
        return await returned

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    with ThreadPoolExecutor(1) as thread:  # this thread's loop waits for this very call
        return thread.submit(asyncio.run, wait()).result()


async def _in_thread(call: Callable[[], Any]) -> Any:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def tell(result: Any, error: BaseException | None) -> None:
        if not answer.done():  # as it is when the task was cancelled
            answer.set_result((result, error))

    def work() -> None:
        outcome: tuple[Any, BaseException | None]
        try:
            outcome = call(), None
        except BaseException as error:  # noqa: BLE001 - the task raises it
            outcome = None, error
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(tell, *outcome)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name="sessionkit-summarizer", daemon=True).start()
    result, error = await answer
    if error is not None:
        raise error
    return result
