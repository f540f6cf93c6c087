"""Commands that go over connections, packed as redis-py packs them, with hiredis and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis.asyncio
from hypothesis import example, given
from hypothesis import strategies as st

from sessionkit_integrations.records.record import Record
from sessionkit_integrations.stores.redis import wire
from sessionkit_integrations.stores.redis.wire import packed

if TYPE_CHECKING:
    from sessionkit_integrations.stores.redis.commands import Word

CONNECTION = redis.asyncio.Connection()
WORDS = st.text(max_size=20) | st.binary(max_size=20) | st.integers()


@pytest.mark.parametrize("by_hiredis", [True, False])
@example(words=[Record(b"{}" * 10_000), "", -1])
@given(words=st.lists(WORDS, max_size=8))
def test_a_command_is_packed_as_by_the_driver(words: list[Word], by_hiredis: bool) -> None:
    command = ("EVALSHA", *words)
    with pytest.MonkeyPatch.context() as patch:
        if not by_hiredis:
            patch.setattr(wire, "_pack", None)
        assert packed(command, CONNECTION.encoder) == b"".join(CONNECTION.pack_command(*command))


def encoder(encoding: str, errors: str = "strict") -> object:
    return redis.asyncio.Connection(encoding=encoding, encoding_errors=errors).encoder


def test_texts_are_encoded_as_the_client_has_it() -> None:
    assert packed(("GET", "é…"), encoder("latin-1", "replace")) == b"*2\r\n$3\r\nGET\r\n$2\r\n\xe9?\r\n"
    for encoding in ("latin-1", "utf-8"):
        with pytest.raises(UnicodeEncodeError):
            packed(("GET", "…\ud800"), encoder(encoding))
    assert packed(("GET", "\udcff"), encoder("utf-8", "surrogateescape")) == b"*2\r\n$3\r\nGET\r\n$1\r\n\xff\r\n"
