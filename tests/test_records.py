"""Records: the bytes, and what cannot be read."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations import CorruptSessionError, Edit, InMemoryStore, Message, SessionManager
from sessionkit_integrations.records.codec import PlainCodec, decode_all, encode_all
from sessionkit_integrations.records.record import Record, role_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
roles = st.sampled_from(["system", "user", "assistant", "tool"])
contents = st.text() | st.lists(st.fixed_dictionaries({"type": st.text(max_size=5), "data": json_values}), max_size=3)
messages = st.builds(
    lambda fields, role, content: {**fields, "content": content, "role": role},
    st.dictionaries(st.text(max_size=5).filter(lambda name: name not in {"at", "name"}), json_values, max_size=3),
    roles,
    contents,
)


@given(st.lists(messages, max_size=4))
def test_plain_messages_come_back_equal(batch: list[Any]) -> None:
    codec = PlainCodec()
    records = encode_all(codec, batch)
    assert decode_all(codec, records, "s") == batch
    assert [role_of(record) for record in records] == [message["role"] for message in batch]


def test_a_plain_record_is_role_content_and_time() -> None:
    before = time.time_ns() // 1_000_000
    message: Message = {"content": "é", "role": "user"}
    (record,) = encode_all(PlainCodec(), [message])
    after = time.time_ns() // 1_000_000
    fields = json.loads(record)
    assert before <= fields["at"] <= after
    assert record == f'{{"role":"user","content":"é","at":{fields["at"]}}}'.encode()


@pytest.mark.parametrize(
    ("record", "role"),
    [
        (b'{"role":"user","content":"x"}', "user"),
        (b'{"role":"tool"}', "tool"),
        (b'{"content":"x", "role": "system"}', "system"),
        (b'{"role":"robot","content":"x"}', ""),
        (b"not JSON", ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_roles_of_foreign_records(record: bytes, role: str) -> None:
    assert role_of(record) == role


@pytest.mark.parametrize(
    "garbage", [b"not JSON", b"[]", b'{"role":"robot","content":"x"}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_corrupt_record_raises_with_its_place(garbage: Record) -> None:
    store = InMemoryStore()
    good = Record(b'{"role":"user","content":"x"}')
    store.replace("s", Edit(active=(good, good, garbage)), None, "op")
    with pytest.raises(CorruptSessionError) as raised:
        SessionManager(store=store).get_session("s")
    assert (raised.value.session_id, raised.value.position) == ("s", 2)
    assert raised.value.__cause__ is not None
