"""A primary that is killed while it is written through clients of Sentinel, which puts a replica in its place."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio.sentinel
from redis.sentinel import Sentinel

from sessionkit_integrations import RedisStore, SessionManager
from tests.faults.helpers.failovers import Failover, is_primary, wait_until
from tests.faults.helpers.ledger import Ledger, all_texts, write_while
from tests.servers import REPLICATE_AT_ONCE, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backends import Backends

WINDOW = 100_000
SENTINELS = 3


@pytest.fixture(scope="module")
def servers(backends: Backends) -> Iterator[list[Server]]:
    """A primary and its two replicas."""
    binary = backends.binary("redis-8.2")
    with ExitStack() as stack:
        primary = Server(binary, *REPLICATE_AT_ONCE)
        follow = ("--replicaof", "127.0.0.1", str(primary.port))
        started = [primary, *(Server(binary, *REPLICATE_AT_ONCE, *follow) for _ in range(2))]
        for server in started:
            stack.callback(server.start().stop)
        with primary.client() as client:
            wait_until(
                lambda: all(client.info("replication").get(f"slave{n}", {}).get("state") == "online" for n in (0, 1))
            )
        yield started


@pytest.fixture(scope="module")
def sentinels(servers: list[Server]) -> Iterator[list[tuple[str, int]]]:
    """The addresses of three Sentinels that watch over them."""
    with ExitStack() as stack:
        started = [Server(servers[0].binary) for _ in range(SENTINELS)]
        for sentinel in started:
            config = sentinel.folder / "sentinel.conf"
            config.write_text(
                f"sentinel monitor chats 127.0.0.1 {servers[0].port} 2\n"
                "sentinel down-after-milliseconds chats 500\n"
                "sentinel failover-timeout chats 4000\n"
            )
            sentinel.arguments = (str(config), "--sentinel")
            stack.callback(sentinel.start().stop)
        clients = [stack.enter_context(sentinel.client(decode_responses=True)) for sentinel in started]
        wait_until(lambda: all(knows_all(client) for client in clients))
        yield [("127.0.0.1", sentinel.port) for sentinel in started]


def knows_all(sentinel: redis.Redis) -> bool:
    state: Any = sentinel.execute_command("SENTINEL MASTER", "chats")
    return (state["num-other-sentinels"], state["num-slaves"]) == (SENTINELS - 1, 2)


def test_what_was_replicated_outlives_a_primary_and_writes_go_on(
    servers: list[Server], sentinels: list[tuple[str, int]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sessionkit_integrations")
    primary, *replicas = servers
    found = Sentinel(sentinels, socket_timeout=1)
    afound = redis.asyncio.sentinel.Sentinel(sentinels, socket_timeout=1)
    client = found.master_for("chats", socket_timeout=2)
    aclient = afound.master_for("chats", socket_timeout=2)
    sessions = SessionManager(WINDOW, RedisStore(client=client))
    asessions = SessionManager(WINDOW, RedisStore(async_client=aclient))
    ledgers = [Ledger(sessions, name, name) for name in ("one", "two")]
    aledgers = [Ledger(asessions, name, name) for name in ("asynchronous one", "asynchronous two")]
    aledgers[0].clients = [aclient, *afound.sentinels]
    failover = Failover(primary, len(replicas), "probe", [*ledgers, *aledgers], lambda: any(map(is_primary, replicas)))
    write_while(ledgers, aledgers, failover)
    failover.check(lambda ledger: all_texts(sessions, ledger.session_id))
    failover.check_log(caplog.records, [])  # as the clients are given, they may have tried again themselves
    assert sorted(sessions.list_sessions()) == sorted(ledger.session_id for ledger in (*ledgers, *aledgers))
    client.close()
    for each in found.sentinels:
        each.close()
