"""Chunks of LangChain's streams as the messages they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_WHOLE = frozenset({HumanMessage, AIMessage, SystemMessage, ToolMessage})
"""Classes of most messages, which are no chunks."""
_OWN_IDS = ("lc_run-", "run-")
"""Beginnings of the ids that LangChain gives to chunks to which their provider gave none."""


def add_up(messages: Sequence[BaseMessage]) -> Iterable[BaseMessage]:
    """Return messages, with a stream's chunks that follow one another added up."""
    return messages if _WHOLE.issuperset(map(type, messages)) else _added_up(messages)


def _added_up(messages: Sequence[BaseMessage]) -> Iterator[BaseMessage]:
    stream: list[AIMessageChunk] = []
    ids: set[str | None] = set()
    for message in messages:
        chunk = message if isinstance(message, AIMessageChunk) else None
        if stream and (chunk is None or not _goes_on(stream[-1], ids, _id_of(chunk))):
            yield from _sum(stream)
            stream, ids = [], set()
        if chunk is None:
            yield message
        else:
            stream.append(chunk)
            ids.add(_id_of(chunk))
    if stream:
        yield from _sum(stream)


def _sum(stream: list[AIMessageChunk]) -> Sequence[BaseMessage]:
    """Return the sum of chunks, made at once: added one by one, each sum would hold all those before it."""
    first, *rest = stream
    try:
        return [first + rest if rest else first]
    except Exception:  # noqa: BLE001 - LangChain's, of chunks to which something was assigned that it cannot add
        return stream


def _id_of(chunk: AIMessageChunk) -> str | None:
    chunk_id = vars(chunk).get("id")
    return chunk_id if isinstance(chunk_id, str) else None


def _goes_on(last: AIMessageChunk, ids: set[str | None], chunk_id: str | None) -> bool:
    """Return whether a chunk belongs to a stream.

    Args:
        last: The last chunk of the stream so far.
        ids: The ids in it. Some chunks of a stream may have the provider's id, and others LangChain's own.
        chunk_id: The id of the chunk that follows.
    """
    if vars(last).get("chunk_position") == "last":
        return False
    if chunk_id in ids or chunk_id is None or None in ids:
        return chunk_id in ids
    return all(each is not None and each.startswith(_OWN_IDS) != chunk_id.startswith(_OWN_IDS) for each in ids)
