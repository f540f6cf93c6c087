"""What the meta string of a session says, and what it ought to say by the window's rules."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from redis import Redis

_META = re.compile(rb"1 (\d+) (\d+) (\d+) (\d+) (\S+) (\d+) (\d+) \d+ \d+ \d+ \d+ (\d+) (\S+,)")


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
    sizes = [len(list(turn)) for number, turn in groupby(numbers) if number]
    text: Any = client.get(meta)
    found = _META.fullmatch(text)
    assert found is not None, text
    assert [int(found[group]) for group in (1, 2, 3, 4, 6, 7)] == [
        len(records),
        numbers.count(0),
        len(sizes),
        sizes[-1],
        appended,
        client.llen(archive),
    ], text
    assert found[5] == ("".join(f"{size}," for size in sizes[:-1]) or "-").encode()
    operations = found[9].split(b",")[:-1]
    assert len(operations) == int(found[8])
    assert len(set(operations)) == len(operations), "an operation is remembered twice"
