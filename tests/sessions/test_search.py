"""Search in the sessions of every store: what is found, what it says, and what it reads."""

from __future__ import annotations

import logging
import random
import threading
import tracemalloc
from collections import Counter
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations import (
    CorruptSessionError,
    Edit,
    Hit,
    Hits,
    InMemoryStore,
    InvalidSessionIdError,
    Record,
    RedisStore,
    SessionManager,
    Store,
    Summary,
    Window,
)
from sessionkit_integrations.records.record import encode
from sessionkit_integrations.records.words import cut
from sessionkit_integrations.search.query import Query
from sessionkit_integrations.search.ranking import Ranking
from sessionkit_integrations.sessions import searching
from sessionkit_integrations.sessions.showing import MOST_LATE, show_turn
from sessionkit_integrations.window.open_calls import INTERRUPTED
from sessionkit_integrations.window.turns import number_turns
from tests.conversations import Conversation, flaw, is_plain_text, real_conversations, role_of
from tests.stores.test_scripted import executed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tests.backends import Backends, StoreMaker

NOON = 1_767_355_200_000
"""A time, in Unix milliseconds."""
TALK = (
    "I am allergic to peanuts",
    "Wo bleibt meine Donaudampfschifffahrtskarte?",
    "My order is ORD-48213",
    "Я лечу в Москву",
    "هل تطير إلى القاهرة؟",
    "मेरी उड़ान कब है",
    "ผมอยากไปเชียงใหม่",
    "我想订去北京的机票",
    "東京行きの便はありますか",
    "서울에서 출발하나요",
    "Great 🎉",
    "Nothing more",
)

QUERIES = (
    *("peanuts", "schifffahrt", "48213", "москву", "القاهرة", "उड़ान"),
    *("เชียงใหม่", "北京", "東京", "서울", "🎉", ""),
)
"""A query for each of them."""


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def assistant(text: str) -> Any:
    return {"role": "assistant", "content": text}


def calling(name: str, arguments: str, call_id: str = "call_1") -> Any:
    function = {"name": name, "arguments": arguments}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": call_id, "type": "function", "function": function}],
    }


def result(text: str, call_id: str = "call_1") -> Any:
    return {"role": "tool", "content": text, "tool_call_id": call_id}


def archiving(window: int = 2, **options: Any) -> SessionManager:
    return SessionManager(window, InMemoryStore(archive=True), **options)


def questions(hits: Hits) -> list[str]:
    return [hit.messages[0]["content"] for hit in hits]  # type: ignore[misc]  # texts all of them


def plain(hit: Hit) -> Conversation:
    return [dict(message) for message in hit.messages]


def write(store: Store, session_id: str, *messages: Any, at: int = NOON, window: int = 2) -> None:
    """Write each message a second after the one before it."""
    for number, message in enumerate(messages):
        store.append(session_id, [encode(message, at + 1000 * number)], Window(window), f"{session_id}{at}{number}")


def test_every_store_finds_the_same(
    make_store: StoreMaker, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "PAGE", 5)
    outcomes: list[list[Hits]] = []
    for store in (InMemoryStore(archive=True), make_store(archive=True)):
        sessions = SessionManager(2, store)
        turns = [[user(text), assistant("Well.")] for text in TALK]
        write(store, "a", *(message for turn in turns for message in turn))
        write(store, "b", user("No peanuts here"), at=NOON + 10_500)
        asked = [*((query, "a") for query in QUERIES), ("peanuts", None), ("", None)]
        outcomes.append([call(sessions, "search", query, session_id=name, limit=3) for query, name in asked])
    expected, found = outcomes
    assert found == expected
    assert [questions(hits)[0] for hits in found[:-2]] == list(TALK)
    assert questions(found[-2]) == ["No peanuts here", TALK[0]]
    assert questions(found[-1]) == [TALK[11], TALK[10], TALK[9]]
    assert [hit.position for hits in found[:-2] for hit in hits[:1]] == list(range(0, 24, 2))
    assert all(hits.complete for hits in found)


def test_a_hit_is_a_whole_turn_with_its_time_and_place() -> None:
    sessions = archiving()
    turn = [user("Will it rain?"), calling("get_weather", '{"city": "Oslo"}'), result("sunny"), assistant("No.")]
    write(sessions.store, "s", *turn, *map(user, "abc"))
    (hit,) = sessions.search("oslo", session_id="s")
    assert hit.messages == turn
    assert (hit.session_id, hit.archived, str(hit.snippet)) == ("s", True, '{"city": "**Oslo**"}')
    assert hit.at is not None
    assert hit.at.timestamp() * 1000 == NOON
    assert hit.at.utcoffset() == timedelta(0)
    assert hit.score > 0
    (hit,) = sessions.search("b", session_id="s")
    assert (hit.messages, hit.archived) == ([user("b")], False)


def test_a_turn_that_the_window_leaves_out_is_found_as_well() -> None:
    store = InMemoryStore()
    write(store, "s", *map(user, "abc"), window=10)
    hits = SessionManager(2, store).search("", session_id="s")
    assert [(questions(hits)[place], hit.archived) for place, hit in enumerate(hits)] == [
        ("c", False),
        ("b", False),
        ("a", True),
    ]


@pytest.mark.parametrize("query", ["tea", ""])
def test_only_turns_that_left_the_window_are_found_if_asked_for(query: str) -> None:
    store = InMemoryStore(archive=True)
    write(store, "s", *(user(f"tea {letter}") for letter in "abcd"), window=3)
    sessions = SessionManager(2, store)
    assert sessions.get_archive("s") == [user("tea a")]
    assert questions(sessions.search(query, session_id="s", archived=True, limit=2)) == ["tea b", "tea a"]
    assert len(sessions.search(query, session_id="s")) == 4


def test_the_preamble_and_a_summary_are_not_found() -> None:
    sessions = archiving(1, summary=Summary(lambda _previous, _messages: "peanuts", every=1, background=False))
    sessions.set_system_message("s", "peanuts")
    sessions.send_messages("s", [user("a"), {"role": "system", "content": "peanuts too"}])
    sessions.add_user_message("s", "b")
    assert "peanuts" in str(sessions.get_session("s"))
    assert questions(sessions.search("peanuts", session_id="s")) == ["a"]


def test_a_greeting_is_a_turn() -> None:
    sessions = archiving(1)
    sessions.send_messages("s", [assistant("Welcome"), user("a"), user("b")])
    (hit,) = sessions.search("welcome", session_id="s")
    assert hit.messages == [assistant("Welcome")]
    assert len(sessions.search("", session_id="s")) == 3


def test_system_messages_before_the_first_archived_turn_are_in_none() -> None:
    sessions = archiving(1)
    for session_id, first in (("a", assistant("tea")), ("b", user("tea"))):
        archive = (encode({"role": "system", "content": "tea"}, NOON), encode(first, NOON))
        sessions.store.replace(session_id, Edit(archive=archive), None, session_id)
        (hit,) = sessions.search("tea", session_id=session_id)
        assert hit.messages == [first]
    sessions.store.replace("c", Edit(archive=archive[:1]), None, "c")
    assert sessions.search("", session_id="c").hits == ()


def test_hits_can_be_put_back_into_a_prompt() -> None:
    sessions = archiving(10)
    late, now = calling("get_weather", "{}", "late"), calling("find_peanuts", "{}", "open")
    sessions.send_messages("s", [user("first"), late, user("second"), result("it rains", "late"), user("third"), now])
    rain, peanuts = sessions.search("rains", session_id="s")[0], sessions.search("peanuts", session_id="s")[0]
    assert rain.messages == [user("first"), late, result("it rains", "late")]
    assert peanuts.messages[:2] == [user("third"), now]
    assert peanuts.messages[2]["content"] == INTERRUPTED
    assert sessions.search("interrupted", session_id="s").hits == ()
    assert str(sessions.search("peanuts interrupted", session_id="s")[0].snippet) == "**find_peanuts**"
    assert [flaw(plain(hit)) for hit in sessions.search("", session_id="s")] == [None] * 3


def test_late_results_are_found_across_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "PAGE", 2)
    sessions = archiving(1)
    turn = [user("first"), calling("get_weather", "{}", "late")]
    sessions.send_messages(
        "s", [*turn, user("second"), assistant("wait"), result("it rains", "late"), *map(user, "abc")]
    )
    (hit,) = sessions.search("rains", session_id="s")
    assert hit.messages == [*turn, result("it rains", "late")]


def test_results_of_calls_that_are_gone_do_not_pile_up() -> None:
    records = [encode(each, NOON) for each in (user("a"), *(result("x", str(number)) for number in range(60)))]
    shown, late = show_turn(records)
    assert [each.position for each in shown] == [0]
    assert late == tuple(records[1 : 1 + MOST_LATE])
    assert show_turn(records[:1], late) == (shown, late)
    assert show_turn([*records[:1], *records[11:12]], late)[1] == (records[11], *late[: MOST_LATE - 1])


def test_filters() -> None:
    sessions = archiving()
    write(
        sessions.store, "s", user("tea one"), calling("get_tea", "{}"), result("green"), user("two"), assistant("tea")
    )
    write(sessions.store, "s", user("tea three"), at=NOON + 60_000)
    sessions.store.append("s", [Record(b'{"role":"user","content":"tea undated"}')], Window(2), "undated")
    at = sessions.search("two", session_id="s")[0].at
    assert at is not None

    def found(**filters: Any) -> list[str]:
        return sorted(questions(sessions.search("tea", session_id="s", **filters)))

    assert found() == ["tea one", "tea three", "tea undated", "two"]
    assert found(limit=2) == ["tea three", "two"]
    assert found(roles=["assistant"]) == ["tea one", "two"]
    assert found(roles=["tool"]) == []
    assert found(roles={"user", "tool"}) == ["tea one", "tea three", "tea undated"]
    assert found(tool="get_tea") == ["tea one"]
    assert found(tool="get") == []
    assert found(since=at) == ["tea three", "two"]
    assert found(until=at) == ["tea one"]
    assert found(since=at, until=at + timedelta(seconds=1)) == ["two"]
    assert questions(sessions.search(" \n", roles=["tool"])) == ["tea one"]
    with pytest.raises(ValueError, match="time zone"):
        found(since=at.replace(tzinfo=None))


@given(st.text())
def test_any_text_is_a_query(text: str) -> None:
    sessions = archiving(1)
    sessions.add_user_message("s", "tea")
    sessions.add_user_message("s", f"so: {text.encode(errors='ignore').decode()}")
    hits = sessions.search(text)
    assert hits.complete
    if Query(text).words and text.isprintable():
        assert questions(hits)[0].startswith("so: ")


def test_wrong_session_ids_and_unknown_ones() -> None:
    sessions = archiving()
    with pytest.raises(InvalidSessionIdError):
        sessions.search("!", session_id="")
    assert sessions.search("tea", session_id="unknown") == Hits((), complete=True)
    assert sessions.search("tea") == Hits((), complete=True)


def test_a_record_that_cannot_be_read_hides_no_other_session(caplog: pytest.LogCaptureFixture) -> None:
    sessions = archiving()
    for name in "abc":
        sessions.add_user_message(name, "tea")
    sessions.store.replace("b", Edit(archive=(Record(b'{"role":"user","content":7}'),)), None, "edit")
    with pytest.raises(CorruptSessionError, match="record 0 of the archive"):
        sessions.search("tea", session_id="b")
    with caplog.at_level(logging.WARNING, "sessionkit_integrations"):
        hits = sessions.search("tea")
    assert {hit.session_id for hit in hits} >= {"a", "c"}
    assert not hits.complete
    (said,) = caplog.messages
    assert said.startswith("search leaves out a session: session 'b', record 0 of the archive")


def test_a_search_ends_in_time_with_what_it_has_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "PAGE", 4)
    sessions = archiving()
    write(sessions.store, "s", *(user(f"tea {number}") for number in range(20)))
    hits = sessions.search("tea", session_id="s", timeout=1e-9, limit=20)
    assert questions(hits) == [f"tea {number}" for number in range(19, 13, -1)]
    assert not hits.complete
    assert not sessions.search("tea", timeout=1e-9).complete
    assert sessions.search("tea", session_id="s").complete
    sessions.reset_session("s")
    assert sessions.search("tea", timeout=1e-9).complete


@pytest.mark.parametrize("call", ["async"], indirect=True)
def test_no_event_loop_waits_for_a_search(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, threads, counts = archiving(1), list[int](), Query.counts

    def noting(query: Query, words: str) -> Any:
        threads.append(threading.get_ident())
        return counts(query, words)

    monkeypatch.setattr(Query, "counts", noting)
    write(sessions.store, "s", user("tea"), user("milk"), window=1)
    assert questions(call(sessions, "search", "tea")) == ["tea"]
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_turns_that_are_edited_while_they_are_searched_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "PAGE", 3)
    sessions = archiving(1)
    write(sessions.store, "s", *(user(f"tea {number}") for number in range(5)), window=1)
    best = Ranking.best

    def meanwhile(ranking: Any) -> Any:
        sessions.store.replace(
            "s", Edit(archive=(Record(b'{"role":"user","content":"x"}'),), clear_archive=True), None, "e"
        )
        return best(ranking)

    monkeypatch.setattr(Ranking, "best", meanwhile)
    hits = sessions.search("tea", session_id="s")
    assert questions(hits) == ["tea 4"]
    assert not hits.complete


def test_turns_that_leave_the_window_meanwhile_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = archiving(1)
    write(sessions.store, "s", *(user(f"tea {number}") for number in range(3)), window=1)
    best = Ranking.best

    def meanwhile(ranking: Any) -> Any:
        sessions.add_user_message("s", "coffee")
        return best(ranking)

    monkeypatch.setattr(Ranking, "best", meanwhile)
    hits = sessions.search("tea", session_id="s")
    assert questions(hits) == ["tea 2", "tea 1", "tea 0"]
    assert hits.complete


@given(
    st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), st.sampled_from("abcd")), max_size=40),
    st.integers(1, 4),
    st.integers(1, 7),
    st.sampled_from(["a", "a b", "c d a", ""]),
)
def test_pages_and_windows_make_no_difference(said: list[tuple[str, str]], window: int, page: int, query: str) -> None:
    messages = [{"role": role, "content": text} for role, text in said]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "PAGE", page)
        sessions = archiving(window)
        write(sessions.store, "s", *messages, window=window)
        hits = sessions.search(query, session_id="s", limit=5)
    assert [(hit.messages, hit.score) for hit in hits] == naive(messages, query, 5)


def naive(messages: Conversation, query: str, limit: int) -> list[tuple[Conversation, float]]:
    """Return the best turns of a conversation, all of which is held in memory."""
    numbers = number_turns(map(role_of, messages))
    asked = Query(query)
    ranking = Ranking[Conversation](asked.weights, limit)
    for number in range(max(numbers, default=0), 0, -1):
        turn = [message for message, its in zip(messages, numbers, strict=True) if its == number]
        text = " ".join(message["content"] for message in turn)
        at = numbers.index(number)
        ranking.add(asked.counts(text).terms, 0 if asked.lists else len(cut(text)), at, turn)
    return [(turn, score) for score, turn in ranking.best()]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_session() -> None:
    peaks = []
    for turns in (500, 3000):
        sessions = archiving(5)
        text = "tea with milk " * 3
        records = [encode(user(f"{text}{number}"), NOON + number) for number in range(turns)]
        sessions.store.replace("s", Edit(tuple(records[-5:]), tuple(records[:-5])), None, "e")
        sessions.search("tea 7", session_id="s", limit=1)  # which fills caches
        tracemalloc.start()
        hits = sessions.search("milk 7", session_id="s", timeout=60)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert questions(hits)[0] == f"{text}7"
        assert hits.complete
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize(
    ("turns", "query", "reads", "figures"),
    [
        (2, "tea", 2, 0),  # the window, and an archive in which nothing is
        (11, "tea", 3, 0),  # the window a second time, as something is archived
        (11, "number 5", 3, 0),  # what was found is at hand
        (12, "tea", 3, 1),  # the page is full, so there may be more
        (42, "7", 7, 1),  # each ten records more are a read more
        (42, "number 7 30", 8, 1),  # what was found is in two pages
        (42, "", 4, 1),  # the newest are on the first page
        (42, "unknown", 6, 1),
    ],
)
def test_commands_on_redis(
    backends: Backends, turns: int, query: str, reads: int, figures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "PAGE", 10)
    server = backends.server("redis-8.2")
    store = RedisStore(server.url, archive=True, key_prefix="found:")
    with server.client() as client, SessionManager(2, store) as sessions:
        write(store, "s", *(user(f"number {number}") for number in range(turns)))
        sessions.describe("s")
        client.config_resetstat()
        sessions.describe("s")
        of_figures = executed(client)
        assert of_figures["evalsha"] == 1
        client.config_resetstat()
        assert sessions.search(query, session_id="s", limit=3).complete
        assert executed(client) == Counter(lrange=reads) + (of_figures if figures else Counter())
        sessions.reset_session("s")


@pytest.mark.slow
def test_forty_phrases_of_evicted_turns_are_found(make_store: StoreMaker) -> None:
    asked = asked_phrases()
    sessions = holding(make_store(archive=True), {session_id for session_id, _ in asked})
    found = [first_place(sessions.search(phrase, session_id=name, limit=3), phrase) for name, phrase in asked]
    assert Counter(found) == {0: 39, 1: 1}


def holding(store: Store, session_ids: Collection[str]) -> SessionManager:
    """Return sessions that hold some of the real conversations; most turns of these left the window."""
    sessions = SessionManager(2, store)
    for number, conversation in enumerate(real_conversations()):
        if f"s{number}" in session_ids:
            sessions.send_messages(f"s{number}", conversation)  # type: ignore[arg-type]  # messages as JSON has them
    return sessions


@cache
def asked_phrases() -> tuple[tuple[str, str], ...]:
    """Return forty phrases, each with the session in which one turn that left the window says it, and no other turn."""
    session_ids = [f"s{number}" for number in range(len(real_conversations()))]
    sessions = holding(InMemoryStore(archive=True), session_ids)
    said = {
        (hit.session_id, hit.position): {
            phrase for message in hit.messages if is_plain_text(dict(message)) for phrase in phrases(message["content"])
        }
        for session_id in session_ids
        for hit in sessions.search("", session_id=session_id, limit=1000)
        if hit.archived
    }
    times = Counter(phrase for turn in said.values() for phrase in turn)
    distinctive = sorted((*turn, phrase) for turn, all_ in said.items() for phrase in all_ if times[phrase] == 1)
    chosen = random.Random(15).sample(distinctive, 40)  # noqa: S311 - no secret
    return tuple((session_id, phrase) for session_id, _, phrase in chosen)


def first_place(hits: Hits, phrase: str) -> int | None:
    """Return the place of the hit that says a phrase, among those that were found."""
    places = (
        place
        for place, hit in enumerate(hits)
        if any(phrase in phrases(message["content"]) for message in hit.messages)
    )
    return next(places, None)


def phrases(text: Any) -> list[str]:
    """Return the phrases of six words in a text, beginning at each sixth word."""
    words = (text if isinstance(text, str) else "").split()
    return [" ".join(words[start : start + 6]) for start in range(0, len(words) - 5, 6)]
