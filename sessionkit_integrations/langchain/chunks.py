"""Chunks of LangChain's streams as the messages they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.messages import AIMessageChunk, BaseMessage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OWN_IDS = ("lc_run-", "run-")
"""Beginnings of the ids that LangChain gives to chunks to which their provider gave none."""


def add_up(messages: Sequence[BaseMessage]) -> Iterator[BaseMessage]:
    """Yield messages, those of a stream's chunks that follow one another added up."""
    stream: list[AIMessageChunk] = []
    ids: set[object] = set()
    for message in messages:
        if isinstance(message, AIMessageChunk):
            if stream and not _goes_on(stream[-1], ids, message.id):
                yield _sum(stream)
                stream, ids = [], set()
            stream.append(message)
            ids.add(message.id)
            continue
        if stream:
            yield _sum(stream)
            stream, ids = [], set()
        yield message
    if stream:
        yield _sum(stream)


def _sum(stream: list[AIMessageChunk]) -> BaseMessage:
    """Return the sum of chunks, made at once: added one by one, each sum would hold all those before it."""
    first, *rest = stream
    return first + rest if rest else first


def _goes_on(last: AIMessageChunk, ids: set[object], chunk_id: object) -> bool:
    """Return whether a chunk belongs to a stream.

    Args:
        last: The last chunk of the stream so far.
        ids: The ids in it. Some chunks of a stream may have the provider's id, and others LangChain's own.
        chunk_id: The id of the chunk that follows.
    """
    if last.chunk_position == "last":
        return False
    if chunk_id in ids or not isinstance(chunk_id, str) or None in ids:
        return chunk_id in ids
    return all(isinstance(each, str) and each.startswith(_OWN_IDS) != chunk_id.startswith(_OWN_IDS) for each in ids)
