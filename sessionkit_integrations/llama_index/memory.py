"""LlamaIndex's `Memory` on a session.

A `Memory` has a queue of messages and memory blocks, which hear of what leaves the queue. Here the queue is a session.
Messages are appended to it without evicting any. What then passes the session's window, or the memory's limit of
tokens, is taken out by an edit: it is made only if no other writer was faster, so of several writers exactly one takes
a turn out, and hands it to the blocks.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.llama_index.async_chat_store import SessionKitAsyncChatStore
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.sessions.descriptions import describe
from sessionkit_integrations.sessions.edits import EditPlan, count_departed, given_back
from sessionkit_integrations.sessions.snapshot import SessionSnapshot
from sessionkit_integrations.window.turns import number_turns

try:
    from llama_index.core.bridge.pydantic import Field
    from llama_index.core.memory import Memory
    from llama_index.core.prompts import RichPromptTemplate
except ImportError as error:
    raise MissingDependencyError("SessionKitMemory", "llama-index") from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llama_index.core.base.llms.types import ChatMessage

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.manager import SessionManager

_CHARACTERS_OF_A_TOKEN = 4
_STORE_OPTIONS = frozenset({"chat_store", "table_name", "async_database_uri", "async_engine", "db_schema"})


class SessionKitMemory(Memory):
    """A LlamaIndex `Memory` whose queue is a session, for chat engines and agents.

    Whole turns leave the queue, oldest first: those that pass the window of the sessions, and those that pass the
    share of ``token_limit`` that ``chat_history_token_ratio`` gives the queue, then at least ``token_flush_size``
    tokens at once. The memory blocks hear of each message that leaves, once. The preamble and the current turn never
    leave. What leaves is archived if the store of the sessions was made with ``archive=True``.

    All that write to the session should do so by a `SessionKitMemory`: what others evict, no block hears of. A block
    that raises has missed the messages that it was handed.

    Examples:
        >>> sessions = SessionManager.from_url("redis://localhost?archive=true", memory_window=20)
        >>> memory = SessionKitMemory.from_defaults(session_id="user123", sessions=sessions, token_limit=8000)
        >>> await FunctionAgent(llm=llm, tools=tools).run("Hello", memory=memory)
    """

    sql_store: SessionKitAsyncChatStore = Field(  # pyright: ignore[reportIncompatibleVariableOverride]  # it is required
        exclude=True, description="The chat store on the sessions; `from_defaults` makes it."
    )

    @classmethod
    def class_name(cls) -> str:
        """Return the name by which LlamaIndex knows the class."""
        return "SessionKitMemory"

    @classmethod
    def from_defaults(  # type: ignore[override]
        cls,
        session_id: str | None = None,
        *,
        sessions: SessionManager,
        chat_history: list[ChatMessage] | None = None,
        **options: Any,
    ) -> SessionKitMemory:
        """Return a memory on a session.

        Args:
            session_id: The session; a new one if ``None``.
            sessions: The sessions.
            chat_history: Messages that replace the session's.
            options: The arguments of `Memory.from_defaults` that are not about its chat store: ``token_limit``,
                ``token_flush_size``, ``chat_history_token_ratio``, ``tokenizer_fn``, ``memory_blocks`` and so on.

        Raises:
            TypeError: One of the options is not one, or is one of a chat store.
        """
        if unfit := _STORE_OPTIONS & options.keys():
            raise TypeError(f"SessionKitMemory keeps its messages in sessions, and takes no {', '.join(sorted(unfit))}")
        store = SessionKitAsyncChatStore(sessions=sessions)
        memory = super().from_defaults(session_id=session_id, chat_store=store, **options)
        assert isinstance(memory, SessionKitMemory)  # noqa: S101 - as it is made of this class
        if chat_history is not None:
            memory.set(chat_history)
        return memory

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """Return the memory as JSON, by which `from_dict` makes one on the same session.

        Raises:
            ValueError: It has memory blocks, which JSON cannot hold.
        """
        if self.memory_blocks:
            raise ValueError("memory blocks cannot be written as JSON: pass the memory to each run, or pickle it")
        data: dict[str, Any] = super().to_dict(**{"mode": "json", **kwargs})
        template = self.memory_blocks_template.template_str
        return {**data, "memory_blocks_template": template, "sessions": describe(self.sessions)}

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> SessionKitMemory:
        """Return the memory that `to_dict` wrote.

        Raises:
            StoreError: Its sessions are in the memory of another process, or need a password that is not here.
        """
        fields = {name: value for name, value in {**data, **kwargs}.items() if name not in {"class_name", "sessions"}}
        fields["memory_blocks_template"] = RichPromptTemplate(fields["memory_blocks_template"])
        return cls(**fields, sql_store=SessionKitAsyncChatStore(sessions=data["sessions"]))

    @property
    def sessions(self) -> SessionManager:
        """The sessions."""
        return self.sql_store.sessions

    async def aput(self, message: ChatMessage) -> None:
        """Add a message; see `aput_messages`."""
        await self.aput_messages([message])

    async def aput_messages(self, messages: list[ChatMessage]) -> None:
        """Add messages to the session, all at once, and hand the blocks what leaves it.

        Raises:
            InvalidSessionIdError, InvalidMessageError, StoreError: As from `SessionManager.send_messages`.
        """
        if not messages:
            return
        chats = self.sessions.using(LlamaIndexCodec(), evict=False)
        active = (await chats.aappend_and_read(self.session_id, messages)).active
        window, tokens_of = self.sessions.window, chats.tokens_of
        session = SessionSnapshot.of(self.session_id, LlamaIndexCodec(), window, active, tokens_of=tokens_of)
        await self._manage_queue(session)

    async def aset(self, messages: list[ChatMessage]) -> None:
        """Replace the messages of the session, and hand the blocks what does not fit and has not left before.

        Raises:
            SessionKitError: As `aput_messages`.
        """
        encoded = await self._chats.aencode(messages)

        def edit(session: SessionSnapshot[ChatMessage]) -> EditPlan[list[ChatMessage]]:
            records = given_back(session, encoded)
            given = SessionSnapshot.of(session.session_id, session.reader, session.window, records)
            departed = count_departed(session, records)
            leaving, kept = self._divide(given)
            outside = session.messages_between(session.preamble_end, session.window_start)
            start, stop = (given.preamble_end + count for count in (departed, len(leaving)))
            heard = outside + given.messages_between(start, stop)
            return EditPlan(heard, kept, evicted=leaving[departed:])

        await self._hand_over(await self._chats.aedit(self.session_id, edit))

    async def _manage_queue(self, known: SessionSnapshot[ChatMessage] | None = None) -> None:
        """Take out of the session what passes its window or the limit of tokens, and hand it to the blocks."""

        def edit(session: SessionSnapshot[ChatMessage]) -> EditPlan[list[ChatMessage]]:
            leaving, kept = self._divide(session)
            if not leaving:
                return EditPlan([])
            start = session.preamble_end
            heard = session.messages_between(start, start + len(leaving))
            # What is outside of the window leaves by every edit.
            return EditPlan(heard, kept, evicted=leaving[len(session.outside) :])

        await self._hand_over(await self._chats.aedit(self.session_id, edit, known))

    def _estimate_token_count(self, message_or_blocks: Any) -> int:
        try:
            return super()._estimate_token_count(message_or_blocks)
        except (AttributeError, TypeError, ValueError):
            # A block to which something else than a text was assigned must not make all of the session unreadable.
            return len(repr(message_or_blocks)) // _CHARACTERS_OF_A_TOKEN

    async def _hand_over(self, messages: list[ChatMessage]) -> None:
        if messages:
            await asyncio.gather(
                *(
                    block.aput(messages, from_short_term_memory=True, session_id=self.session_id)
                    for block in self.memory_blocks
                )
            )

    def _divide(self, session: SessionSnapshot[ChatMessage]) -> tuple[list[Record], list[Record]]:
        """Return the records that leave a session, and those that it keeps."""
        preamble, window = session.messages("preamble"), session.messages("window")
        limit = int(self.token_limit * self.chat_history_token_ratio)
        turns = number_turns(map(role_of, session.active[session.window_start :]))
        sizes = [self._estimate_token_count(message) for message in window]
        excess = sum(map(self._estimate_token_count, preamble)) + sum(sizes) - limit
        flushed = _flushed(turns, sizes, max(excess, self.token_flush_size)) if excess > 0 else 0
        end = session.window_start + flushed
        active = session.active
        return list(active[session.preamble_end : end]), [*active[: session.preamble_end], *active[end:]]

    @property
    def _chats(self) -> Chats[ChatMessage]:
        return self.sessions.using(LlamaIndexCodec())


def _flushed(turns: Sequence[int], sizes: Sequence[int], wanted: int) -> int:
    """Return the number of messages that leave a queue so that its turns but the last give up as many tokens.

    Args:
        turns: The number of the turn that each message belongs to.
        sizes: The tokens of each message.
        wanted: The tokens that are to leave, if there are as many.
    """
    tokens = 0
    for index, (turn, size) in enumerate(zip(turns, sizes, strict=True)):
        begins = index > 0 and turn != turns[index - 1]
        if begins and (tokens >= wanted or turn == turns[-1]):
            return index
        tokens += size
    return 0
