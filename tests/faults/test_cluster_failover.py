"""A primary of a cluster that is killed while it is written, and its replica that takes its place."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
import redis
import redis.asyncio

from sessionkit_integrations import RedisStore, SessionManager
from tests.faults.helpers.clusters import OLD_CLIENTS_LEAK, first_slot_of, ids_in_slot
from tests.faults.helpers.failovers import Failover, is_primary, wait_until
from tests.faults.helpers.ledger import Ledger, all_texts, write_while
from tests.servers import CLUSTER_PRIMARIES, Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backends import Backends

pytestmark = OLD_CLIENTS_LEAK
PREFIX = "failover:"
WINDOW = 100_000
ELSEWHERE = [f"elsewhere{number}" for number in range(50)]


@pytest.fixture(scope="module", params=["redis-8.2", "valkey-9"])
def cluster(request: pytest.FixtureRequest, backends: Backends) -> Iterator[Cluster]:
    """Three primaries with a replica each."""
    started = Cluster(backends.binary(request.param), replicas=1, node_timeout=1000).start()
    yield started
    started.stop()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.run_until_complete(made.shutdown_asyncgens())
    made.close()


def test_what_was_replicated_outlives_a_primary_and_writes_go_on(
    cluster: Cluster, loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sessionkit_integrations")
    primary, replica, other = cluster.nodes[0], cluster.nodes[CLUSTER_PRIMARIES], cluster.nodes[1]
    own, idle = (
        SessionManager(WINDOW, RedisStore(f"redis+cluster://127.0.0.1:{other.port}", key_prefix=PREFIX))
        for _ in range(2)
    )
    given = redis.RedisCluster(host="127.0.0.1", port=other.port, socket_timeout=5)
    async_given = redis.asyncio.RedisCluster(host="127.0.0.1", port=other.port, socket_timeout=5)
    by_given = SessionManager(WINDOW, RedisStore(client=given, key_prefix=PREFIX))
    by_async_given = SessionManager(WINDOW, RedisStore(async_client=async_given, key_prefix=PREFIX))
    names = ids_in_slot(PREFIX, first_slot_of(0) + 10, 4)
    ledgers = [Ledger(own, names[0], "own client"), Ledger(by_given, names[1], "given client")]
    aledgers = [
        Ledger(own, names[2], "own asynchronous client"),
        Ledger(by_async_given, names[3], "given asynchronous client", [async_given]),
    ]
    for name in ELSEWHERE:
        own.add_user_message(name, "Hello")
    assert sorted(idle.list_sessions()) == loop.run_until_complete(alisted(idle)) == sorted(ELSEWHERE)

    probe = f"{{{PREFIX}{names[0]}}}:probe"
    failover = Failover(primary, 1, probe, [*ledgers, *aledgers], lambda: is_primary(replica))
    write_while(ledgers, aledgers, failover)
    failover.check(lambda ledger: all_texts(own, ledger.session_id))
    failover.check_log(caplog.records, [ledgers[0], aledgers[0]])
    # Clients that have not been used meanwhile.
    assert sorted(idle.list_sessions()) == loop.run_until_complete(alisted(idle)) == sorted([*names, *ELSEWHERE])

    primary.start()
    wait_until(lambda: not is_primary(primary))
    assert sorted(idle.list_sessions()) == loop.run_until_complete(alisted(idle)) == sorted([*names, *ELSEWHERE])
    for name in names:
        own.add_user_message(name, "after")
        loop.run_until_complete(idle.aadd_user_message(name, "after"))
        assert all_texts(own, name)[-2:] == ["after", "after"]
    loop.run_until_complete(idle.aclose())
    own.close()
    given.close()


async def alisted(sessions: SessionManager) -> list[str]:
    return sorted([name async for name in sessions.alist_sessions()])
