"""Commands that go out in batches: which may, and what follows where a server does not know their scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.runtime.batches import ALONE
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.stores.redis.requests import Send

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from typing import TypeGuard

    from sessionkit_integrations.runtime.batches import Settle
    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.requests import FindNodes

    SendAll = Callable[[Sequence[Send], Collection[int], Settle], Awaitable[None]]


def joins(step: Send | FindNodes) -> TypeGuard[Send]:
    """Return whether a step may go out in a batch; an attempt that follows a failed one goes alone."""
    return isinstance(step, Send) and not step.alone and step.node is None and has_plain_reply(step.command)


def has_plain_reply(command: Command[Any]) -> bool:
    """Return whether redis-py gives the reply to a command as it comes, which is so for our scripts and LRANGE.

    It hands the replies to other commands to functions of its own, and where one fails in a pipeline, it leaves the
    replies that follow in the connection.
    """
    return command.is_script or command.name == "LRANGE"


async def send_all(steps: Sequence[Send], send: SendAll, settle: Settle, is_unknown: Callable[[Any], bool]) -> None:
    """Send commands in one round trip, and in another one those whose scripts the server does not know.

    Args:
        steps: The commands.
        send: Sends commands, some of them with the texts of their scripts, and settles each.
        settle: Is told the outcome of each, as `Batches.join` wants it; `ALONE` if the server forgot a script between
            the two.
        is_unknown: Says whether an outcome is that the server does not know the script.
    """
    unknown: list[int] = []

    def settle_known(index: int, outcome: Any) -> None:
        if is_unknown(outcome):
            unknown.append(index)
        else:
            settle(index, outcome)

    await send(steps, (), settle_known)
    if unknown:
        LOGGER.debug("%d commands: the server does not know their scripts, so the texts follow", len(unknown))
        again = [steps[index] for index in unknown]
        await send(
            again,
            first_of_each_script([step.command for step in again]),
            lambda place, outcome: settle(unknown[place], ALONE if is_unknown(outcome) else outcome),
        )


def first_of_each_script(sent: Sequence[Command[Any]]) -> set[int]:
    """Return the indexes of those commands whose script none before them has: their texts make all of them known."""
    first: dict[tuple[str, bool, bool], int] = {}
    for index, each in enumerate(sent):
        first.setdefault((each.name, each.fenced, each.notifies), index)
    return set(first.values())
