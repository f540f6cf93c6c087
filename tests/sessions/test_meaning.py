"""Search by meaning, with a small real model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Embed, EmbeddingError, InMemoryStore, RedisStore, SessionManager
from sessionkit_integrations.search.vectors import LONGEST_PIECE
from sessionkit_integrations.sessions import searching
from sessionkit_integrations.stores import vectors
from sessionkit_integrations.stores.vectors import Vectors
from tests.embeddings import Noting, WordLlamaEmbedding, WordLlamaEmbeddings, embed
from tests.sessions.test_finding import IndexedStore
from tests.sessions.test_search import archiving, assistant, calling, questions, result, user, write
from tests.stores.test_scripted import executed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import Backends, StoreMaker

TALK = (
    "I am allergic to peanuts.",
    "The parcel was stolen from the doorstep.",
    "My daughter starts school next week.",
    "Please cancel the hotel in Rome.",
    "The battery of my laptop lasts an hour.",
    "We adopted a kitten yesterday.",
    "It rains all day in Bergen.",
    "My salary was paid twice.",
    "He plays the violin beautifully.",
    "The doctor prescribed antibiotics.",
)
MEANT = (
    "which foods make me ill",
    "package theft",
    "child education",
    "accommodation Italy",
    "notebook computer charge",
    "pets and cats",
    "umbrella",
    "money and wages",
    "music instrument",
    "medicine",
)
"""Queries that mean one of them each, most in other words."""


def meaning(texts: Any = embed, window: int = 1, **options: Any) -> SessionManager:
    return archiving(window, embed=Embed(texts, name="wordllama", **options))


def test_every_store_finds_what_is_meant(
    make_store: StoreMaker, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "PAGE", 5)
    outcomes = []
    for store in (InMemoryStore(archive=True), make_store(archive=True)):
        noting = Noting()
        sessions = SessionManager(2, store, embed=Embed(noting, name="wordllama"))
        write(store, "a", *(each for text in TALK for each in (user(text), assistant("Well."))))
        write(store, "b", user("Almonds make me sneeze."))
        outcomes.append(
            [
                *(call(sessions, "search", query, session_id="a", limit=1) for query in MEANT[:2]),
                call(sessions, "search", MEANT[0], limit=2),
            ]
        )
        assert sorted(noting.texts) == sorted([*TALK, "Well.", "Almonds make me sneeze.", *MEANT[:2], MEANT[0]])
    expected, found = outcomes
    assert found == expected
    assert [questions(hits) for hits in found] == [[TALK[0]], [TALK[1]], ["Almonds make me sneeze.", TALK[0]]]
    assert all(hits.complete for hits in found)


def test_what_is_meant_is_found_where_words_find_little() -> None:
    by_words, by_meaning = archiving(1), meaning()
    for sessions in (by_words, by_meaning):
        for text in TALK:
            sessions.add_user_message("s", text)
    asked = list(zip(TALK, MEANT, strict=True))
    assert sum(questions(by_words.search(query, limit=1)) == [text] for text, query in asked) == 0
    assert sum(questions(by_meaning.search(query, limit=1)) == [text] for text, query in asked) == 10


@pytest.mark.parametrize("model", [WordLlamaEmbeddings(), WordLlamaEmbedding()], ids=["LangChain", "LlamaIndex"])
def test_models_of_frameworks_are_taken_as_they_are(model: Any, call: Callable[..., Any]) -> None:
    sessions = archiving(1, embed=model)
    sessions.send_messages("s", [user(text) for text in TALK])
    assert questions(call(sessions, "search", MEANT[0], limit=1)) == [TALK[0]]


def test_an_index_of_words_and_a_walk_for_what_is_meant(call: Callable[..., Any]) -> None:
    store = IndexedStore(archive=True)
    sessions = SessionManager(1, store, embed=Embed(embed, name="wordllama"))
    for number, text in enumerate(TALK):
        sessions.add_user_message(f"s{number}", text)
    hits = call(sessions, "search", "violin", limit=3)
    assert (questions(hits)[0], hits[0].score) == (TALK[8], pytest.approx(2 / 61))
    assert str(hits[0].snippet) == "He plays the **violin** beautifully."
    assert store.asked == [(0, 150)]
    assert questions(call(sessions, "search", MEANT[0], limit=1)) == [TALK[0]]
    assert len(call(sessions, "search", "!?")) > 0
    assert len(store.asked) == 2


def test_words_and_meaning_are_merged_by_rank() -> None:
    sessions = meaning(
        lambda texts: [{"tea": [1, 0], "hot drink": [0.9, 0.1], "tea milk": [0, 1]}[each] for each in texts]
    )
    for text in ("tea milk", "hot drink", "tea"):
        sessions.add_user_message("s", text)
    hits = sessions.search("tea")
    assert questions(hits) == ["tea", "tea milk", "hot drink"]
    assert [hit.score for hit in hits] == pytest.approx([1 / 61 + 1 / 61, 1 / 62, 1 / 62])
    assert [str(hit.snippet) for hit in hits] == ["**tea**", "**tea** milk", "hot drink"]


def test_the_snippet_of_a_hit_by_meaning_is_the_piece_that_is_nearest() -> None:
    sessions = meaning(lambda texts: [[1, 0] if "food" in text or "peanuts" in text else [1, 9] for text in texts])
    filler = " ".join(f"Item {number} of the minutes was read." for number in range(100))
    assert len(filler) > LONGEST_PIECE
    sessions.send_messages("s", [user("Well?"), assistant(f"{filler} {TALK[0]}"), user("Bye")])
    (hit,) = sessions.search("food", limit=1)
    assert (hit.messages[0]["content"], hit.snippet.marks) == ("Well?", ())
    assert 30 < min(map(int, re.findall(r"\d+", hit.snippet.text))) < 100


def test_filters_hold_for_meaning_as_well() -> None:
    sessions = meaning()
    write(sessions.store, "s", user("hello"), calling("find", "{}"), result(TALK[0]), user(TALK[0]), assistant("I see"))

    def found(**filters: Any) -> list[str]:
        return questions(sessions.search("which foods", limit=1, **filters))

    assert found() == [TALK[0]]
    assert found(tool="find") == ["hello"]
    assert found(roles=["tool"]) == ["hello"]
    at = sessions.search("", limit=1)[0].at
    assert found(until=at) == ["hello"]
    assert found(since=at, tool="find") == []


def test_messages_of_other_roles_are_not_compared() -> None:
    sessions = meaning(lambda texts: [[1, 0] if "food" in text else [0, 1] for text in texts], min_similarity=0.5)
    sessions.send_messages("s", [user("food?"), calling("find", "{}"), result("nothing")])
    sessions.send_messages("s", [user("hello"), calling("find", "{}", "b"), result("food", "b")])
    assert sorted(questions(sessions.search("food"))) == ["food?", "hello"]
    assert questions(sessions.search("food", roles=["tool"])) == ["hello"]


def test_texts_that_are_not_near_enough_are_no_hits() -> None:
    for least, count in ((-1, 3), (0.0, 2), (0.8, 1), (1, 0)):
        sessions = meaning(
            lambda texts: [{"?": [1, 0], "a": [1, 0.1], "b": [0.5, 0.5], "c": [-1, 0.2]}[each] for each in texts],
            min_similarity=least,
        )
        sessions.send_messages("s", [user("a"), user("b"), user("c")])
        assert len(sessions.search("?")) == count


def test_texts_are_embedded_in_batches_and_once() -> None:
    noting = Noting()
    sessions = meaning(noting, batch=3)
    sessions.send_messages("s", [user(text) for text in TALK[:7]])
    assert noting.batches == []
    sessions.search("food")
    assert [len(batch) for batch in noting.batches] == [1, 3, 3, 1]
    assert sorted(noting.texts) == sorted(["food", *TALK[:7]])
    sessions.send_messages("s", [user(TALK[0]), user("new")])
    noting.batches.clear()
    sessions.search("drink")
    assert noting.batches == [["drink"], ["new"]]


def test_lists_by_time_ask_no_model_and_a_query_without_words_does() -> None:
    noting = Noting()
    sessions = meaning(noting)
    sessions.send_messages("s", [user("a"), user("b")])
    assert questions(sessions.search(" ")) == ["b", "a"]
    assert noting.batches == []
    assert len(sessions.search("!?")) <= 2
    assert noting.batches[0] == ["!?"]


def test_a_model_that_fails_loses_nothing(call: Callable[..., Any]) -> None:
    noting = Noting(fails=3)
    sessions = meaning(noting, batch=2, window=10)
    sessions.send_messages("s", [user(text) for text in TALK[:6]])
    with pytest.raises(EmbeddingError, match="embedding with 'wordllama' raised OSError") as caught:
        call(sessions, "search", "food", session_id="s")
    assert isinstance(caught.value.__cause__, OSError)
    assert len(sessions.get_session("s")) == 6
    assert questions(call(sessions, "search", MEANT[0], session_id="s", limit=1)) == [TALK[0]]
    assert [len(batch) for batch in noting.batches] == [1, 2, 2, 1, 2, 2]


def test_a_search_that_is_late_is_gone_on_with_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    noting = Noting()
    sessions = meaning(noting, batch=2, window=10)
    sessions.send_messages("s", [user(text) for text in TALK])
    late = iter([False, False, True, True])
    monkeypatch.setattr(searching.Search, "_is_late", lambda search: _said(search, late))
    hits = sessions.search("food", session_id="s")
    assert not hits.complete
    assert len(noting.texts) == 1 + 4
    monkeypatch.undo()
    assert sessions.search("food", session_id="s").complete
    assert sorted(noting.texts) == sorted(["food", "food", *TALK])


def _said(search: Any, late: Any) -> bool:
    is_late: bool = next(late)
    search._complete = search._complete and not is_late
    return is_late


def test_vectors_of_two_models_are_never_compared() -> None:
    store, other = InMemoryStore(archive=True), Noting()
    first = SessionManager(1, store, embed=Embed(lambda texts: [[1.0]] * len(texts), name="a"))
    first.send_messages("s", [user(text) for text in TALK])
    first.search("food")
    second = SessionManager(1, store, embed=Embed(other, name="b"))
    assert questions(second.search(MEANT[0], limit=1)) == [TALK[0]]
    assert len(other.texts) == 1 + len(TALK)
    third = SessionManager(1, store, embed=Embed(other, name="a"))
    with pytest.raises(EmbeddingError, match="are kept have 1 numbers, and the model now returns 256: give the new"):
        third.search("food")


def test_a_text_that_was_edited_is_another_one() -> None:
    noting = Noting()
    sessions = meaning(noting)
    sessions.set_system_message("s", "Be brief.")
    sessions.send_messages("s", [user(TALK[0])])
    sessions.search("food")
    sessions.reset_session("s")
    sessions.add_user_message("s", TALK[1])
    assert questions(sessions.search("food")) in ([], [TALK[1]])
    assert noting.texts == ["food", TALK[0], "food", TALK[1]]


def test_vectors_are_kept_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "MOST_BYTES", 8)
    kept = Vectors()
    kept.keep("m", {b"a": b"1234", b"b": b"5678"})
    assert kept.known("m", [b"a", b"x"]) == {b"a": b"1234"}
    kept.keep("m", {b"c": b"90ab", b"c2": b""})
    assert kept.known("m", [b"a", b"b", b"c"]) == {b"a": b"1234", b"c": b"90ab"}
    kept.keep("m", {b"c": b"cdef"})
    assert kept.known("m", [b"a", b"c"]) == {b"a": b"1234", b"c": b"cdef"}
    assert kept.known("n", [b"a"]) == {}
    kept.keep("m", {b"large": b"x" * 9})
    assert kept.known("m", [b"a", b"c", b"large"]) == {}


def test_redis_is_sent_no_command_more(backends: Backends) -> None:
    server, counts = backends.server("redis-8.2"), []
    for options in ({}, {"embed": Embed(embed, name="wordllama")}):
        store = RedisStore(server.url, archive=True, key_prefix="meant:")
        with server.client() as client, SessionManager(1, store, **options) as sessions:  # type: ignore[arg-type]
            sessions.send_messages("s", [user(text) for text in TALK[:3]])
            client.config_resetstat()
            sessions.search("peanuts", session_id="s")
            counts.append(executed(client))
            sessions.reset_session("s")
    assert counts[0] == counts[1]
