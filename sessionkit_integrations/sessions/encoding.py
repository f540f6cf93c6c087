"""Messages of one framework as records, and what a store is asked for beside them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.records.codec import PLAIN, encode_all
from sessionkit_integrations.records.record import counted_tokens, decode
from sessionkit_integrations.runtime.calling import in_thread_if_many
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.stores.totals import totals_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations.records.codec import Codec
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.sessions.quotas import Quota
    from sessionkit_integrations.stores.values import AppendOptions

M = TypeVar("M")


class Encoding(Generic[M]):
    """The way in which messages become records.

    Args:
        codec: Writes the framework's messages as records, and reads them.
        max_message_bytes: Largest record, in bytes.
        count_tokens: Counts the tokens of a message, or raises `InvalidMessageError`.
        quota: The quota of each session, if there is one.
        refusable: Whether what is beyond it is refused; if not, it is only counted.
    """

    def __init__(
        self,
        codec: Codec[M],
        max_message_bytes: int,
        count_tokens: Callable[[Message], int],
        quota: Quota | None = None,
        *,
        refusable: bool = True,
    ) -> None:
        self.codec = codec
        self._quota = quota
        self._refusable = refusable
        self._max_message_bytes = max_message_bytes
        self._count_tokens = count_tokens

    def encode(self, messages: Sequence[M], *, count: bool, at: int | None = None) -> list[Record]:
        """Return the records that hold messages, with their tokens if these are to be counted; see `encode_all`.

        Raises:
            InvalidMessageError: One of them cannot be stored.
        """
        limits_tokens = self._quota is not None and self._quota.tokens is not None
        count_tokens = self._count_tokens if count or limits_tokens else None
        return encode_all(self.codec, messages, self._max_message_bytes, count_tokens, at)

    async def aencode(self, messages: Sequence[M], *, count: bool, at: int | None = None) -> list[Record]:
        """See `encode`. Many messages are encoded in a thread, so that the event loop goes on meanwhile."""
        batch = list(messages)
        return await in_thread_if_many(len(batch), partial(self.encode, batch, count=count, at=at))

    def options(self, records: Sequence[Record], *, wait: bool, read: bool = False) -> AppendOptions:
        """Return what a store is asked for beside the records of an append.

        Args:
            records: The records.
            wait: Whether turns that leave wait for a summary.
            read: Whether the active records are returned.

        Raises:
            QuotaExceededError: The records are more than a whole limit.
        """
        options: AppendOptions = {"wait": wait, "read": True} if read else {"wait": wait}
        usage = totals_of(records)
        if usage:
            options["usage"] = usage
        claim = None if self._quota is None else self._quota.claim(records, refusable=self._refusable)
        if claim is not None:
            options["quota"] = claim
        return options

    def tokens_of(self, record: Record) -> int:
        """Return the tokens of a record, which are counted now if nobody did so when it was written.

        A counter that refuses a message refuses to write it. What is stored already must be read, so that it then has
        the tokens of the default counter.
        """
        tokens = counted_tokens(record)
        if tokens is not None:
            return tokens
        try:
            message = PLAIN.decode(decode(record))
        except (ValueError, RecursionError):
            return 0  # whoever reads it finds out
        try:
            return self._count_tokens(message)
        except InvalidMessageError as error:
            # Imported where it is needed.
            from sessionkit_integrations.tokens import approximate_tokens  # noqa: PLC0415

            LOGGER.warning("a stored message was counted by approximate_tokens, as its %s", error)
            return approximate_tokens(message)

    def count(self, fields: Fields) -> int:
        """Return the tokens of the message that a record with ``fields`` holds."""
        return self._count_tokens(PLAIN.decode(dict(fields)))
