"""Commands of a batch, packed as redis-py packs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis.asyncio
from hypothesis import example, given
from hypothesis import strategies as st

from sessionkit_integrations.records.record import Record
from sessionkit_integrations.stores.redis.executing import packed

if TYPE_CHECKING:
    from sessionkit_integrations.stores.redis.commands import Word

CONNECTION = redis.asyncio.Connection()
WORDS = st.text(max_size=20) | st.binary(max_size=20) | st.integers()


@example([Record(b"{}" * 10_000), "", -1])
@given(st.lists(WORDS, max_size=8))
def test_a_command_is_packed_as_by_the_driver(words: list[Word]) -> None:
    command = ("EVALSHA", *words)
    assert packed(command, "utf-8", "strict") == b"".join(CONNECTION.pack_command(*command))


def test_texts_are_encoded_as_the_client_has_it() -> None:
    assert packed(("GET", "é…"), "latin-1", "replace") == b"*2\r\n$3\r\nGET\r\n$2\r\n\xe9?\r\n"
    with pytest.raises(UnicodeEncodeError):
        packed(("GET", "…"), "latin-1", "strict")
