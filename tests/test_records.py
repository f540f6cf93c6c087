"""Records: the bytes, and what cannot be read."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations import CorruptSessionError, Edit, InMemoryStore, Message, SessionManager, Usage
from sessionkit_integrations.records.codec import PlainCodec, decode_all, encode_all
from sessionkit_integrations.records.record import Record, role_of, usage_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
roles = st.sampled_from(["system", "user", "assistant", "tool"])
contents = st.text() | st.lists(
    st.fixed_dictionaries({"type": st.text(max_size=5).filter(lambda kind: kind != "text"), "data": json_values}),
    max_size=3,
)
messages = st.builds(
    lambda fields, role, content: {**fields, "content": content, "role": role},
    st.dictionaries(
        st.text(max_size=5).filter(lambda name: name not in {"at", "name", "usage"}), json_values, max_size=3
    ),
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


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b'{"role":"assistant","content":"x","usage":{"input":1,"output":2},"at":3}', Usage(1, 2)),
        (b'{"role":"assistant","usage":{"input":1,"output":2,"cached":3,"reasoning":4},"at":3}', Usage(1, 2, 3, 4)),
        (
            b'{"role":"assistant","usage":{"input":1,"output":2,"model":"},\\"usage\\":{"},"tokens":4,"at":3}',
            Usage(1, 2, model='},"usage":{'),
        ),
        (b'{"role":"assistant","content":"x","at":3}', None),
        (b'{"role":"user","x":{"a":1,"usage":{"input":1,"output":2}},"at":3}', None),
        (b'{"role":"user","content":",\\"usage\\":{\\"input\\":1,\\"output\\":2}","at":3}', None),
        (b'{"role":"assistant","usage":{"input":1},"at":3}', None),
        (b'{"role":"assistant","usage":{"input":1,"output":2}', None),
        (b'{"role":"assistant","usage":{"input":1,"output":-2},"at":3}', None),
        (b',"usage":{' + b"[" * 2000, None),
        (b"", None),
    ],
)
def test_usage_is_found_at_the_end_of_a_record(record: bytes, expected: Usage | None) -> None:
    assert usage_of(record) == expected


def test_usage_stands_at_the_end_wherever_it_was_in_the_message() -> None:
    usage = {"input": 10, "output": 2, "model": "m" * 200}
    message: Message = {"usage": usage, "content": "x", "role": "assistant"}
    (record,) = encode_all(PlainCodec(), [message], at=5, count=lambda _: 7)
    written = json.dumps(usage, separators=(",", ":"))
    assert record.decode() == f'{{"role":"assistant","content":"x","usage":{written},"tokens":7,"at":5}}'
    assert usage_of(record) == Usage(10, 2, model="m" * 200)
