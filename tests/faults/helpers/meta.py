"""The meta string of a session, compared with the window's rules."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from redis import Redis

_META = re.compile(rb"2 (\d+) (\d+) (\d+) (\S+) (\S+) (\d+) (\d+) \d+ \d+ \d+ \d+ (\d+) (\S+,)")


def describe_turn(records: list[bytes]) -> str:
    """Return the size and the mark of a turn."""
    mark = 0
    for record in records:
        ending = 0
        for byte in record[-6:-1]:
            ending = ending * 31 + byte
        mark = (mark * 31 + len(record) * 961 + ending) % 65521
    return f"{len(records)}:{mark}"


def check_meta(client: Redis, key_prefix: str, session_id: str, appended: int) -> None:
    """Check that a session's meta agrees with its lists.

    Args:
        client: A client of its server.
        key_prefix: The store's.
        session_id: The session.
        appended: How many messages have been appended to it, ever.
    """
    active, meta, archive = Keys(key_prefix).all_of(session_id)
    records: Any = client.lrange(active, 0, -1)
    numbers = number_turns(role_of(record) for record in records)
    grouped = groupby(zip(numbers, records, strict=True), key=lambda pair: pair[0])
    turns = [describe_turn([record for _, record in turn]) for number, turn in grouped if number]
    text: Any = client.get(meta)
    found = _META.fullmatch(text)
    assert found is not None, text
    assert [int(found[group]) for group in (1, 2, 3, 6, 7)] == [
        len(records),
        numbers.count(0),
        len(turns),
        appended,
        client.llen(archive),
    ], text
    assert found[4].decode() == turns[-1]
    assert found[5].decode() == ("".join(f"{turn}," for turn in turns[:-1]) or "-")
    operations = found[9].split(b",")[:-1]
    assert len(operations) == int(found[8])
    assert len(set(operations)) == len(operations), "an operation is remembered twice"
