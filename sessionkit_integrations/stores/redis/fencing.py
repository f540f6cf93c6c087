"""Writes inside a turn: the same commands, whose scripts first look at who has the session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.stores import turns

if TYPE_CHECKING:
    from sessionkit_integrations.stores.base import Store
    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.keys import Keys

T = TypeVar("T")

LOST = -9
"""Reply of a script whose writer lost its turn."""


def fenced(store: Store, keys: Keys, session_id: str, command: Command[T]) -> Command[T]:
    """Return a write as it is sent in the present context: with the turn that it belongs to, if any.

    Its script names all keys of the session then, and the lease, which costs one GET.
    """
    holder = turns.holder_of(store, session_id)
    if holder is None:
        return command

    def read_reply(reply: Any) -> T:
        if reply == LOST:
            raise turns.turn_lost(session_id)
        return command.read_reply(reply)

    touched = (*keys.all_of(session_id), keys.lease(session_id, turns.LEASE), *command.keys[3:])
    return replace(command, keys=touched, args=(*command.args, holder), read_reply=read_reply, fenced=True)
