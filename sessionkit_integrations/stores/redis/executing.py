"""Commands sent with redis-py, by its clients of either kind."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import redis
from redis.exceptions import AskError, ClusterError, NoScriptError

from sessionkit_integrations.runtime.batches import ALONE
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.stores.redis import cluster, commands
from sessionkit_integrations.stores.redis.batching import has_plain_reply, send_all
from sessionkit_integrations.stores.redis.wire import ARGUMENTS_OF_POOL, aexchange, exchange, give_back, packed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sessionkit_integrations.runtime.batches import Settle
    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.connections import AsyncConnections, Connections
    from sessionkit_integrations.stores.redis.requests import Send

_TAKES_KEYS = int(redis.__version__.split(".")[0]) > 5  # noqa: PLR2004 - a version
"""True if redis-py takes the keys of a command beside it, by which a client with a cache knows what it has."""

_ASKING = b"*1\r\n$6\r\nASKING\r\n"
"""Command, as it goes over the wire, behind which a node takes a command of a slot that is moving to it."""

_NEVER_DECODE = "NEVER_DECODE"
"""Option of redis-py for the bytes of a reply, also from a client that decodes replies."""


def execute(own: Connections[Any], step: Send) -> Any:
    """Send a command, and its script as well if the server does not know it; return the driver's reply."""
    try:
        return _execute(own, step, by_text=False)
    except NoScriptError:
        LOGGER.debug("%s: the server does not know the script, so its text follows", step.command.name)
        return _execute(own, step, by_text=True)


def _execute(own: Connections[Any], step: Send, *, by_text: bool) -> Any:
    words = commands.words(step.command, by_text=by_text)
    if own.direct and has_plain_reply(step.command):
        return exchange(own, words, decode=_is_text(step.command))
    give_back(own)
    options = _options(step)
    if step.command.name == "LRANGE" and _TAKES_KEYS:
        options["keys"] = step.command.keys
    return cluster.single_reply(own.client.execute_command(*words, **options), step)


async def aexecute(own: AsyncConnections[Any], step: Send) -> Any:
    """See `execute`."""
    before = _cancellations()
    try:
        reply = await _aexecute(own, step, by_text=False)
    except NoScriptError:
        LOGGER.debug("%s: the server does not know the script, so its text follows", step.command.name)
        reply = await _aexecute(own, step, by_text=True)
    except ClusterError as error:
        if type(error) is not ClusterError or (node := cluster.node_of(own.client, step.command)) is None:
            raise
        reply = await _follow(own, node, step)
    if _cancellations() > before:
        # redis-py loses a cancellation on Python 3.11 if it comes just as a command has been sent.
        raise asyncio.CancelledError
    return reply


async def _aexecute(own: AsyncConnections[Any], step: Send, *, by_text: bool) -> Any:
    words = commands.words(step.command, by_text=by_text)
    if own.direct and has_plain_reply(step.command):
        return await aexchange(own, words, decode=_is_text(step.command))
    return cluster.single_reply(await own.client.execute_command(*words, **_options(step)), step)


def _is_text(command: Command[Any]) -> bool:
    """Return whether a client that decodes replies may decode this one."""
    return command.is_script and not command.binary


def _options(step: Send) -> dict[str, Any]:
    options: dict[str, Any] = {} if _is_text(step.command) else {_NEVER_DECODE: True}
    if step.node is not None:
        options["target_nodes"] = step.node
    return options


async def _follow(own: AsyncConnections[Any], node: Any, step: Send) -> Any:
    """Send a command that redis-py was redirected with until it gave up; see `_ask`."""
    replies: list[Any] = []

    def settle(_index: int, reply: Any) -> None:
        replies.append(reply)

    await _exchange_with(node, [step], {0}, settle)
    if type(error := replies[-1]) is AskError:  # which MovedError is as well
        await _ask(own, {0: error}, [step], settle)
    if isinstance(replies[-1], Exception):
        raise replies[-1]
    return replies[-1]


async def aexecute_all(own: AsyncConnections[Any], node: Any, steps: Sequence[Send], settle: Settle) -> None:
    """Send commands to a node of a cluster, or to a server, in one round trip; see `send_all`.

    A command of a slot that is moving follows to its new node. One that is redirected otherwise goes by itself: the
    client of a cluster learns where slots are.
    """
    before = _cancellations()
    if node is None:
        await send_all(steps, partial(_exchange, own), settle, _is_unknown_script)
    else:
        await _send_all_to(node, own, steps, settle)
    if _cancellations() > before:
        raise asyncio.CancelledError


async def _send_all_to(node: Any, own: AsyncConnections[Any], steps: Sequence[Send], settle: Settle) -> None:
    asked: dict[int, AskError] = {}

    def settle_or_redirect(index: int, outcome: Any) -> None:
        if type(outcome) is AskError and index not in asked:
            asked[index] = outcome
        else:
            settle(index, ALONE if isinstance(outcome, cluster.REDIRECTIONS) else outcome)

    await send_all(steps, partial(_exchange_with, node), settle_or_redirect, _is_unknown_script)
    if asked:
        await _ask(own, dict(asked), steps, settle_or_redirect)


async def _ask(
    own: AsyncConnections[Any], asked: Mapping[int, AskError], steps: Sequence[Send], settle: Settle
) -> None:
    """Send commands to the nodes to which their slots are moving.

    Such a node takes a command only behind ASKING. redis-py sends that over one connection, and the command over
    another if it has several to the node, until it gives up.

    Args:
        own: The connections.
        asked: What the slots' old nodes answered, by the index of the command.
        steps: The commands, and others.
        settle: Takes the outcomes of those that were asked for.
    """
    indexes: dict[Any, list[int]] = {}
    for index, error in asked.items():
        indexes.setdefault(error.node_addr, []).append(index)
    for (host, port), of_node in indexes.items():
        node = own.client.get_node(node_name=f"{host}:{port}")
        if node is None:
            for index in of_node:
                settle(index, cluster.moving_to_unknown_node())
            continue
        together = [steps[index] for index in of_node]

        def settle_one(position: int, outcome: Any, of_node: Sequence[int] = of_node) -> None:
            settle(of_node[position], outcome)

        await send_all(together, partial(_exchange_with, node, before=_ASKING), settle_one, _is_unknown_script)


async def _exchange(
    own: AsyncConnections[Any], steps: Sequence[Send], by_text: Collection[int], settle: Settle
) -> None:
    connection = await own.client.connection_pool.get_connection(*ARGUMENTS_OF_POOL)
    try:
        await _exchange_over(connection, steps, by_text, settle)
        if hasattr(connection, "re_auth"):
            # A pool sends a new token over a connection that came back, which another task may use by then.
            await connection.re_auth()
    finally:
        await own.client.connection_pool.release(connection)


async def _exchange_with(
    node: Any, steps: Sequence[Send], by_text: Collection[int], settle: Settle, before: bytes = b""
) -> None:
    connection = node.acquire_connection()
    try:
        await cluster.renew(node, connection)
        await _exchange_over(connection, steps, by_text, settle, before)
    finally:
        cluster.give_back(node, connection)


async def _exchange_over(
    connection: Any, steps: Sequence[Send], by_text: Collection[int], settle: Settle, before: bytes = b""
) -> None:
    # Not a pipeline of redis-py: it packs each word by itself, and hands out no reply before it has all of them. That
    # of a cluster also sends all commands again if one was redirected.
    await connection.send_packed_command(
        [
            before + packed(commands.words(step.command, by_text=index in by_text), connection.encoder)
            for index, step in enumerate(steps)
        ]
    )
    for index, step in enumerate(steps):
        if before:
            await connection.read_response()
        try:
            outcome = await connection.read_response(disable_decoding=not _is_text(step.command))
        except redis.ResponseError as error:
            outcome = error
        settle(index, outcome)


def _is_unknown_script(outcome: Any) -> bool:
    return isinstance(outcome, NoScriptError)


def _cancellations() -> int:
    """Return how often the running task has been cancelled."""
    if sys.version_info < (3, 11):
        return 0  # a backport's tasks count, too, but not what async_timeout takes back of its own cancellations
    task = asyncio.current_task()
    # Tasks of other libraries need not count.
    return task.cancelling() if isinstance(task, asyncio.Task) else 0
