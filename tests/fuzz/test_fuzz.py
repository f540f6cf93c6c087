"""Bytes that nobody wrote are messages or are corrupt, whoever reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures import files, records_in
from tests.fuzz.properties import CODECS, PLAIN_RECORDS, check
from tests.langchain.messages import json_values

RECORDS = sorted({*PLAIN_RECORDS, *(record for path in files() for record in records_in(path))})
NAMES = sorted({name for record in RECORDS for name in json.loads(record)} | {"type", "text", "args", "blocks", "x"})

every_codec = pytest.mark.parametrize("codec", CODECS)
thorough = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a record some of whose bytes are changed, missing or repeated."""
    data = draw(st.sampled_from(RECORDS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 8)))
        data = data[:start] + draw(st.binary(max_size=4) | st.just(data[start:stop] * 2)) + data[stop:]
    return data


@st.composite
def altered(draw: st.DrawFn) -> bytes:
    """Draw a record some of whose values, at any depth, are others, missing or new."""
    record = [json.loads(draw(st.sampled_from(RECORDS)))]
    for _ in range(draw(st.integers(1, 4))):
        container, key = draw(st.sampled_from(list(_places(record))))
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        value = draw(json_values)
        if change == "replace" or container is record:
            container[key] = value
        elif change == "remove":
            del container[key]
        elif isinstance(container, dict):
            container[draw(st.sampled_from(NAMES))] = value
        else:
            container.insert(key, value)
    return json.dumps(record[0]).encode()


def _places(container: Any) -> Any:
    for key in list(container) if isinstance(container, dict) else range(len(container)):
        yield container, key
        if isinstance(container[key], (dict, list)):
            yield from _places(container[key])


@every_codec
@thorough
@given(data=st.binary())
def test_any_bytes(codec: str, data: bytes) -> None:
    check(CODECS[codec], data)


@every_codec
@thorough
@given(data=damaged())
def test_damaged_records(codec: str, data: bytes) -> None:
    check(CODECS[codec], data)


@every_codec
@thorough
@given(data=altered())
def test_altered_records(codec: str, data: bytes) -> None:
    check(CODECS[codec], data)


@every_codec
def test_records_as_they_are(codec: str) -> None:
    for record in RECORDS:
        check(CODECS[codec], record)
