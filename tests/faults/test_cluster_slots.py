"""Slots of a cluster that move from node to node while their sessions are written and listed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import RedisStore, SessionManager, StoreUnavailableError
from tests.faults.helpers.clusters import OLD_CLIENTS_LEAK, Move, errors_of, errors_since, first_slot_of, ids_in_slot
from tests.faults.helpers.ledger import Ledger, all_texts, write_while
from tests.servers import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.backends import Backends

    Call = Callable[..., Any]

NEW_NODE = 6
pytestmark = OLD_CLIENTS_LEAK


@pytest.fixture(scope="module")
def cluster(backends: Backends) -> Iterator[Cluster]:
    """Three primaries, three replicas, and a new node without slots."""
    started = Cluster(backends.binary("redis-8.2"), replicas=1, spare=1).start()
    yield started
    started.stop()


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "no archive"])
def test_a_slot_that_moves_while_it_is_written_loses_nothing(cluster: Cluster, archive: bool) -> None:
    prefix, slot, window = f"moving-{archive}:", first_slot_of(0) + 10 + archive, 3 if archive else 100_000
    sessions, asessions = (
        SessionManager(window, RedisStore(cluster.url, key_prefix=prefix, archive=archive)) for _ in range(2)
    )
    ids = ids_in_slot(prefix, slot, 2)
    for session_id in ids:
        sessions.send_messages(session_id, [{"role": "user", "content": "before"}] * 5)
    before = errors_of(cluster)
    ledgers = [Ledger(sessions, session_id, name) for session_id in ids for name in ("a", "b")]
    aledgers = [Ledger(asessions, session_id, name) for session_id in ids for name in ("c", "d")]

    def move_there_and_back() -> None:
        for source, target in ((0, 1), (1, 0)):
            with Move(cluster, slot, cluster.nodes[source], cluster.nodes[target]) as move:
                move.forget_scripts()
                move.move_all(pause=0.06)
                time.sleep(0.06)
            time.sleep(0.1)

    write_while(ledgers, aledgers, move_there_and_back)
    errors = errors_since(before, cluster)
    entries = sum(len(ledger.entries) for ledger in (*ledgers, *aledgers))
    longest = max(ledger.longest for ledger in (*ledgers, *aledgers))
    raised = [error for ledger in (*ledgers, *aledgers) for error in ledger.raised]
    print(f"{entries} appends, {len(raised)} raised, the longest took {longest:.2f} s; the servers' errors: {errors}")
    for ledger in (*ledgers, *aledgers):
        ledger.check(all_texts(sessions, ledger.session_id))
    assert min(errors.get(code, 0) for code in ("MOVED", "ASK", "TRYAGAIN", "NOSCRIPT")) > 0, errors
    assert not raised
    sessions.close()


def test_a_session_on_two_nodes_is_not_written_until_it_is_on_one(cluster: Cluster, call: Call) -> None:
    """While a slot moves, the keys of one session can be on two nodes."""
    prefix, slot = "split:", first_slot_of(0) + 12
    sessions = SessionManager(store=RedisStore(cluster.url, key_prefix=prefix, timeout=1))
    (session_id,) = ids_in_slot(prefix, slot, 1)
    call(sessions, "reset_session", session_id)
    call(sessions, "add_user_message", session_id, "1")
    source, target = cluster.nodes[:2]
    before = errors_of(cluster)
    with Move(cluster, slot, source, target) as move:
        move.move(move.keys()[0])
        with pytest.raises(StoreUnavailableError, match="cannot do append now"):
            call(sessions, "add_user_message", session_id, "2")
        assert [message["content"] for message in call(sessions, "get_session", session_id)] == ["1"]
        move.move_all(pause=0)
        call(sessions, "add_user_message", session_id, "3")
    call(sessions, "add_user_message", session_id, "4")
    errors = errors_since(before, cluster)
    print(f"the servers' errors: {errors}")
    assert errors["TRYAGAIN"] > 16  # as often as redis-py tries by itself
    assert [message["content"] for message in call(sessions, "get_session", session_id)] == ["1", "3", "4"]
    with Move(cluster, slot, target, source) as move:
        move.move_all(pause=0)
    call(sessions, "close")


def test_a_slot_that_moves_to_a_node_that_the_client_does_not_know(cluster: Cluster, call: Call) -> None:
    prefix, slot = "new-node:", first_slot_of(1) + 10
    sessions = SessionManager(store=RedisStore(cluster.url, key_prefix=prefix, timeout=1))
    (session_id,) = ids_in_slot(prefix, slot, 1)
    call(sessions, "reset_session", session_id)
    call(sessions, "add_user_message", session_id, "1")
    source, target = cluster.nodes[1], cluster.nodes[NEW_NODE]
    with Move(cluster, slot, source, target) as move:
        move.move_all(pause=0)
        with pytest.raises(StoreUnavailableError, match="a node that the client does not know yet"):
            call(sessions, "add_user_message", session_id, "2")
    call(sessions, "add_user_message", session_id, "3")
    assert [message["content"] for message in call(sessions, "get_session", session_id)] == ["1", "3"]
    with Move(cluster, slot, target, source) as move:
        move.move_all(pause=0)
    call(sessions, "close")


async def test_a_redirection_is_followed_over_one_connection(cluster: Cluster) -> None:
    """redis-py sends ASKING over one connection and what follows it over another, if it has two to the new node."""
    prefix, slot = "asking:", first_slot_of(0) + 16
    source, target = cluster.nodes[:2]
    (moving,) = ids_in_slot(prefix, slot, 1)
    others = ids_in_slot(prefix, first_slot_of(1), 8)
    async with SessionManager(store=RedisStore(cluster.url, key_prefix=prefix, batch=False)) as sessions:
        await sessions.aadd_user_message(moving, "1")
        await asyncio.gather(*(sessions.aadd_user_message(session_id, "1") for session_id in others))
        with Move(cluster, slot, source, target) as move:
            move.forget_scripts()
            move.move_all(pause=0)
            await sessions.aadd_user_message(moving, "2")
            assert len(await sessions.aget_session(moving)) == 2
        await sessions.aadd_user_message(moving, "3")
        assert [message["content"] for message in await sessions.aget_session(moving)] == ["1", "2", "3"]
    with Move(cluster, slot, target, source) as move:
        move.move_all(pause=0)


async def test_members_of_a_batch_that_are_redirected_go_by_themselves(cluster: Cluster) -> None:
    prefix, slot = "batch:", first_slot_of(0) + 14
    source, target = cluster.nodes[:2]
    # The first goes by itself, as all who come first. The last is on the target, which knows the script by it.
    near = ids_in_slot(prefix, slot + 1, 20)
    ids = [near[0], *ids_in_slot(prefix, slot, 1), *near[1:], *ids_in_slot(prefix, first_slot_of(1), 1)]

    async def write(text: str) -> None:
        await asyncio.gather(*(sessions.aadd_user_message(session_id, text) for session_id in ids))

    async with SessionManager(store=RedisStore(cluster.url, key_prefix=prefix)) as sessions:
        await write("1")
        before = errors_of(cluster)
        with Move(cluster, slot, source, target) as move:
            move.move_all(pause=0)
            await write("2")
        await write("3")
        errors = errors_since(before, cluster)
        assert (errors["ASK"], errors["MOVED"]) == (1, 2)  # a slot that moved is asked for in a batch, and by itself
        windows = await asyncio.gather(*map(sessions.aget_session, ids))
        assert [[message["content"] for message in window] for window in windows] == [["1", "2", "3"]] * len(ids)
    with Move(cluster, slot, target, source) as move:
        move.move_all(pause=0)
