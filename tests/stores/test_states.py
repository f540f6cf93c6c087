"""States of sessions as JSON, for stores that save one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations import Edit, Record, SessionState, StoreError, Usage, Window
from sessionkit_integrations.stores.limits import Level
from sessionkit_integrations.stores.values import Summarized

records = st.lists(st.binary() | st.text().map(str.encode), max_size=3).map(lambda each: [Record(one) for one in each])
counts = st.integers(0, 2**40)
states = st.builds(
    SessionState,
    active=records,
    archived=records,
    operations=st.text(),
    appended=counts,
    waiting=counts,
    waiting_turns=counts,
    summarized=counts,
    created=st.none() | counts,
    updated=st.none() | counts,
    forked_from=st.none() | st.text(),
    usage=st.builds(Usage, counts, counts, counts, counts, st.none() | st.text(min_size=1)).map(lambda each: (each,)),
    levels=st.builds(Level, st.sampled_from("mt"), counts, st.integers(1, 2**40), counts).map(lambda each: (each,)),
)


@given(states)
def test_a_state_that_was_saved_is_equal(state: SessionState) -> None:
    text = state.to_json()
    assert text.isascii()
    assert SessionState.from_json(text) == state
    assert SessionState.from_json(text.encode()) == state


def test_a_saved_state_goes_on_and_knows_a_retry() -> None:
    record = Record(b'{"role":"user","content":"\xc3\xa9","at":1763800000000}')
    state = SessionState()
    state.replace(Edit((record,), summarized=Summarized(), forked_from="é"), None, "1", archive=True)
    state.append([record], Window(1), "2", archive=True)
    again = SessionState.from_json(state.to_json())
    again.append([record], Window(1), "2", archive=True)
    assert (again.active, again.archived, again.forked_from) == ([record], [record], "é")


def test_the_format_of_a_saved_state() -> None:
    state = SessionState(
        [Record(b'{"a":"\xc3\xa9\xff"}')], usage=(Usage(1, 2, model="gpt-5"),), levels=(Level("m", 3, 4, 5),)
    )
    assert json.loads(state.to_json()) == {
        "active": ['{"a":"é\udcff"}'],
        "archived": [],
        "operations": "",
        "appended": 0,
        "waiting": 0,
        "waiting_turns": 0,
        "summarized": 0,
        "created": None,
        "updated": None,
        "forked_from": None,
        "usage": "gpt-5:1:2:0:0,",
        "levels": "m3:4:5;",
    }


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", SessionState().to_json()[:-1], SessionState().to_json().replace("{", '{"newer":1,', 1)]
)
def test_what_is_no_saved_state_is_said(text: str) -> None:
    with pytest.raises(StoreError, match="it is damaged, or a later release"):
        SessionState.from_json(text)
