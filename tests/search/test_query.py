"""Queries: any text is one, and arguments that are wrong are refused."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations.records.words import cut
from sessionkit_integrations.search.query import MAX_WORDS, Query, checked_timeout

NOON = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)


def count(query: str, text: str) -> dict[str, int]:
    asked = Query(query)
    names = [
        *asked.words,
        *(f"*{part}*" for part in asked.parts),
        *(" ".join(row.split()) for row in (*asked.pairs, *asked.rows)),
    ]
    return {names[term]: each for term, each in asked.counts(text).terms.items()}


def test_all_words_in_a_row_count_as_many_times_as_they_are() -> None:
    assert count("is it far", "Is it far? It is far.")["is it far"] == 1
    assert Query("is it far").weights == (1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 3.0)


def test_words_count_as_a_whole_inside_longer_ones_and_beside_each_other() -> None:
    text = "The ship sank. Steamship or ship, to sank ship."
    assert count("ship sank", text) == {"ship": 3, "sank": 2, "*ship*": 4, "*sank*": 2, "ship sank": 1}
    assert count("schiff", "Dampfschifffahrt") == {"*schiff*": 1}
    assert count("tea", "no coffee") == {}


@pytest.mark.parametrize("text", ['"a" AND (b OR c*) NOT d NEAR/2 e', "@field:{x} -y ~z", "%_'; DROP TABLE--", "a:b^2"])
def test_nothing_is_an_operator(text: str) -> None:
    assert set(Query(text).words) == set(cut(text))
    assert {"and", "or", "not"} <= set(Query("a AND b OR NOT c").words)


@given(st.text())
def test_any_text_is_a_query_that_finds_itself(text: str) -> None:
    query = Query(text)
    assert len(query.weights) == len(query.words) + len(query.parts) + len(query.pairs) + len(query.rows)
    assert set(range(len(query.words))) <= query.counts(text).terms.keys()
    assert query.lists == (not text.strip())


@given(*[st.text("abAB1 -_.'$\n", max_size=12)] * 2)
def test_what_a_text_lacks_is_known_before_it_is_cut(query: str, text: str) -> None:
    asked = Query(query)
    counted = asked.counts(f"{text} \u0436")  # which is cut in any case
    assert asked.counts(text).terms == counted.terms
    if counted.terms:
        assert asked.counts(text).length == counted.length - 1


def test_the_first_words_of_a_long_query_count() -> None:
    assert len(Query(" ".join(f"w{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(500))).words) == MAX_WORDS


def test_times_are_from_since_on_and_before_until() -> None:
    at = round(NOON.timestamp() * 1000)
    query = Query("", since=NOON, until=NOON + timedelta(seconds=1))
    assert [query.includes_time(each) for each in (at - 1, at, at + 999, at + 1000, None)] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert Query("").includes_time(None)
    assert Query("", until=NOON.astimezone(timezone(timedelta(hours=5)))).includes_time(at - 1)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"text": None}, TypeError, "query must be a string, got NoneType"),
        ({"text": b"tea"}, TypeError, "query must be a string, got bytes"),
        ({"tool": 1}, TypeError, "tool must be a string, got int"),
        ({"archived": 1}, TypeError, "archived must be True or False, got int"),
        ({"limit": 0}, ValueError, "limit must be at least 1, got 0"),
        ({"limit": True}, TypeError, "limit must be an integer, got bool"),
        ({"since": datetime(2026, 1, 1)}, ValueError, "since must say its time zone"),  # noqa: DTZ001 - that is it
        ({"until": "today"}, TypeError, "until must be a datetime, got str"),
        ({"roles": "user"}, TypeError, "roles must be a collection of roles"),
        ({"roles": ["human"]}, ValueError, "roles must be some of assistant, system, tool, user, got 'human'"),
        ({"roles": [[]]}, ValueError, r"got \[\]"),
        ({"roles": []}, ValueError, "at least one role"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Query(**{"text": "tea", **arguments})


def test_developer_stands_for_system() -> None:
    assert Query("", roles=("developer", "user")).roles == {"system", "user"}


@pytest.mark.parametrize(("timeout", "error"), [(0, ValueError), (float("nan"), ValueError), (True, TypeError)])
def test_wrong_timeouts_are_refused(timeout: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="timeout must be"):
        checked_timeout(timeout)
    assert checked_timeout(0.5) == 0.5
