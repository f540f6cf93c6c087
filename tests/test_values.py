"""Values that JSON cannot hold are written as JSON that any parser reads, and come back equal."""

from __future__ import annotations

import collections
import dataclasses
import enum
import itertools
import json
import logging
import math
import socket
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from sessionkit_integrations import InvalidMessageError
from sessionkit_integrations.adapting.objects import write_fields
from sessionkit_integrations.records import values as records_values
from sessionkit_integrations.records.notes import restore
from sessionkit_integrations.records.ordinary import is_plain_json
from sessionkit_integrations.records.sizes import MAX_LEVELS
from sessionkit_integrations.records.unreadable import UnreadableRecordError
from tests.equality import exact

MAX_BYTES = 2**20
TIME_LIMIT = 5
"""Seconds within which anything is written or refused; what is dumped without bounds would take years."""


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")

    held: Any = None
    internal: Any = Field(default=None, exclude=True)


@dataclasses.dataclass
class Row:
    held: Any


class Colour(enum.Enum):
    RED = "red"


def passed_on(value: Any) -> Any:
    """Return what a value becomes that is written, kept as JSON and read."""
    values, notes = write_fields({"field": value}, MAX_BYTES)
    written = json.dumps([values, notes], ensure_ascii=False, allow_nan=False).encode()
    values, notes = json.loads(written, parse_constant=pytest.fail)
    restore(values, notes, {})
    return values["field"]


texts = st.text(st.characters(codec=None) | st.characters(categories=["Cs"]), max_size=5)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**1100), 2**1100)
    | st.floats()
    | texts
    | st.binary(max_size=5)
    | st.sampled_from([math.nan, math.inf, -math.inf, 2**1023, -(2**1023), 2**1024, "\ud83d", "\ud83d\ude00"])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)


@settings(deadline=None, max_examples=250)
@given(value=values)
def test_any_value_comes_back_equal(value: Any) -> None:
    assert exact(passed_on(value)) == exact(value)


def written(fields: dict[str, Any], max_bytes: int) -> Any:
    try:
        return exact(list(write_fields(fields, max_bytes)))
    except InvalidMessageError as error:
        return str(error)


def chain(levels: int) -> list[Any]:
    """Return lists in lists, so many that the innermost is on a level."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@example({"field": chain(MAX_LEVELS)}, 1000)
@example({"field": chain(MAX_LEVELS + 1)}, 1000)
@example({"field": [[]] * (MAX_LEVELS + 1)}, 1000)
@example({"field": "x" * 801}, 100)
@example({"field": {"a": ["x" * 101]}}, 100)
@example({"field": [0] * 101}, 100)
@example({"field": {"é": 1.5, "\ud83d": True}}, 1000)
@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=3), values, max_size=3), st.sampled_from([10, 1000]))
def test_plain_json_is_written_as_anything_else_is(fields: dict[str, Any], max_bytes: int) -> None:
    short = written(fields, max_bytes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records_values, "is_plain_json", lambda value, max_bytes: False)
        assert written(fields, max_bytes) == short


@pytest.mark.parametrize(
    ("value", "is_plain"),
    [
        ({"a": ["x", 1, 1.5, None, True, {"b": {}}]}, True),
        ({"a": chain(MAX_LEVELS - 1)}, True),
        ({"a": chain(MAX_LEVELS)}, False),
        ({"a": "x" * 1000}, False),
        ({"a": [0] * 1000}, False),
        ({"a": (1,)}, False),
        ({1: "a"}, False),
        ({"a": "\ud83d"}, False),
        ({"a": math.nan}, False),
        ({"a": 2**63}, False),
        ({"a": Colour.RED}, False),
        ({"a": np.str_("x")}, False),
    ],
)
def test_plain_json_is_known(value: Any, *, is_plain: bool) -> None:
    assert is_plain_json(value, 1000) is is_plain


def test_an_integer_of_any_size_comes_back_equal() -> None:
    assert passed_on([10**5000, -(10**5000)]) == [10**5000, -(10**5000)]


def test_keys_that_differ_in_half_an_emoji_stay_apart() -> None:
    value = dict(zip(["\ud83d", "\ud83e", "\ufffd"], [1, [b"x"], {"\udc00": math.inf}], strict=True))
    assert passed_on(value) == value


@pytest.mark.parametrize(
    ("value", "dumped"),
    [
        ((1, ("a",)), [1, ["a"]]),
        (
            {1: "a", None: "c", (1, 2): "d", 1.5: "f", b"k": "g", Colour.RED: "h"},
            {"1": "a", "None": "c", "1,2": "d", "1.5": "f", "k": "g", "red": "h"},
        ),
        ({True: "a", False: "b"}, {"true": "a", "false": "b"}),
        ({"a"}, ["a"]),
        (frozenset({1}), [1]),
        (collections.deque([1, b"x"]), [1, b"x"]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (Row(b"x"), {"held": b"x"}),
        ([Row(Row((1,)))], [{"held": {"held": [1]}}]),
        (Model.model_validate({"held": b"\xff", "more": (1, math.inf)}), {"held": b"\xff", "more": [1, math.inf]}),
        ({"deep": [Model(held=Row(Model()))]}, {"deep": [{"held": {"held": {"held": None}}}]}),
        (Model(internal="not dumped"), {"held": None}),
        (Colour.RED, "red"),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        ({"scores": [np.float64("nan"), np.uint8(7)]}, {"scores": [math.nan, 7]}),
        (np.str_("x"), "x"),
        (bytearray(b"x"), b"x"),
    ],
)
def test_other_values_come_back_as_the_framework_dumps_them(value: Any, dumped: Any) -> None:
    assert exact(passed_on(value)) == exact(dumped)


class Raising(BaseModel):
    def model_dump(self, **_: Any) -> Any:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (object, "object"),
        (lambda: np.array([1.5]), "numpy.ndarray"),
        (itertools.count, "itertools.count"),
        (lambda: (each for each in range(3)), "generator"),
        (socket.socket, "socket.socket"),
        (Raising, f"{__name__}.Raising"),
        (lambda: print, "builtin_function_or_method"),
    ],
)
def test_what_nothing_can_dump_leaves_a_mark_of_its_type_and_a_warning(
    make: Any, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    value = make()
    assert passed_on({"kept": 1, "gone": [value]}) == {"kept": 1, "gone": [f"[{name} left out]"]}
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("sessionkit_integrations", logging.WARNING)
    assert f"field.gone.0, [{name} left out]" in record.getMessage()
    getattr(value, "close", int)()


def test_an_iterator_is_not_consumed() -> None:
    numbers = iter([1, 2, 3])
    passed_on([numbers, Model(held=numbers)])
    assert list(numbers) == [1, 2, 3]


def doubled(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value, value]
    return value


def endless() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


WRAPPERS: dict[str, Any] = {
    "list": lambda value: value,
    "dict": lambda value: {"a": value},
    "tuple": lambda value: (value,),
    "deque": lambda value: collections.deque([value]),
    "dataclass": Row,
    "pydantic": lambda value: Model(held=value),
    "pydantic beside its fields": lambda value: Model.model_validate({"more": value}),
    "pydantic in a dataclass": lambda value: Row(Model(held=value)),
}


@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize("make", [lambda: doubled(40), endless, lambda: [endless(), endless()]])
def test_what_would_be_endless_is_refused_at_once(make: Any, wrap: str) -> None:
    begin = time.monotonic()
    with pytest.raises(InvalidMessageError) as raised:
        write_fields({"field": WRAPPERS[wrap](make())}, 8 * MAX_BYTES)
    assert raised.value.field in {"field", "message"}
    assert time.monotonic() - begin < TIME_LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("wrap", WRAPPERS)
def test_what_is_held_often_is_written_once(wrap: str) -> None:
    begin = time.monotonic()
    written = write_fields({"field": WRAPPERS[wrap](doubled(20))}, 8 * MAX_BYTES)
    assert len(json.dumps(written.values)) > 2**20
    assert time.monotonic() - begin < TIME_LIMIT


def test_bytes_that_are_held_often_come_back_everywhere() -> None:
    value: Any = [b"x"]
    for _ in range(4):
        value = {"a": value, "b": value}
    assert passed_on(value) == value


@pytest.mark.parametrize(
    "note",
    [
        "text",
        [],
        [["field"]],
        [["field"], "bytes", 1, 2],
        [[], "bytes"],
        [["other"], "bytes"],
        [["field", 7], "bytes"],
        [["field", "a"], "bytes"],
        [["field"], 5],
        [["field", 0], "float"],
        [["field", 0], "integer"],
        [["field", 1], "bytes"],
        [["field", 0], "surrogates"],
        [["field", 0], "surrogates", [[9, 55357]]],
        [["field", 0], "surrogates", [[0, 65]]],
        [["field", 0], "key", "YQ=="],
        [["field", 2, "k"], "key"],
        [["field", 2, "k"], "key", "/w=="],
    ],
)
def test_a_note_that_does_not_go_with_its_record_is_unreadable(note: Any) -> None:
    with pytest.raises(UnreadableRecordError):
        restore({"field": ["text!", 1, {"k": 1}]}, [note], {})


def test_a_note_of_a_later_version_leaves_what_stands_there() -> None:
    fields = {"field": [1]}
    restore(fields, [[["field", 0], "complex"]], {})
    assert fields == {"field": [1]}
