"""The index of a `RedisStore` with ``search=True``: its documents follow the messages, and a search finds by them."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, run_state_machine_as_test
from redis.crc import key_slot

from sessionkit_integrations import (
    Edit,
    Embed,
    Encrypt,
    Hits,
    InMemoryStore,
    RedisStore,
    SessionManager,
    Store,
    StoreError,
    StoreUnavailableError,
    Summary,
    UpstashStore,
    Window,
)
from sessionkit_integrations.records.record import Record, encode, role_of
from sessionkit_integrations.stores.redis import documents
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.stores.terms import Terms
from sessionkit_integrations.stores.values import Snapshot
from sessionkit_integrations.testing.machine import StoreMachine
from sessionkit_integrations.testing.surface import Surface
from sessionkit_integrations.window.turns import number_turns
from tests.conversations import conversations, real_conversations
from tests.faults.helpers.clusters import Move
from tests.servers import Cluster, Server, search_modules
from tests.sessions.test_search import asked_phrases, first_place, holding
from tests.stores.test_scripted import assistant, executed, user
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.backends import Backends

PREFIX = "indexed:"
TEA = Terms(("tea",), (), ())
NOON = 1_763_800_000_000
ROOT = Path(__file__).parents[2]
_PAGE = (ROOT / "docs" / "tenants.md").read_text("utf-8")
RIGHTS = _PAGE.partition("ACL SETUSER acme on >password ")[2].partition("```")[0].split()
"""Rights of a user of a store, as the page on tenants lists them."""


@pytest.fixture
def url(searching_url: str) -> str:
    return searching_url


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        yield client


def indexed(url: str, **options: Any) -> RedisStore:
    """Return a store whose index is made, so that no search walks."""
    store = RedisStore(url, key_prefix=options.pop("key_prefix", PREFIX), search=True, **options)
    wait_for_index(store)
    return store


def wait_for_index(store: Store) -> None:
    deadline = time.monotonic() + 20
    while store.find(TEA, since=None, skip=0, limit=1) is None:
        assert time.monotonic() < deadline


def numbers(client: Any, session_id: str = "s", prefix: str = PREFIX) -> list[int]:
    """Return the numbers of the documents of a session."""
    return sorted(int(key.rpartition(":")[2]) for key in client.keys(f"{{{prefix}{session_id}}}:words:*"))


def sends(sessions: SessionManager, *texts: str, session_id: str = "s") -> None:
    for text in texts:
        sessions.send_messages(session_id, [user(f"question {text}"), assistant(f"answer {text}")])


def found(hits: Hits) -> list[tuple[str, int, str, bool]]:
    return sorted((hit.session_id, hit.position, repr(hit.messages), hit.archived) for hit in hits)


def contents(hits: Hits) -> list[Any]:
    return sorted(str(hit.messages[0]["content"]) for hit in hits)


class IndexMachine(StoreMachine):
    """Random operations, after each of which the documents are those of the records."""

    @invariant()
    def finds_what_is_there(self) -> None:
        """Each record is found by its document, where it is."""
        store: Any = self.store.store
        with redis.Redis.from_url(store.describe_url().url.partition("?")[0]) as client:
            for session in ("one", "two"):
                self._check(client, store.keys, session)

    def _check(self, client: redis.Redis, keys: Keys, session: str) -> None:
        active, archived = self.active[session], self.archived[session]
        pinned = number_turns(map(role_of, active)).count(0)
        texts = {}
        found: Any = client.keys(f"{{{keys.active(session)}}}:words:*")
        for key in found:
            held: Any = client.hgetall(key)
            number = int(key.rpartition(b":")[2])
            texts[number] = b"\x1e".join(held[name] for name in (b"words", b"parts", b"at")).decode()
        assert len(texts) <= len(active) - pinned + len(archived) or not self.archive
        if not texts:
            assert not any(map(documents.document, [*active[pinned:], *(archived if self.archive else ())]))
            return
        places = self.store.store._run(documents.place(keys, {session: list(texts)}))  # type: ignore[attr-defined]
        seen: set[tuple[int, bool]] = set()
        for key, where in places.items():
            if where is not None:
                record = (archived if where.archived else active)[where.position]
                assert documents.document(record) == texts[key.number]
                seen.add(where)
        every = {(index, False): each for index, each in enumerate(active) if index >= pinned}
        if self.archive:
            every |= {(index, True): each for index, each in enumerate(archived)}
        assert {where for where, each in every.items() if documents.document(each)} <= seen


@pytest.mark.hypothesis
@pytest.mark.parametrize("archive", [True, False])
def test_documents_follow_any_sequence_of_operations(url: str, archive: bool) -> None:
    stores = (indexed(url, archive=archive, key_prefix=f"machine{archive}{number}:") for number in range(10**6))

    class Machine(IndexMachine):
        def __init__(self) -> None:
            super().__init__(Surface(next(stores), None), archive=archive)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=8, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def walked(sessions: SessionManager) -> SessionManager:
    """Return the same sessions on a store without an index."""
    copy = SessionManager(sessions.window, InMemoryStore(archive=True))
    for session_id in sessions.list_sessions():
        for archived in (True, False):
            records = sessions.store.read(session_id, archived=archived).records
            edit = Edit(archive=records) if archived else Edit(active=records)
            copy.store.replace(session_id, edit, None, f"{session_id} {archived}")
    return copy


def test_the_index_finds_what_a_walk_finds(url: str) -> None:
    with SessionManager(2, indexed(url, archive=True)) as sessions:
        for number, conversation in enumerate(conversations()[:5]):
            sessions.send_messages(f"s{number}", conversation)  # type: ignore[arg-type]  # messages as JSON has them
        copy = walked(sessions)
        for query in (
            "eservatio",
            "refund of my flight",
            "get_",
            "R00007",
            "the",
            '{"status"',
            "@words:(fee)|*",
            "xyzzy",
        ):
            hits = sessions.search(query, limit=10_000)
            assert hits.complete
            assert found(hits) == found(copy.search(query, limit=10_000, timeout=60))


WORDS = [
    "ORD-48213",
    "getWeather",
    "a@b.c",
    "naïve",
    "NAÏVE",
    "東京タワー",
    "ไทย",
    "👍🏽",
    "don't",
    "C++",
    "$5",
    "x" * 150,
    "ü" * 90,
]
WORDS += [
    "inf",
    "nan",
    "-1",
    "OR",
    "not",
    "*",
    "%%",
    "(",
    '"',
    "|",
    "@at:[0 9]",
    "{",
    "}",
    "\\",
    "$w",
    "~",
    "=>",
    "'",
    "½",
    "ﬁ",
]
TEXTS = st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=4).map(" ".join)


def test_any_text_is_found_as_a_walk_finds_it(url: str) -> None:
    with SessionManager(1, indexed(url, archive=True)) as sessions:

        @settings(max_examples=25, suppress_health_check=list(HealthCheck))
        @given(st.lists(TEXTS, min_size=1, max_size=6), st.lists(TEXTS, min_size=1, max_size=4))
        def finds(texts: list[str], queries: list[str]) -> None:
            sessions.reset_session("s")
            sessions.send_messages("s", [user(text) for text in texts])
            copy = walked(sessions)
            for query in (*queries, *texts):
                if query.strip():
                    assert found(sessions.search(query, limit=99)) == found(copy.search(query, limit=99)), query

        finds()


def test_it_is_found_from_either_world_with_filters(url: str, call: Callable[..., Any]) -> None:
    sessions = SessionManager(1, indexed(url, archive=True))
    call(sessions, "send_messages", "s", [user("tea one"), assistant("milk"), user("tea two")])
    tomorrow = encode(user("tea three"), round(time.time() * 1000) + 86_400_000)
    call(sessions.store, "replace", "t", Edit((tomorrow,)), None, "operation")
    assert contents(call(sessions, "search", "tea")) == ["tea one", "tea three", "tea two"]
    assert contents(call(sessions, "search", "milk", roles=["assistant"])) == ["tea one"]
    assert contents(call(sessions, "search", "milk", roles=["user"])) == []
    since = call(sessions, "search", "three")[0].at
    assert contents(call(sessions, "search", "tea", since=since)) == ["tea three"]
    assert len(call(sessions, "search", "tea", limit=1)) == 1
    call(sessions, "close")


def test_what_a_write_costs(url: str, client: Any) -> None:
    plain = {"evalsha": 1, "get": 1, "rpush": 1, "set": 1}
    with indexed(url) as store, RedisStore(url, key_prefix="plain:") as other:
        sessions, without = SessionManager(3, store), SessionManager(3, other)
        for each in (sessions, without):
            sends(each, "1")
        client.config_resetstat()
        sends(without, "2")
        assert executed(client) == plain
        client.config_resetstat()
        sends(sessions, "2")
        assert executed(client) == plain | {"hset": 2}  # a command for each message
        sends(sessions, "3")
        client.config_resetstat()
        sends(sessions, "4")
        assert executed(client) == plain | {"hset": 2, "lpop": 1, "del": 1}  # what leaves takes its own along
        assert numbers(client) == [2, 3, 4, 5, 6, 7]
        assert (client.get("{plain:s}:meta")[:2], client.get(f"{{{PREFIX}s}}:meta")[:6]) == ("2 ", "3 b2; ")
        assert client.hgetall(f"{{{PREFIX}s}}:words:6") == {
            "words": "question 4",
            "parts": "que ues est sti tio ion",
            "at": client.hget(f"{{{PREFIX}s}}:words:7", "at"),
            "mark": client.hget(f"{{{PREFIX}s}}:words:6", "mark"),
        }
        client.config_resetstat()
        sessions.set_system_message("s", "pinned")  # an edit writes what is new, and looks at the rest
        counts = executed(client)
        assert (counts["hset"], counts["hmget"], counts["del"]) == (0, 6, 1)
        client.config_resetstat()
        sessions.reset_session("s")
        assert executed(client) == {"evalsha": 1, "get": 1, "llen": 2, "del": 2, "set": 1}
        assert numbers(client) == []


def test_what_a_search_costs(url: str, client: Any) -> None:
    with SessionManager(1, indexed(url, archive=True)) as sessions:
        sends(sessions, "1", "2", session_id="s")
        sends(sessions, "1", "3", session_id="t")
        client.config_resetstat()
        places = sessions.store.find(Terms(("1",), (), ()), since=None, skip=0, limit=9)
        assert places is not None
        assert sorted((each.session_id, each.position, each.archived) for each in places) == [
            ("s", 0, True),
            ("s", 1, True),
            ("t", 0, True),
            ("t", 1, True),
        ]
        counts = executed(client)
        assert (counts["evalsha"], counts["hget"], counts["lindex"]) == (1, 4, 4)
        assert (sum(counts.values()), counts["llen"], counts["get"]) == (2 + 4 + 4 + 4 + 2, 4, 2)


def test_one_session_is_read_at_once(url: str, client: Any, call: Callable[..., Any]) -> None:
    sessions = SessionManager(1, indexed(url, archive=True))
    sends(sessions, "tea", "milk", "water")
    call(sessions, "search", "tea", session_id="s")
    client.config_resetstat()
    assert contents(call(sessions, "search", "tea", session_id="s")) == ["question tea"]
    assert executed(client) == {"evalsha": 1, "llen": 1, "lrange": 2}
    active, archived = (call(sessions.store, "read", "s", archived=each).records for each in (False, True))
    for part in (slice(0), slice(-3, None), slice(1, 3), slice(-9, -1), slice(None)):
        assert call(sessions.store, "read_both", "s", part) == (Snapshot(active), archived[part], 4)
    assert call(sessions.store, "read_both", "other", slice(-3, None)) == (Snapshot(()), (), 0)
    call(sessions, "close")


def test_retries_write_once(url: str, client: Any) -> None:
    with SessionManager(2, indexed(url, archive=True)) as sessions:
        for _ in range(3):
            sessions.send_message("s", user("tea"), idempotency_key="once")
        sends(sessions, "1", "2", "3")
        sessions.send_message("s", user("tea"), idempotency_key="once")
        assert numbers(client) == list(range(7))
        assert [(hit.position, hit.archived) for hit in sessions.search("tea")] == [(0, True)]


def test_in_a_turn_it_is_found_as_well(url: str) -> None:
    with SessionManager(2, indexed(url, archive=True)) as sessions:
        with sessions.turn("s"):
            sends(sessions, "tea", "milk", "water")
        assert contents(sessions.search("tea")) == ["question tea"]


def test_edits_take_their_documents_along(url: str, client: Any) -> None:
    summary = Summary(lambda _previous, _messages: "short", every=1, background=False)
    with SessionManager(Window(1), indexed(url), summary=summary) as sessions:
        sends(sessions, "tea", "milk")
        assert sessions.get_summary("s") is not None
        assert contents(sessions.search("tea milk")) == ["question milk"]
        sessions.set_system_message("s", "pinned")
        assert contents(sessions.search("milk")) == ["question milk"]
        assert len(numbers(client)) == 2
        sends(sessions, "water")
        assert contents(sessions.search("milk water question")) == ["question water"]
        sessions.reset_session("s")
        sends(sessions, "juice")
        assert contents(sessions.search("question")) == ["question juice"]
        assert len(numbers(client)) == 2
        sessions.store.replace("s", Edit((encode(user("!?"), NOON),)), None, "an edit")  # which has no words
        assert numbers(client) == []


def test_sessions_that_expired_are_never_hits_and_are_swept(url: str, client: Any) -> None:
    with SessionManager(1, indexed(url, archive=True, ttl=3600)) as sessions:
        for session_id in ("s", "t", "u"):
            sends(sessions, *map(str, range(60)), session_id=session_id)
        for key in Keys(PREFIX).all_of("s") + Keys(PREFIX).all_of("t"):
            client.delete(key)  # as Redis does when their time is over
        assert len(numbers(client, "s")) == 120
        hits = sessions.search("question 7", limit=3)
        assert {hit.session_id for hit in hits} == {"u"}
        assert numbers(client, "s") == []  # all of them, as one was met
        sends(sessions, "new", session_id="t")
        assert contents(sessions.search("answer", limit=100)) == sorted(
            [f"question {n}" for n in range(60)] + ["question new"]
        )
        assert (numbers(client, "t"), len(numbers(client, "u"))) == ([0, 1], 120)
        client.hset(f"{{{PREFIX}u}}:words:500", mapping={"words": "zebra", "parts": "", "at": 1, "mark": 5})
        assert sessions.search("zebra").hits == ()
        assert len(numbers(client, "u")) == 120


def test_documents_of_encrypted_records_say_that_they_could_not_be_read(url: str, client: Any) -> None:
    with SessionManager(5, RedisStore(url, key_prefix=PREFIX), seal=Encrypt(bytes(32))) as encrypted:
        encrypted.add_user_message("s", "tea " * 99)
    store = indexed(url)
    with SessionManager(5, store) as sessions:
        sessions.add_user_message("t", "tea")
        store.index_sessions()
        assert (numbers(client), numbers(client, "t")) == ([0], [0])
        document = client.hgetall(f"{{{PREFIX}s}}:words:0")
        assert (document.pop("words"), document.pop("parts"), document.keys()) == (
            documents.UNREAD,
            "",
            {"at", "mark"},
        )
        model = Embed(lambda texts: [[1.0, 0.0] for _ in texts], name="m")
        with SessionManager(5, store, embed=model) as meaning:
            meaning.embed_sessions()
            assert "model" not in client.hgetall(f"{{{PREFIX}s}}:words:0")
            hits = meaning.search("coffee")
            assert ([hit.session_id for hit in hits], hits.complete) == (["t"], False)


def test_documents_are_told_apart_where_lengths_and_times_are_equal(url: str, client: Any) -> None:
    store = indexed(url)
    store.append("s", [encode(user("apples"), NOON)], Window(5), "first")
    client.lset(f"{PREFIX}s", 0, encode(user("grapes"), NOON))  # as a writer does that keeps no index
    with SessionManager(5, store) as sessions:
        assert sessions.search("apples").hits == ()
        assert numbers(client) == []


def test_sessions_that_were_there_before_are_indexed_on_request(
    url: str, client: Any, call: Callable[..., Any]
) -> None:
    with SessionManager(1, RedisStore(url, key_prefix=PREFIX, archive=True)) as before:
        before.add_system_message("s", "pinned tea")
        sends(before, *map(str, range(140)))
        sends(before, "1", session_id="t")
    client.rpush(f"{PREFIX}js", '{"role":"user","content":"question of JavaScript"}')
    client.hset(f"{{{PREFIX}gone}}:words:3", mapping={"words": "question", "parts": "", "at": 1, "mark": 5})
    store = indexed(url, archive=True)
    sessions = SessionManager(1, store)
    left: list[int] = []
    call(store, "index_sessions", progress=left.append)
    call(store, "index_sessions")  # again, over documents that are there
    assert left == [2, 1, 0]
    assert not store._run(documents.index(store.keys, "t", [encode(user("other"), NOON)], 0, archived=False))
    assert numbers(client) == list(range(280))
    assert numbers(client, "gone") == []
    assert contents(call(sessions, "search", "tea javascript")) == ["question of JavaScript"]
    assert found(call(sessions, "search", "question", limit=999)) == found(
        walked(sessions).search("question", limit=999)
    )
    sends(sessions, "tea")
    sends(sessions, "milk")
    (hit,) = call(sessions, "search", "tea")
    assert (hit.archived, hit.position) == (True, 280)
    call(sessions, "reset_session", "t")
    assert numbers(client, "t") == []
    call(sessions, "close")


def test_a_store_without_an_index_has_none_to_fill(url: str, call: Callable[..., Any]) -> None:
    with pytest.raises(StoreError, match="made without search=True"):
        call(RedisStore(url, key_prefix=PREFIX), "index_sessions")


def test_writers_without_an_index_leave_true_hits(url: str, client: Any) -> None:
    with indexed(url) as store, RedisStore(url, key_prefix=PREFIX) as other:
        sessions, without = SessionManager(2, store), SessionManager(2, other)
        sends(sessions, "tea", "milk")
        sends(without, "water")  # takes the first turn away, with its documents
        assert numbers(client) == [2, 3]
        assert contents(sessions.search("question")) == ["question milk"]
        without.set_system_message("s", "pinned")
        assert contents(sessions.search("question")) == []  # an edit may have changed anything
        sends(sessions, "juice")
        assert contents(sessions.search("question")) == ["question juice"]
        store.index_sessions()
        assert contents(sessions.search("question")) == ["question juice", "question water"]
        without.reset_session("s")
        assert numbers(client) == []


def test_what_javascript_writes_moves_no_hit_elsewhere(url: str, client: Any) -> None:
    with SessionManager(2, indexed(url, archive=True)) as sessions:
        sends(sessions, "tea")
        client.rpush(f"{PREFIX}s", '{"role":"user","content":"cocoa"}')
        sends(sessions, "milk")
        assert contents(sessions.search("tea cocoa milk")) == ["question milk", "question tea"]
        client.ltrim(f"{PREFIX}s", 2, -1)  # the cocoa, and the question about milk
        assert contents(sessions.search("cocoa milk")) == ["answer milk"]
        sends(sessions, "water")
        assert contents(sessions.search("tea cocoa milk water")) == ["answer milk", "question tea", "question water"]
        sends(sessions, "1", "2", "3")
        assert contents(sessions.search("milk")) == ["question tea"]  # the answer follows it in the archive
        assert contents(sessions.search("water")) == ["question water"]
        client.rpush(f"{PREFIX}s", '{"role":"user","content":"cocoa"}')
        sends(sessions, "juice", "4", "5", "6")
        assert contents(sessions.search("cocoa juice water")) == ["question juice", "question water"]


def test_no_other_prefix_is_searched(url: str, client: Any) -> None:
    names = ("a:", "a:b:", "*:", "x y:")
    managers = [SessionManager(1, indexed(url, key_prefix=prefix, archive=True)) for prefix in names]
    for name, sessions in zip(names, managers, strict=True):
        for session_id in ("s", "a:b", "{s}:words:1"):
            sends(sessions, f"tea {name}", session_id=session_id)
    for name, sessions in zip(names, managers, strict=True):
        hits = sessions.search("tea", limit=99)
        assert contents(hits) == [f"question tea {name}"] * 3
        assert {hit.session_id for hit in hits} == {"s", "a:b", "{s}:words:1"}
        info: Any = client.ft(f"{name}words:1").info()
        assert int(info["num_docs"]) == 6
        sessions.close()


def test_an_index_that_is_gone_is_made_again(url: str, client: Any, call: Callable[..., Any]) -> None:
    sessions = SessionManager(1, indexed(url, archive=True))
    call(sessions, "add_user_message", "s", "tea")
    assert contents(call(sessions, "search", "tea")) == ["tea"]
    client.execute_command("FT.DROPINDEX", f"{PREFIX}words:1")
    assert contents(call(sessions, "search", "tea")) == ["tea"]  # by a walk
    wait_for_index(sessions.store)
    client.flushall()
    call(sessions, "add_user_message", "s", "tea two")
    assert contents(call(sessions, "search", "tea")) == ["tea two"]
    call(sessions, "close")


@pytest.mark.parametrize("name", ["redis-8.2", "valkey-9"])
def test_a_server_without_the_engine_says_what_works_instead(
    backends: Backends, name: str, call: Callable[..., Any]
) -> None:
    store = RedisStore(backends.server(name).url, key_prefix="none:", search=True)
    sessions = SessionManager(store=store)
    for method, arguments in (
        ("add_user_message", ("s", "tea")),
        ("search", ("tea",)),
        ("set_system_message", ("s", "x")),
    ):
        with pytest.raises(StoreError, match=r"no query engine .* use Redis 8, or Redis Stack 7.4. Without it"):
            call(sessions, method, *arguments)
    assert call(sessions, "get_session", "s") == []
    call(sessions, "close")


@pytest.mark.parametrize("call", ["async"], indirect=True)
def test_on_a_cluster_the_nodes_are_searched_together(backends: Backends, call: Callable[..., Any]) -> None:
    cluster = Cluster(backends.binary("redis-8.2"), arguments=search_modules())
    if not search_modules():
        pytest.skip("RediSearch comes for Linux on x86_64 alone")
    cluster.start()
    try:
        sessions = SessionManager(1, indexed(cluster.url, archive=True))
        for number in range(12):
            call(sessions, "send_messages", f"s{number}", [user(f"tea {number}"), user("milk")])
        assert contents(call(sessions, "search", "tea", limit=99)) == sorted(f"tea {number}" for number in range(12))
        assert contents(call(sessions, "search", "7")) == ["tea 7"]
        assert len(call(sessions, "search", "tea", limit=5)) == 5
        pages = [sessions.store.find(TEA, since=None, skip=skip, limit=5) for skip in (0, 5, 10)]
        assert sorted(each.session_id for page in pages for each in page or ()) == sorted(f"s{n}" for n in range(12))
        call(sessions, "reset_session", "s7")
        assert contents(call(sessions, "search", "7")) == []
        slot = key_slot(f"{PREFIX}s3".encode())
        source = next(node for node in cluster.nodes if _has_key(node, f"{PREFIX}s3"))
        with Move(cluster, slot, source, cluster.nodes[cluster.nodes.index(source) - 1]) as move:
            hasty = SessionManager(1, indexed(cluster.url, archive=True, timeout=0.5))
            with pytest.raises(StoreUnavailableError):
                call(hasty, "send_message", "s3", user("tea while it moves"))
            call(hasty, "close")
            move.move_all(0)
        call(sessions, "send_message", "s3", user("tea that moved"))
        hits = call(sessions, "search", "moved moves 3", limit=9)
        assert contents(hits) == ["tea 3", "tea that moved"]
        assert len(call(sessions, "search", "tea", limit=99)) == 12
        call(sessions.store, "index_sessions")
        call(sessions, "close")
    finally:
        cluster.stop()


def _has_key(node: Server, key: str) -> bool:
    with node.client() as client:
        slot = key_slot(key.encode())
        keys: Any = client.execute_command("CLUSTER GETKEYSINSLOT", slot, 1)
    return bool(keys)


def test_forty_phrases_are_found_among_all_sessions(url: str) -> None:
    asked = asked_phrases()
    store = indexed(url, archive=True)
    with holding(store, {f"s{number}" for number in range(len(real_conversations()))}) as sessions:
        found = [first_place(sessions.search(phrase, limit=3), phrase) for _, phrase in asked]
    assert sum(place is not None for place in found) == 39


@pytest.mark.parametrize("options", [{"decode_responses": True}, {"protocol": 2}, {"protocol": 3}])
def test_a_given_client_of_any_kind_will_do(url: str, options: dict[str, Any]) -> None:
    with redis.Redis.from_url(url, **options) as client:
        sessions = SessionManager(1, RedisStore(client=client, key_prefix=PREFIX, archive=True, search=True))
        sends(sessions, "tea", "milk")
        assert contents(sessions.search("tea")) == ["question tea"]
        sessions.store.index_sessions()  # type: ignore[attr-defined]


def test_rights_of_a_limited_user_are_those_of_the_page(url: str, client: Any) -> None:
    page = (ROOT / "docs" / "finding.md").read_text("utf-8")
    (more,) = re.findall(r"also needs `(~[^`]*)`", page)
    rights = [*RIGHTS, *more.split()]
    client.execute_command("ACL", "SETUSER", "acme", "reset", "on", ">secret", *rights)
    place = url.replace("redis://", "redis://acme:secret@")
    with SessionManager(1, indexed(place, key_prefix="acme:", ttl=60)) as sessions:
        sends(sessions, "tea", "milk")
        sessions.set_system_message("s", "pinned")
        sessions.store.replace("s", Edit(archive=(encode(user("juice"), NOON),)), None, "edit")
        assert contents(sessions.search("question juice")) == ["juice", "question milk"]
        client.delete("acme:s", "{acme:s}:archive")
        assert sessions.search("question").hits == ()
        assert numbers(client, prefix="acme:") == []
        sends(sessions, "tea")
        sessions.store.index_sessions()  # type: ignore[attr-defined]
        client.execute_command("ACL", "SETUSER", "acme", "-hset")
        with pytest.raises(StoreError, match="refused append"):
            sessions.add_user_message("s", "not stored")
        assert len(sessions.get_session("s")) == 2
    client.execute_command("ACL", "DELUSER", "acme")


def test_the_option_in_urls(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with RedisStore.from_url(f"{url}?search=true&archive=1") as store:
        assert store.search
        described = store.describe_url()
        assert described is not None
        assert "search=true" in described.url
        with RedisStore.from_url(described.url) as copy:
            assert (copy.search, copy.archive) == (True, True)
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", TOKEN)
    with pytest.raises(ValueError, match="no option 'search'"):
        UpstashStore.from_url("upstash://x.upstash.io?search=true")


def test_words_and_records_of_any_kind_are_documents() -> None:
    long = "x" * 199
    record = encode(user(f"{long} ORD-4 the teas"), NOON)
    words, parts, at = documents.document(record).split("\x1e")
    assert words.split(" ")[0] == "\ue000" + hashlib.sha256(long.encode()).hexdigest()
    assert words.split(" ")[1:] == ["ord\ue02d4", "ord", "4", "the", "teas"]
    assert (parts, at) == ("xxx ord rd\ue02d d\ue02d4 tea eas", str(NOON))
    assert documents.document(Record(b'{"role":"user","content":"x"}')).endswith("\x1e-1")
    assert documents.document(Record(b'{"role":"user","content":"!?","at":5}')) == ""
    for unreadable in (b"no JSON", b'{"role":"user","content":7}'):
        assert documents.document(Record(unreadable)) == f"{documents.UNREAD}\x1e\x1e-1"
    sealed = b'{"role":"user","sealed":"AAAA","by":"aes-gcm:01234567","at":5}'
    assert documents.document(Record(sealed)) == f"{documents.UNREAD}\x1e\x1e5"
