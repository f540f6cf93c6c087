"""Exchanges of records on a server: one script, which writes as many records as it is given."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sessionkit_integrations.records.record import now
from sessionkit_integrations.runtime.steps import arun, run
from sessionkit_integrations.stores.base import Store
from sessionkit_integrations.stores.redis import replies
from sessionkit_integrations.stores.redis.commands import Command
from sessionkit_integrations.stores.redis.performing import PerformsSteps

if TYPE_CHECKING:
    from sessionkit_integrations.stores.redis.commands import Word
    from sessionkit_integrations.stores.redis.keys import Keys
    from sessionkit_integrations.stores.values import Exchange

_ARCHIVED, _HIDES = 1, 2
"""Flags of the script."""


def exchange_records(keys: Keys, session_id: str, exchange: Exchange) -> Command[bool]:
    """Return the command for `Store.exchange`."""
    digest = hashlib.sha1(b"\n".join(exchange.before), usedforsecurity=False).hexdigest()
    flags = _ARCHIVED * exchange.archived + _HIDES * exchange.hides
    args: tuple[Word, ...] = (now(), flags, exchange.position, digest, *exchange.after)
    touched = keys.all_of(session_id)
    return Command("exchange", touched, args, lambda reply: replies.number(reply) > 0, is_script=True, writes=True)


class Exchanges(PerformsSteps, Store):
    """The exchanges of a store on a server."""

    _keys: Keys

    def exchange(self, session_id: str, exchange: Exchange) -> bool:
        """See `Store.exchange`."""
        return run(self._operation(exchange_records(self._keys, session_id, exchange)), self._perform)

    async def aexchange(self, session_id: str, exchange: Exchange) -> bool:
        """See `Store.exchange`."""
        return await arun(self._operation(exchange_records(self._keys, session_id, exchange)), self._aperform)
