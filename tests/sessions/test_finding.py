"""Search by the index of a store: it finds what a walk finds, and each hit is what the session holds by then."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionkit_integrations import CorruptSessionError, Edit, Hits, InMemoryStore, Record, SessionManager, Store
from sessionkit_integrations.records.codec import decode_all
from sessionkit_integrations.records.record import encode
from sessionkit_integrations.records.search_texts import SearchReader
from sessionkit_integrations.search.query import Query
from sessionkit_integrations.sessions import finding, searching
from sessionkit_integrations.stores.terms import Place, Terms
from tests.sessions.test_search import NOON, assistant, calling, questions, result, user, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class IndexedStore(InMemoryStore):
    """A store whose index is a look at everything; `asked` are the pages that it was asked for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: list[tuple[int, int]] = []

    def find(
        self, terms: Terms, *, since: int | None, skip: int, limit: int, session_id: str | None = None
    ) -> Sequence[Place]:
        """See `Store.find`."""
        assert since is None or type(since) is int
        self.asked.append((skip, limit))
        places = []
        query = Query(" ".join(terms.words))
        for each in self.sessions() if session_id is None else [session_id]:
            for archived in (True, False):
                for position, record in enumerate(self.read(each, archived=archived).records):
                    (searched,) = decode_all(SearchReader(), [record], each, first=position, archived=archived)
                    counts = query.counts(" ".join(searched.texts)).terms
                    if counts:
                        places.append(Place(each, position, archived, float(sum(counts.values()))))
        places.sort(key=lambda place: -place.score)
        return places[skip : skip + limit]


def both(*edits: tuple[str, Edit]) -> tuple[SessionManager, SessionManager]:
    """Return the same sessions on a store without an index, and on one with it."""
    managers = SessionManager(2, InMemoryStore(archive=True)), SessionManager(2, IndexedStore(archive=True))
    for manager in managers:
        for number, (session_id, edit) in enumerate(edits):
            manager.store.replace(session_id, edit, None, f"e{number}")
    return managers


def turns_of(hits: Hits) -> list[tuple[str, int, str, bool]]:
    return sorted((hit.session_id, hit.position, repr(hit.messages), hit.archived) for hit in hits)


def records(*messages: Any) -> tuple[Record, ...]:
    return tuple(encode(message, NOON + 1000 * number) for number, message in enumerate(messages))


SAID = st.one_of(
    st.builds(
        lambda role, text: {"role": role, "content": text},
        st.sampled_from(["user", "assistant", "system"]),
        st.sampled_from("abcd"),
    ),
    st.builds(calling, st.sampled_from("ab"), st.sampled_from(['{"c":1}', "{}"]), st.sampled_from("12")),
    st.builds(result, st.sampled_from("abcd"), st.sampled_from("12")),
)


@settings(max_examples=50)
@given(st.lists(SAID, max_size=15), st.integers(0, 15), st.sampled_from(["a", "a b", "c d a", "x"]), st.integers(1, 3))
def test_an_index_finds_what_a_walk_finds(said: list[Any], archived: int, query: str, reach: int) -> None:
    every = records(*said)
    walked, looked_up = both(("s", Edit(every[archived:], every[:archived])), ("t", Edit(every)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finding, "REACH", reach)
        patch.setattr(finding, "NEAR", reach)
        patch.setattr(finding, "PAGE", 4 * reach)
        patch.setattr(searching, "SHORT", 0)
        asked: list[dict[str, Any]] = [{}, {"roles": ["user"]}, {"roles": ["tool"]}, {"session_id": "s"}]
        asked += [{"session_id": "s", "archived": True}, {"session_id": "t", "roles": ["user"]}]
        for options in asked:
            expected = walked.search(query, limit=99, **options)
            found = looked_up.search(query, limit=99, **options)
            assert turns_of(found) == turns_of(expected)
            assert found.complete


def test_an_index_is_asked_in_pages_until_enough_turns_pass(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "SHORT", 0)
    store = IndexedStore(archive=True)
    sessions = SessionManager(2, store)
    for number in range(12):
        write(store, f"s{number}", user(f"tea {number}"), assistant("tea"), at=NOON + number)
    assert len(call(sessions, "search", "tea", limit=2, roles=["assistant"])) == 2
    assert store.asked == [(0, 10)]
    store.asked.clear()
    assert questions(call(sessions, "search", "tea 7", limit=1, tool="none")) == []
    assert store.asked == [(0, 5), (5, 5), (10, 5), (15, 5), (20, 5)]
    store.asked.clear()
    hits = call(sessions, "search", "tea", limit=3)
    assert [(hit.session_id, hit.score) for hit in hits] == [("s2", 4.0), ("s1", 4.0), ("s0", 4.0)]
    store.asked.clear()
    assert len(call(sessions, "search", "", limit=3)) == 3
    assert len(call(sessions, "search", "", session_id="s1")) == 1
    assert store.asked == []
    assert len(call(sessions, "search", "tea", limit=10**30)) == 12
    assert store.asked == [(0, 10_000)]  # engines refuse larger pages
    store.asked.clear()
    (hit,) = call(sessions, "search", "tea", session_id="s1")
    assert (hit.session_id, hit.score) == ("s1", 4.0)
    assert call(sessions, "search", "tea", session_id="gone").hits == ()
    assert store.asked == [(0, 50), (0, 50)]


def test_a_short_session_is_read_and_others_are_looked_up(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "PAGE", 4)
    store = IndexedStore(archive=True)
    sessions = SessionManager(2, store)
    store.replace("s", Edit(records(user("milk")), records(user("tea"), user("tea"))), None, "e")
    size = sum(len(each) for archived in (True, False) for each in store.read("s", archived=archived).records)
    for short, asked in ((size + 1, []), (size, [(0, 50)])):
        monkeypatch.setattr(searching, "SHORT", short)
        store.asked.clear()
        assert questions(call(sessions, "search", "tea", session_id="s")) == ["tea", "tea"]
        assert store.asked == asked
    monkeypatch.setattr(searching, "SHORT", size * 9)
    store.replace("s", Edit(archive=records(user("tea"), user("tea"), user("tea"))), None, "f")
    store.asked.clear()
    assert len(call(sessions, "search", "tea", session_id="s")) == 5
    assert store.asked == [(0, 50)]  # it is on more than a page
    call(sessions, "search", "", session_id="s")
    assert store.asked == [(0, 50)]


def test_a_turn_has_the_scores_of_its_messages() -> None:
    edit = Edit(records(user("tea"), assistant("tea"), user("tea tea tea"), assistant("milk"), user("milk")))
    _, sessions = both(("s", edit))
    assert [(hit.messages[0]["content"], hit.score) for hit in sessions.search("tea milk")] == [
        ("tea tea tea", 8.0),
        ("tea", 4.0),
        ("milk", 2.0),
    ]


def test_places_are_checked(caplog: pytest.LogCaptureFixture) -> None:
    _, sessions = both(
        ("s", Edit(records(user("tea"), assistant("Well."), user("milk")))),
        ("broken", Edit((Record(b'{"role":"user","content":7}'),))),
    )
    store: Any = sessions.store
    store.find = lambda terms, *, since, skip, limit, session_id: wrong if not skip else []
    wrong: list[Place] = [
        Place("gone", 0, False, 9.0),
        Place("s", 7, False, 8.0),
        Place("s", 1, True, 7.0),
        Place("s", 2, False, 6.0),
        Place("s", 0, False, 5.0),
    ]
    store.find = lambda terms, *, since, skip, limit, session_id: wrong if not skip else []
    hits = sessions.search("tea")
    assert (questions(hits), hits.complete) == (["tea"], True)
    wrong.append(Place("broken", 0, False, 1.0))
    with caplog.at_level(logging.WARNING, "sessionkit_integrations"):
        hits = sessions.search("tea")
    assert (questions(hits), hits.complete) == (["tea"], False)
    assert "search leaves out a turn" in caplog.text
    with pytest.raises(CorruptSessionError, match="broken"):
        sessions.search("tea", session_id="broken")


def test_a_message_that_moves_while_it_is_read_is_found_where_it_is() -> None:
    _, sessions = both(("s", Edit(records(user("milk"), user("tea"), user("water")))))
    store: Any = sessions.store
    find = store.find

    def find_and_move(*arguments: Any, **options: Any) -> Any:
        places = find(*arguments, **options)
        if not sessions.get_archive("s"):
            sessions.add_user_message("s", "juice")
        return places

    store.find = find_and_move
    (hit,) = sessions.search("tea")
    assert (questions([hit]), hit.archived) == (["tea"], True)  # type: ignore[arg-type]  # hits in either case
    (hit,) = sessions.search("milk")
    assert hit.archived


def test_without_an_index_there_is_none(call: Callable[..., Any]) -> None:
    assert call(InMemoryStore(), "find", Terms(("tea",), (), ()), since=None, skip=0, limit=1) is None


def test_a_twin_calls_the_plain_method(call: Callable[..., Any]) -> None:
    store: Store = IndexedStore()
    write(store, "s", user("tea"))
    places = call(store, "find", Terms(("tea",), ("tea",), ()), since=None, skip=0, limit=1)
    assert places == [Place("s", 0, False, 2.0)]


def test_the_terms_of_a_query() -> None:
    assert Query("My ORD-4 order").terms == Terms(
        ("my", "ord-4", "ord", "4", "order"),
        ("ord-4", "ord", "order"),
        (("my", "ord-4"), ("ord-4", "ord"), ("ord", "4"), ("4", "order")),
        ("my", "ord-4", "ord", "4", "order"),
    )
