"""Commands sent with redis-py, by its clients of either kind."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import redis
from redis.exceptions import NoScriptError

from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.stores.redis import commands
from sessionkit_integrations.stores.redis.batching import send_all

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.connections import AsyncConnections, Connections
    from sessionkit_integrations.stores.redis.requests import Send

_TAKES_KEYS = int(redis.__version__.split(".")[0]) > 5  # noqa: PLR2004 - a version
"""True if redis-py takes the keys of a command beside it, by which a client with a cache knows what it has."""

_NEVER_DECODE = "NEVER_DECODE"
"""Option of redis-py for the bytes of a reply, also from a client that decodes replies."""


def _options(command: Command[Any], step: Send) -> dict[str, Any]:
    options: dict[str, Any] = {} if command.is_script else {_NEVER_DECODE: True}
    if step.node is not None:
        options["target_nodes"] = step.node
    return options


def execute(own: Connections[Any], step: Send) -> Any:
    """Send a command, and its script as well if the server does not know it; return the driver's reply."""
    command, options = step.command, _options(step.command, step)
    if command.name == "LRANGE" and _TAKES_KEYS:
        options["keys"] = command.keys
    try:
        return own.client.execute_command(*commands.words(command, by_text=False), **options)
    except NoScriptError:
        LOGGER.debug("%s: the server does not know the script, so its text follows", command.name)
        return own.client.execute_command(*commands.words(command, by_text=True), **options)


async def aexecute(own: AsyncConnections[Any], step: Send) -> Any:
    """See `execute`."""
    command, options = step.command, _options(step.command, step)
    before = _cancellations()
    try:
        reply = await own.client.execute_command(*commands.words(command, by_text=False), **options)
    except NoScriptError:
        LOGGER.debug("%s: the server does not know the script, so its text follows", command.name)
        reply = await own.client.execute_command(*commands.words(command, by_text=True), **options)
    if _cancellations() > before:
        # redis-py loses a cancellation on Python 3.11 if it comes just as a command has been sent.
        raise asyncio.CancelledError
    return reply


async def aexecute_all(own: AsyncConnections[Any], steps: Sequence[Send]) -> list[Any]:
    """Send commands in one round trip; see `send_all` for what is returned."""
    before = _cancellations()
    outcomes = await send_all(steps, partial(_execute_pipeline, own), _is_unknown_script)
    if _cancellations() > before:
        raise asyncio.CancelledError
    return outcomes


async def _execute_pipeline(own: AsyncConnections[Any], steps: Sequence[Send], by_text: Collection[int]) -> list[Any]:
    pipeline = own.client.pipeline(transaction=False)
    for index, step in enumerate(steps):
        words = commands.words(step.command, by_text=index in by_text)
        pipeline.execute_command(*words, **_options(step.command, step))
    outcomes: list[Any] = await pipeline.execute(raise_on_error=False)
    return outcomes


def _is_unknown_script(outcome: Any) -> bool:
    return isinstance(outcome, NoScriptError)


def _cancellations() -> int:
    """Return how often the running task has been cancelled."""
    if sys.version_info < (3, 11):
        return 0  # a backport's tasks count, too, but not what async_timeout takes back of its own cancellations
    task = asyncio.current_task()
    # Tasks of other libraries need not count.
    return task.cancelling() if isinstance(task, asyncio.Task) else 0
