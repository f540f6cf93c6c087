"""A store whose writes may tell those who watch."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.stores.copies import with_options
from sessionkit_integrations.stores.notices import EVERY, Notices, Polling
from sessionkit_integrations.stores.options import checked_flag
from sessionkit_integrations.stores.redis.commands import Command
from sessionkit_integrations.stores.redis.scripted import ScriptedStore

if TYPE_CHECKING:
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.redis.hearing import AsyncLine, Channel, Line

T = TypeVar("T")

_WRITES = {"append", "replace", "delete"}
"""Scripts after which a session is other than before."""

_SUBSCRIBE: Command[None] = Command("SUBSCRIBE", (), (), lambda _reply: None)
"""Name of a failed connection in errors."""


class NotifyingStore(ScriptedStore):
    """A scripted store whose server passes notices on."""

    notify: bool = False
    """True if each write tells those who watch."""

    def __init__(self, *, notify: bool, **options: Any) -> None:
        super().__init__(**options)
        self.notify = checked_flag("notify", notify)

    def _with_options(self, url: str) -> str:
        return with_options(super()._with_options(url), notify=self.notify)

    def notices(self, session_id: str | None, every: float = EVERY) -> Notices:
        """See `Store.notices`."""
        if not self.notify:
            return Polling(every)
        # Imported where somebody watches.
        from sessionkit_integrations.stores.redis.hearing import Channel, HeardNotices  # noqa: PLC0415

        lines = self._lines(Channel(self._keys, session_id))
        return HeardNotices(*lines, self._policy, partial(self._judge, _SUBSCRIBE))

    @abstractmethod
    def _lines(self, channel: Channel) -> tuple[Line, AsyncLine]:
        """Return connections over which a channel can be heard, which are not open yet."""

    def _operation(self, command: Command[T], node: Any = None) -> Steps[T]:
        if self.notify and command.name in _WRITES:
            channel = self._keys.channel(command.keys[0])
            command = replace(command, args=(*command.args, channel), notifies=True)
        return super()._operation(command, node)
