"""Sessions that are sealed again: with a newer key, compressed, or not at all, while others write."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import (
    Compress,
    ConflictError,
    Embed,
    Encrypt,
    InMemoryStore,
    Quota,
    Record,
    RedisStore,
    SessionManager,
    SQLiteStore,
    Store,
    Summary,
    Window,
)
from sessionkit_integrations.sessions import resealing, steps
from sessionkit_integrations.stores.redis.documents import UNREAD
from tests.backends import SEARCHING
from tests.sealing.test_sessions import OwnStore, stored
from tests.sessions.scripted import Scripted, contents, turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sessionkit_integrations.stores.values import Exchange
    from tests.backends import Backends, StoreMaker

    Call = Callable[..., Any]

OLD, NEW = bytes(32), bytes(range(32))
COMPRESS = Compress(0)
BY_OLD, BY_NEW = (f"aes-gcm:{Encrypt(key).key_id}" for key in (OLD, NEW))
LONG = "all work and no play " * 9


def sealed_by(store: Store, session_id: str) -> list[str | None]:
    return [record.get("by") for record in stored(store, session_id)]


def heads(store: Store, session_id: str) -> list[tuple[Any, ...]]:
    return [(each["role"], each["at"], each.get("tokens"), each.get("summary")) for each in stored(store, session_id)]


def figures(sessions: SessionManager, session_id: str) -> tuple[Any, ...]:
    """Return all figures of a session; when it ends is told from the present moment, by some stores."""
    info = sessions.describe(session_id)
    assert info is not None
    ends = info.expires and round(info.expires.timestamp() / 10)
    return replace(info, expires=None, summary=None), ends


def test_a_session_is_sealed_in_each_way_and_is_the_same(make_store: StoreMaker) -> None:
    store = make_store(archive=True, ttl=3600)
    options: Any = {"count_tokens": lambda _message: 7, "quota": Quota(messages="1000/day")}
    summary = Summary(Scripted(), every=None)
    window = Window(turns=2, tokens=100_000)
    plain = SessionManager(window, store, summary=summary, **options)
    plain.set_system_message("s", "Be brief.")
    for number in range(4):
        plain.send_messages("s", [turn(number)[0], {"role": "assistant", "content": f"a{number} {LONG}"}])
    plain.summarize("s")
    plain.send_messages("s", turn(4))
    usage: Any = {"input": 3, "output": 5, "model": "gpt-5"}
    plain.send_message("s", {"role": "assistant", "content": "And so on.", "usage": usage})
    shown, archived, before, order = (
        plain.get_session("s"),
        plain.get_archive("s"),
        figures(plain, "s"),
        heads(store, "s"),
    )
    assert before[0].waiting == 2
    ways: list[tuple[Any, Any, set[str | None]]] = [
        (Encrypt(OLD), None, {BY_OLD}),
        ([COMPRESS, Encrypt(NEW)], Encrypt(OLD), {BY_NEW, f"zstd+{BY_NEW}"}),
        (COMPRESS, Encrypt(NEW), {"zstd", None}),
        (Encrypt(NEW, OLD), None, {BY_NEW}),
        (None, Encrypt(NEW), {None}),
    ]
    for seal, read_with, by in ways:
        sessions = SessionManager(window, store, summary=summary, seal=seal, **options)
        done = sessions.reseal(read_with=read_with)
        assert (done.sessions, done.unopened, done.last) == (1, 0, "s")
        assert 6 < done.records <= len(order)
        assert set(sealed_by(store, "s")) == by
        assert (sessions.get_session("s"), sessions.get_archive("s")) == (shown, archived)
        assert (figures(sessions, "s"), heads(store, "s")) == (before, order)
        assert sessions.reseal("s", read_with=read_with).records == 0
    plain.send_messages("s", turn(5))  # and the window moves on as ever
    left = [*archived, *(each for each in shown[2:4])]
    assert plain.get_archive("s") == left
    assert plain.get_session("s") == [*shown[:2], *shown[4:], *turn(5)]
    assert plain.describe("s").waiting == 4  # type: ignore[union-attr]


async def test_areseal() -> None:
    store = InMemoryStore()
    SessionManager(store=store).send_messages("s", turn(1))
    done = await SessionManager(store=store, seal=Encrypt(NEW)).areseal()
    assert (done, sealed_by(store, "s")) == (resealing.Resealed(1, 2, 0, "s"), [BY_NEW] * 2)


def test_a_store_of_five_methods_is_sealed_again() -> None:
    store = OwnStore()
    plain = SessionManager(2, store)
    for number in range(4):
        plain.send_messages("s", turn(number))
    store.kept.archive = True
    for number in range(4, 7):
        plain.send_messages("s", turn(number))
    before = heads(store, "s")
    sealed = SessionManager(2, store, seal=Encrypt(NEW))
    assert sealed.reseal().records == 10
    assert (sealed_by(store, "s"), heads(store, "s")) == ([BY_NEW] * 10, before)
    assert contents(sealed.get_archive("s")) == [f"{letter}{number}" for number in (2, 3, 4) for letter in "qa"]


@pytest.mark.parametrize("backend", ["memory", "sqlite", "redis-8.2", "upstash"])
def test_others_may_write_meanwhile(backends: Backends, backend: str) -> None:
    with backends.maker(backend)(archive=True) as store:
        sealed = SessionManager(2, store, seal=Encrypt(NEW, OLD))
        old = SessionManager(2, store, seal=Encrypt(OLD))
        for number in range(6):
            old.send_messages("s", turn(number))

        def write() -> None:
            for number in range(6, 18):
                sealed.send_messages("s", turn(number))

        writer = threading.Thread(target=write)
        writer.start()
        is_over = False
        while not is_over:
            is_over = not writer.is_alive()
            assert sealed.reseal().unopened == 0
        writer.join()
        assert sealed_by(store, "s") == [BY_NEW] * 36
        found = contents([*sealed.get_archive("s"), *sealed.get_session("s")])
        assert found == [f"{letter}{number}" for number in range(18) for letter in "qa"]


class Meddled(InMemoryStore):
    """A store on which somebody else is faster, once, and that tells how much each exchange wrote."""

    def __init__(self, meddle: Callable[[Exchange], object] = lambda _exchange: None, **options: Any) -> None:
        super().__init__(**options)
        self.meddle = meddle
        self.written: list[int] = []

    def exchange(self, session_id: str, exchange: Exchange) -> bool:
        meddle, self.meddle = self.meddle, lambda _exchange: None
        meddle(exchange)
        self.written.append(sum(map(len, exchange.after)))
        return super().exchange(session_id, exchange)


def test_a_turn_that_leaves_meanwhile_is_sealed_in_the_archive() -> None:
    store = Meddled(archive=True)
    plain = SessionManager(2, store)
    for number in range(3):
        plain.send_messages("s", turn(number))
    store.meddle = lambda _exchange: plain.send_messages("s", turn(3))
    assert SessionManager(2, store, seal=Encrypt(NEW)).reseal().records == 8
    assert sealed_by(store, "s") == [BY_NEW] * 8


def test_an_archive_of_which_a_summary_drops_the_beginning_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "PAGE", 4)
    store = Meddled()
    sealed = SessionManager(1, store, summary=Summary(Scripted(), every=None), seal=Encrypt(NEW, OLD))
    old = SessionManager(1, store, summary=Summary(Scripted(), every=None), seal=Encrypt(OLD))
    for number in range(3):
        old.send_messages("s", turn(number))
    old.summarize("s")  # so that there is one, and what follows waits
    for number in range(3, 9):
        old.send_messages("s", turn(number))
    assert len(sealed.get_archive("s")) == 12

    def drop(exchange: Exchange) -> None:
        if exchange.archived and exchange.position == 4:
            state = store._sessions["s"]
            state.archived = state.archived[2:]
        else:
            store.meddle = drop

    store.meddle = drop
    sealed.reseal()
    assert sealed_by(store, "s") == [BY_NEW] * 13


def test_a_session_that_is_never_left_alone_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "CONFLICT_POLICY", replace(steps.CONFLICT_POLICY, attempts=3))
    store = InMemoryStore()
    SessionManager(store=store).send_messages("s", turn(1))
    monkeypatch.setattr(store, "exchange", lambda *_: False)
    with pytest.raises(ConflictError, match="seal it again later"):
        SessionManager(store=store, seal=Encrypt(NEW)).reseal("s")
    assert sealed_by(store, "s") == [None] * 2


def test_writes_are_of_bounded_size() -> None:
    store = Meddled(archive=True)
    plain = SessionManager(1, store)
    for size in (resealing.MOST_BYTES, 100, resealing.MOST_BYTES // 2, resealing.MOST_BYTES // 2, 100):
        plain.add_user_message("s", "x" * size)
    assert SessionManager(1, store, seal=Encrypt(NEW)).reseal().records == 5
    assert len(store.written) == 5 - 1  # the short ones go with the one after them, or before them
    longest = max(store.written)
    assert longest > resealing.MOST_BYTES > max(size for size in store.written if size != longest)


def test_what_nothing_opens_is_left_as_it_is_and_counted() -> None:
    store = InMemoryStore(archive=True)
    for key in (OLD, NEW, OLD):
        SessionManager(1, store, seal=Encrypt(key)).send_messages("s", turn(1))
    before = [*store.read("s").records, *store.read("s", archived=True).records]
    done = SessionManager(1, store, seal=Encrypt(NEW)).reseal()
    assert done == resealing.Resealed(sessions=1, records=0, unopened=4, last="s")
    assert [*store.read("s").records, *store.read("s", archived=True).records] == before
    assert SessionManager(1, store).reseal(read_with=Encrypt(NEW)).records == 2
    store.append("t", [Record(before[0])], Window(5), "moved")
    assert SessionManager(1, store, seal=Encrypt(NEW, OLD)).reseal("t").unopened == 1


def test_it_goes_on_after_the_last_session_that_is_done() -> None:
    store = InMemoryStore()
    for session_id in "cabd":
        SessionManager(store=store).add_user_message(session_id, "Hello")
    sealed = SessionManager(store=store, seal=Encrypt(NEW))
    seen: list[resealing.Resealed] = []

    def stop(done: resealing.Resealed) -> None:
        seen.append(replace(done))
        if done.last == "b":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sealed.reseal(progress=stop)
    assert [(each.last, each.sessions) for each in seen] == [("a", 1), ("b", 2)]
    assert [sealed_by(store, each) for each in "abcd"] == [[BY_NEW], [BY_NEW], [None], [None]]
    assert sealed.reseal(after="c") == resealing.Resealed(1, 1, 0, "d")
    assert sealed.reseal() == resealing.Resealed(4, 1, 0, "d")


@pytest.mark.parametrize("backend", ["memory", "sqlite", "redis-8.2"])
def test_a_watch_sees_nothing_of_it(backends: Backends, backend: str) -> None:
    with backends.maker(backend)() as store:
        old = SessionManager(2, store, seal=Encrypt(OLD))
        old.send_messages("s", turn(1))
        sealed = SessionManager(2, store, seal=[COMPRESS, Encrypt(NEW, OLD)])
        with sealed.watch("s", timeout=5) as changes:
            assert sealed.reseal().records == 2
            sealed.send_messages("s", turn(2))
            change = next(changes)
        assert (change.kind, change.messages) == ("added", turn(2))


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_a_file_forgets_the_words_and_vectors_of_what_is_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "s.db"

    def embed(texts: list[str]) -> list[list[float]]:
        return [[1.0, float(len(text))] for text in texts]

    with SQLiteStore(path, archive=True, search=True) as store:
        plain = SessionManager(1, store, embed=Embed(embed, name="m"))
        for number in (1, 2):
            plain.send_messages("s", turn(number))
        plain.send_messages("t", turn(3))
        assert plain.search("q1").complete
        plain.embed_sessions()
        assert rows(path, "SELECT count(*) FROM search_documents") == [(6,)]
        assert rows(path, "SELECT count(*) FROM vectors")[0][0] > 2
    with SQLiteStore(path, archive=True) as store:
        SessionManager(1, store, seal=Encrypt(NEW)).reseal("s")
        assert rows(path, "SELECT count(*), min(words) FROM search_documents") == [(2, " a3 a 3 ")]
        assert rows(path, "SELECT session_id FROM vectors JOIN sessions ON sessions.id = session GROUP BY 1") == [
            ("t",)
        ]
        SessionManager(1, store).reseal(read_with=Encrypt(NEW))
    with SQLiteStore(path, archive=True, search=True) as store:
        hit = SessionManager(1, store).search("q1")[0]
        assert (hit.session_id, contents(hit.messages)) == ("s", ["q1", "a1"])
        assert rows(path, "SELECT count(*) FROM search_documents") == [(6,)]


def test_redis_forgets_the_words_of_what_is_encrypted(backends: Backends) -> None:
    searched: Any
    with backends.maker(SEARCHING)(archive=True) as searched:
        plain = SessionManager(1, searched)
        for number in (1, 2):
            plain.send_messages("s", turn(number))
        with RedisStore(backends.searching().url, archive=True, key_prefix=searched.key_prefix) as store:
            words = f"{{{store.key_prefix}s}}:words:*"
            assert len(store.ask("KEYS", words)) == 4
            SessionManager(1, store, seal=COMPRESS).reseal()
            assert len(store.ask("KEYS", words)) == 4
            SessionManager(1, store).reseal()
            hits = plain.search("q1")
            assert contents(hits[0].messages) == ["q1", "a1"]
            SessionManager(1, store, seal=Encrypt(NEW)).reseal()
            kept = [store.ask("HGET", key, "words").decode() for key in store.ask("KEYS", words)]
            assert kept == [UNREAD] * 4
            SessionManager(1, store).reseal(read_with=Encrypt(NEW))
        searched.index_sessions()
        assert contents(plain.search("q1")[0].messages) == ["q1", "a1"]


def test_whoever_may_not_write_documents_forgets_them(backends: Backends) -> None:
    searched: Any
    with backends.maker(SEARCHING)(archive=True) as searched:
        plain = SessionManager(1, searched)
        plain.send_messages("s", turn(1))
        searched.ask("ACL", "SETUSER", "few", "reset", "on", ">pass", "~*", "+@all", "-hset")
        url = backends.searching().url.replace("redis://", "redis://few:pass@")
        with RedisStore(url, archive=True, key_prefix=searched.key_prefix) as store:
            assert SessionManager(1, store, seal=Encrypt(NEW)).reseal().records == 2
            assert searched.ask("KEYS", f"{{{store.key_prefix}s}}:words:*") == []
        searched.ask("ACL", "DELUSER", "few")
        searched.index_sessions()
        assert not plain.search("q1").complete
