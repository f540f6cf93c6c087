"""A corrupt record is told from a fault of our own code, and objects that are made share nothing."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel, PrivateAttr

from sessionkit_integrations import CorruptSessionError
from sessionkit_integrations.adapting.with_pydantic import text_constructor, unvalidated_constructor
from sessionkit_integrations.records.codec import PlainCodec, decode_all
from sessionkit_integrations.records.unreadable import UnreadableRecordError


@pytest.mark.parametrize("fault", [TypeError, AttributeError, KeyError, IndexError, ValueError])
def test_a_fault_of_a_reader_is_not_taken_for_a_corrupt_record(fault: type[Exception]) -> None:
    def fail(fields: Any) -> Any:
        raise fault

    class Faulty(PlainCodec):
        text_decoders = dict.fromkeys(["user"], fail)
        decode = staticmethod(fail)

    for record in (b'{"role":"user","content":"x"}', b'{"role":"user","content":"x","at":1}'):
        with pytest.raises(fault) as raised:
            decode_all(Faulty(), [record], "s")
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


def test_messages_that_are_made_of_a_text_share_no_value() -> None:
    make = text_constructor(HumanMessage(""), "content")
    one, other = make({"content": "x"}), make({"content": "x"})
    one.additional_kwargs["more"] = 1
    assert other == HumanMessage("x")
