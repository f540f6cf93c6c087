"""A server that forgets its scripts at any moment."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from sessionkit_integrations import SessionManager
from tests.backends import SCRIPTED
from tests.faults.helpers.ledger import Ledger, all_texts, write_while
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from tests.backends import Backends
    from tests.servers import Server

SECONDS = 0.7
WINDOW = 100_000


@pytest.mark.parametrize("backend", SCRIPTED)
def test_writers_do_not_notice(backends: Backends, backend: str) -> None:
    make = backends.maker(backend)
    store = make()
    sessions = SessionManager(WINDOW, store)
    ledgers = [Ledger(sessions, name, name) for name in ("one", "two")]
    aledgers = [Ledger(sessions, name, name) for name in ("asynchronous one", "asynchronous two")]
    flushes = edits = 0

    def forget_scripts() -> None:
        nonlocal flushes, edits
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for flush in flushing:
                flush()
            flushes += 1
            if flushes % 10 == 0:
                sessions.set_system_message("edited", f"edit {flushes}")
                assert [message["content"] for message in sessions.get_session("edited")] == [f"edit {flushes}"]
                edits += 1

    with ExitStack() as stack:
        servers = servers_of(backends, backend)
        clients = [stack.enter_context(server.client()) for server in servers]
        flushing: list[Callable[[], object]] = [client.script_flush for client in clients]
        if backend == "upstash":
            url, headers = backends.upstash().url, {"Authorization": f"Bearer {TOKEN}"}
            http = stack.enter_context(httpx.Client(headers=headers))
            flushing = [lambda: http.post(url, json=["SCRIPT", "FLUSH"]).raise_for_status()]
        before = sum(map(whole_scripts, clients))
        write_while(ledgers, aledgers, forget_scripts)
        sent_whole = sum(map(whole_scripts, clients)) - before
    entries = sum(len(ledger.entries) for ledger in (*ledgers, *aledgers))
    print(f"{flushes} flushes, {sent_whole} scripts sent whole, {entries} appends, {edits} edits")
    for ledger in (*ledgers, *aledgers):
        assert ledger.raised == []
        ledger.check(all_texts(sessions, ledger.session_id))
    assert sent_whole > edits > 0
    sessions.close()


def servers_of(backends: Backends, backend: str) -> list[Server]:
    if backend == "cluster":
        return backends.cluster().nodes
    return [backends.server("redis-8.2" if backend == "upstash" else backend)]


def whole_scripts(client: redis.Redis) -> int:
    """Return how many scripts a server has been sent by their text."""
    commands = client.info("commandstats")
    return int(commands.get("cmdstat_eval", {"calls": 0})["calls"])
