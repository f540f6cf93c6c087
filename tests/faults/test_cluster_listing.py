"""Listing the sessions of a cluster: complete and without repeats, whatever else happens there."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import RedisStore, SessionManager
from tests.faults.helpers.clusters import Move, owner_of, slot_of
from tests.seeds import new_seed
from tests.servers import Cluster, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.backends import Backends

    Call = Callable[..., Any]

PREFIX = "listed:"
NAMES = [f"s{number}" for number in range(300)]
NEW_NODE = 3


@pytest.fixture(scope="module")
def cluster(backends: Backends) -> Iterator[Cluster]:
    """Three primaries, whose sessions are to be listed, and a new node without slots."""
    started = Cluster(backends.binary("redis-8.2"), spare=1).start()
    with SessionManager(store=RedisStore(started.url, key_prefix=PREFIX)) as sessions:
        for name in NAMES:
            sessions.add_user_message(name, "Hello")
    yield started
    started.stop()


@pytest.fixture
def sessions(cluster: Cluster, call: Call) -> Iterator[SessionManager]:
    made = SessionManager(store=RedisStore(cluster.url, key_prefix=PREFIX))
    yield made
    call(made, "close")


class Listing:
    """A listing of sessions whose `take` and `atake` return one after the other, and ``None`` after the last."""

    def __init__(self, sessions: SessionManager) -> None:
        self._names = sessions.list_sessions()
        self._anames = sessions.alist_sessions()

    def take(self) -> str | None:
        return next(self._names, None)

    async def atake(self) -> str | None:
        async for name in self._anames:
            return name
        return None


def listed(sessions: SessionManager, call: Call) -> list[str]:
    listing = Listing(sessions)
    return list(iter(lambda: call(listing, "take"), None))


def a_slot_of_another_node(cluster: Cluster, listed_first: str) -> tuple[int, Server, Server]:
    """Return a slot that holds sessions, its node, and the node of the session that was listed first."""
    first = owner_of(cluster, slot_of(PREFIX + listed_first))
    owners = ((slot, owner_of(cluster, slot)) for slot in (slot_of(PREFIX + name) for name in NAMES))
    return next((slot, owner, first) for slot, owner in owners if owner is not first)


@pytest.mark.hypothesis
def test_a_listing_while_other_sessions_come_and_go(cluster: Cluster, sessions: SessionManager, call: Call) -> None:
    seed = new_seed()
    print(f"seed {seed}")
    over = threading.Event()
    changes = 0

    def come_and_go() -> None:
        nonlocal changes
        chosen = random.Random(seed)
        with SessionManager(store=RedisStore(cluster.url, key_prefix=PREFIX)) as others:
            while not over.is_set():
                name = f"other{chosen.randrange(1000)}"
                others.add_user_message(name, "Hello") if chosen.random() < 0.6 else others.reset_session(name)
                changes += 1
            for number in range(1000):
                others.reset_session(f"other{number}")

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        found = [listed(sessions, call) for _ in range(10)]
    finally:
        over.set()
        thread.join()
    print(f"{changes} changes during 10 listings of up to {max(map(len, found))} sessions")
    assert changes > 0
    for names in found:
        assert len(names) == len(set(names))
        assert {name for name in names if not name.startswith("other")} == set(NAMES)


def test_a_listing_while_a_slot_moves_to_a_node_that_was_listed_before(
    cluster: Cluster, sessions: SessionManager, call: Call
) -> None:
    listing = Listing(sessions)
    names = [call(listing, "take")]
    slot, source, target = a_slot_of_another_node(cluster, names[0])
    with Move(cluster, slot, source, target) as move:
        keys = move.keys()
        move.move_all(pause=0)
    names += iter(lambda: call(listing, "take"), None)
    print(f"moved during the listing: {keys}")
    assert sorted(names) == sorted(NAMES)


def test_a_listing_during_which_a_slot_goes_on_moving(cluster: Cluster, sessions: SessionManager, call: Call) -> None:
    listing = Listing(sessions)
    first = call(listing, "take")
    slot, source, target = a_slot_of_another_node(cluster, first)
    with Move(cluster, slot, source, target) as move:
        move.move_all(pause=0)
        names = [first, *iter(lambda: call(listing, "take"), None)]
        assert sorted(names) == sorted(NAMES)


def test_a_listing_after_slots_have_moved_to_a_node_unknown_to_the_client(
    cluster: Cluster, sessions: SessionManager, call: Call
) -> None:
    assert sorted(listed(sessions, call)) == sorted(NAMES)
    slot = slot_of(PREFIX + NAMES[0])
    source, target = owner_of(cluster, slot), cluster.nodes[NEW_NODE]
    for begin, end in ((source, target), (target, source)):
        with Move(cluster, slot, begin, end) as move:
            move.move_all(pause=0)
        assert sorted(listed(sessions, call)) == sorted(NAMES)
