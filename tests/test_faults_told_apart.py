"""A corrupt record is told from a fault of our own code, and objects that are made share nothing."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, PrivateAttr

from sessionkit_integrations import CorruptSessionError
from sessionkit_integrations.adapting.with_pydantic import unvalidated_constructor
from sessionkit_integrations.records.codec import PlainCodec, decode_all
from sessionkit_integrations.records.unreadable import UnreadableRecordError


@pytest.mark.parametrize("fault", [TypeError, AttributeError, KeyError, IndexError, ValueError])
def test_a_fault_of_a_reader_is_not_taken_for_a_corrupt_record(fault: type[Exception]) -> None:
    class Faulty(PlainCodec):
        def decode(self, fields: Any) -> Any:
            raise fault

    with pytest.raises(fault) as raised:
        decode_all(Faulty(), [b'{"role":"user","content":"x"}'], "s")
    assert not isinstance(raised.value, CorruptSessionError)


def test_an_unreadable_record_is_corrupt() -> None:
    with pytest.raises(CorruptSessionError) as raised:
        decode_all(PlainCodec(), [b'{"role":"user","content":5}'], "s")
    assert isinstance(raised.value.__cause__, UnreadableRecordError)


class Model(BaseModel):
    items: list[int] = [1]
    _private: list[int] = PrivateAttr(default_factory=list)


def test_objects_that_are_made_share_no_value_and_no_private_attribute() -> None:
    make = unvalidated_constructor(Model())
    one, other = make({}), make({})
    one.items.append(2)
    one._private.append(3)
    assert (other.items, other._private) == ([1], [])
    assert Model() == other
