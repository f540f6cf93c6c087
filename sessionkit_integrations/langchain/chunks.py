"""Chunks of LangChain's streams as the messages they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk, BaseMessage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OWN_IDS = ("lc_run-", "run-")
"""How ids begin that LangChain gives to chunks to which their provider gave none."""


def whole(messages: Sequence[BaseMessage]) -> Iterator[BaseMessage]:
    """Yield messages, those of a stream's chunks that follow one another added up."""
    stream: Any = None
    ids: set[str | None] = set()
    for message in messages:
        if stream is not None and isinstance(message, AIMessageChunk) and _goes_on(stream, ids, message.id):
            stream = stream + message
            ids.add(message.id)
            continue
        if stream is not None:
            yield stream
            stream = None
        if isinstance(message, AIMessageChunk):
            stream, ids = message, {message.id}
        else:
            yield message
    if stream is not None:
        yield stream


def _goes_on(stream: AIMessageChunk, ids: set[str | None], chunk_id: str | None) -> bool:
    """Whether a chunk belongs to a stream.

    Args:
        stream: What the chunks of the stream add up to so far.
        ids: Their ids. In one stream, some may have the provider's id, and others LangChain's own.
        chunk_id: The id of the chunk that follows.
    """
    if stream.chunk_position == "last":
        return False
    if chunk_id in ids or chunk_id is None or None in ids:
        return chunk_id in ids
    return all(each.startswith(_OWN_IDS) != chunk_id.startswith(_OWN_IDS) for each in ids if each is not None)
