"""Bytes that Redis holds of a conversation written by us and by others: ``python -m tests.benchmarks.sizes``.

The conversations are the 50 real ones, where the checkout has them. All are kept as a whole by everyone.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.benchmarks.tables import table
from tests.benchmarks.writers import OURS, PEERS, Writer
from tests.conversations import conversations, is_plain_text
from tests.servers import Server, binaries, search_modules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import redis

    from tests.conversations import Conversation

COLUMNS = ("all: record", "all: memory", "text: record", "text: record beyond the text", "text: memory")
TARGET = 0.6
NOTES = """\
Bytes per message, and in brackets their ratio to the smallest of theirs. All: every message of {conversations}
conversations ({messages}); text: of these the {texts} texts of users and assistants alone. Record: what holds the
message. Beyond the text: without the message's content as JSON writes it. Memory: MEMORY USAGE of every key. Equal:
how many of all messages come back as they were written."""


@dataclass(frozen=True)
class Sizes:
    """Bytes per message that a way of writing needs for some conversations.

    Attributes:
        record: What a message is stored as.
        beyond: How much of that is not the message's content.
        memory: The memory of all keys.
        index: The memory of search indexes, beside the keys.
        equal: The share of messages that come back as they were written.
    """

    record: float
    beyond: float
    memory: float
    index: float
    equal: float


def measure(writer: Writer, written: Sequence[Conversation], url: str, client: redis.Redis) -> Sizes:
    """Return the sizes of conversations, after emptying the server and writing them."""
    client.flushall()
    equal = 0
    for number, conversation in enumerate(written):
        messages = [writer.codec.decode(dict(message)) for message in conversation]
        read = writer.write(url, f"conversation-{number}", messages)
        equal += sum(one == other for one, other in zip(messages, read, strict=True))
    keys = list(client.scan_iter(count=1000))
    records = [size for key in keys for size in _records(client, key)]
    contents = [_content(message) for conversation in written for message in conversation]
    if len(records) != len(contents):
        raise RuntimeError(f"{writer.name} made {len(records)} records of {len(contents)} messages")
    return Sizes(
        record=sum(records) / len(records),
        beyond=(sum(records) - sum(contents)) / len(records),
        memory=sum(client.memory_usage(key, samples=0) or 0 for key in keys) / len(records),
        index=_indexes(client) / len(records),
        equal=equal / len(records),
    )


def _content(message: dict[str, Any]) -> int:
    return len(json.dumps(message["content"] or "", ensure_ascii=False).encode()) - len('""')


def _records(client: redis.Redis, key: bytes) -> list[int]:
    kind = client.type(key)
    if kind == b"list":
        records: Any = client.lrange(key.decode(), 0, -1)
        return [len(record) for record in records]
    if kind == b"ReJSON-RL":
        return [len(client.execute_command("JSON.GET", key))]
    return []


def _indexes(client: redis.Redis) -> float:
    total = 0.0
    if search_modules():
        for name in client.execute_command("FT._LIST"):
            info = client.execute_command("FT.INFO", name)
            total += float(info[info.index(b"total_index_memory_sz_mb") + 1]) * 2**20
    return total


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sizes", description=__doc__)
    parser.add_argument("--conversations", type=int, help="how many of them (all by default)")
    everything = conversations()[: parser.parse_args(arguments).conversations]
    texts = [[message for message in conversation if is_plain_text(message)] for conversation in everything]
    server = Server(str(binaries()["redis-8.2"]), *search_modules()).start()
    try:
        with server.client(protocol=2) as client:  # in which modules answer with lists
            sizes = {
                writer.name: (
                    measure(writer, everything, server.url, client),
                    measure(writer, texts, server.url, client),
                )
                for writer in (*OURS, *PEERS)
                if not writer.missing
            }
    finally:
        server.stop()
    print("\n".join(_report(sizes)))
    counts = {"messages": sum(map(len, everything)), "texts": sum(map(len, texts))}
    print(NOTES.format(conversations=len(everything), **counts))


def _report(sizes: dict[str, tuple[Sizes, Sizes]]) -> Iterator[str]:
    values = {
        name: (every.record, every.memory, text.record, text.beyond, text.memory)
        for name, (every, text) in sizes.items()
    }
    theirs = [values[peer.name] for peer in PEERS if peer.name in values]
    smallest = [min(column) for column in zip(*theirs, strict=True)] or [math.nan] * len(COLUMNS)
    ratios = {name: [value / least for value, least in zip(row, smallest, strict=True)] for name, row in values.items()}
    yield table(
        ["written by", *COLUMNS, "equal"],
        [
            [
                name,
                *(f"{value:.1f} ({ratio:.2f})" for value, ratio in zip(row, ratios[name], strict=True)),
                f"{sizes[name][0].equal:.0%}",
            ]
            for name, row in values.items()
        ],
    )
    yield ""
    worst = [max(column) for column in zip(*(ratios[writer.name] for writer in OURS), strict=True)]
    yield f"Target: ours are the smallest everywhere; at worst, they are {max(worst):.2f} of the smallest of theirs."
    of_texts = (
        f"{name.removeprefix('text: ')} {ratio:.2f}"
        for name, ratio in zip(COLUMNS, worst, strict=True)
        if "text" in name
    )
    yield f"Target: of texts, at most {TARGET:.2f} of the smallest of theirs: {', '.join(of_texts)}."
    for name, (every, text) in sizes.items():
        if every.index:
            yield f"{name}: its search index takes {every.index:.0f} (all) or {text.index:.0f} (text) bytes more."
    for peer in PEERS:
        if peer.missing:
            yield f"{peer.name}: not measured, as {' and '.join(peer.missing)} is not installed."


if __name__ == "__main__":
    main()
