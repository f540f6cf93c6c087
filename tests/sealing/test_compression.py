"""Frames, dictionaries, and how much smaller conversations get."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Compress, RedisStore, SessionManager
from sessionkit_integrations.records import zstd
from sessionkit_integrations.records.codec import PlainCodec, encode_all
from sessionkit_integrations.records.sealed_parts import body_of
from sessionkit_integrations.records.sealing import Sealer
from tests.conversations import DATA, conversations, real_conversations
from tests.fixtures.chats import HELD_OUT
from tests.fixtures.chats import conversations as written

if TYPE_CHECKING:
    from tests.servers import Server

PLAIN: Any = PlainCodec()
MAGIC = bytes.fromhex("28b52ffd")
RESERVED = 0b1000
TEXTS = [b"", b"x", b'"content":"Hello!"' * 20, random.Random(1).randbytes(300), bytes(70_000)]  # noqa: S311
LEAST_RUN = 24


@pytest.mark.parametrize("text", TEXTS, ids=len)
def test_frames_are_read_with_and_without_their_magic_number(text: bytes) -> None:
    frame = zstd.compress(text)
    assert not frame.startswith(MAGIC)
    assert zstd.decompress(frame, len(text)) == zstd.decompress(MAGIC + frame, len(text)) == text


def test_no_frame_begins_as_the_magic_number_does() -> None:
    module = zstd._module()

    def is_valid(descriptor: int) -> bool:
        try:
            module.get_frame_info(MAGIC + bytes([descriptor]) + bytes(20))
        except module.ZstdError:
            return False
        return True

    assert [is_valid(descriptor) for descriptor in range(256)] == [not each & RESERVED for each in range(256)]
    assert MAGIC[0] & RESERVED


def test_each_dictionary_has_the_number_of_its_file() -> None:
    module = zstd._module()
    numbers = [int(path.stem) for path in sorted(zstd.path_of(1).parent.glob("*.zstd"))]
    assert numbers == [*range(1, zstd.DICTIONARY + 1)]
    for number in numbers:
        frame = module.compress(TEXTS[2], zstd_dict=module.ZstdDict(zstd.path_of(number).read_bytes()))
        assert module.get_frame_info(frame).dictionary_id == number
        assert zstd.decompress(frame, 1000) == TEXTS[2]


def test_the_real_conversations_take_half_their_bytes_in_redis(empty_server: Server) -> None:
    sizes: dict[str, dict[str, int]] = {}
    for name, seal in (("plain", None), ("packed", Compress())):
        store = RedisStore(empty_server.url, key_prefix=f"{name}:", archive=True)
        with SessionManager(3, store, seal=seal) as sessions, empty_server.client() as client:
            conversation: Any
            for number, conversation in enumerate(conversations()):
                sessions.send_messages(f"{number}", conversation)
                assert sessions.get_session(f"{number}")[-1] == conversation[-1]
            sizes[name] = {
                part: sum(len(each) for key in client.scan_iter(pattern) for each in client.lrange(key, 0, -1))
                for part, pattern in (("window", f"{name}:*"), ("archive", f"{{{name}:*:archive"))
            }
    plain, packed = sizes["plain"], sizes["packed"]
    most = 0.5 if DATA.exists() else 0.6  # the few that stand in for them are shorter
    assert packed["window"] <= most * plain["window"]
    assert sum(packed.values()) <= most * sum(plain.values())
    assert packed["archive"] <= 0.6 * plain["archive"]  # it has no instructions, and the shorter messages


def ratio(messages: list[Any]) -> float:
    """Return what conversations take of their bytes."""
    records = encode_all(PLAIN, messages)
    seals = Sealer(Compress(), "", 10**6).of("s")
    stored = [seals.seal(each) for each in records]
    assert [seals.open(each) for each in stored] == records
    return sum(map(len, stored)) / sum(map(len, records))


def test_conversations_that_the_dictionary_was_not_trained_on_get_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [each for chat in written(HELD_OUT, random.Random(2)) for each in chat]  # noqa: S311
    now = ratio(messages)
    assert now < 0.75
    monkeypatch.setattr(zstd, "DICTIONARY", 1)
    assert now < 0.95 * ratio(messages)


def test_the_dictionary_shares_common_phrases_alone_with_the_real_ones() -> None:
    """Otherwise it would say nothing of other conversations that these get half as large."""
    records = {body_of(each) for chat in real_conversations() for each in encode_all(PLAIN, chat)}
    said = b"\0".join(records)
    dictionary = zstd.path_of(zstd.DICTIONARY).read_bytes()
    places = range(len(dictionary) - LEAST_RUN)
    parts = {dictionary[place : place + LEAST_RUN] for place in places}
    shared = parts & {said[place : place + LEAST_RUN] for place in range(len(said) - LEAST_RUN)}
    runs, place = [], 0
    while place in places:
        end = place + LEAST_RUN
        if dictionary[place:end] in shared:
            while dictionary[place : end + 1] in said:
                end += 1
            runs.append(dictionary[place:end])
            place = end
        place += 1
    assert [run for run in runs if len(run) >= 48] == []
    assert sum(map(len, runs)) < 0.03 * len(dictionary)
