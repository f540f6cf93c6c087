"""`kill -9` of a Redis that syncs each write, under load: what was acknowledged is there once."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import RedisStore, SessionManager, StoreUnavailableError
from tests.backends import REDIS_SERVERS
from tests.faults.helpers.meta import check_meta
from tests.seeds import new_seed
from tests.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backends import Backends

WINDOW, WRITERS, CRASHES = 5, 4, 5
PREFIX = "crash:"
PAUSE = 0.02
"""Between the writes of those who share a session, in seconds: a session remembers its last 32 writes, so that a write
is safe to try again for as long as others do not write as often meanwhile."""


class Writer:
    """Appends numbered turns to one session; what raises it tries again with the same idempotency key.

    Attributes:
        written: What was acknowledged, in order.
        failures: How often an append raised.
    """

    def __init__(self, sessions: SessionManager, session_id: str, name: str, pause: float) -> None:
        self.session_id = session_id
        self.written: list[str] = []
        self.failures = 0
        self._sessions = sessions
        self._name = name
        self._pause = pause

    def write(self, stop: threading.Event) -> None:
        for number in itertools.count():
            if stop.wait(self._pause):
                return
            contents = [f"{self._name}:{number}:user", f"{self._name}:{number}:reply"]
            messages: list[Any] = [
                {"role": role, "content": each} for role, each in zip(("user", "assistant"), contents, strict=True)
            ]
            while not self._acknowledged(messages, f"{self._name}:{number}"):
                self.failures += 1
            self.written += contents

    def _acknowledged(self, messages: list[Any], key: str) -> bool:
        try:
            self._sessions.send_messages(self.session_id, messages, idempotency_key=key)
        except StoreUnavailableError:
            return False
        return True


@pytest.fixture(params=REDIS_SERVERS)
def syncing(request: pytest.FixtureRequest, backends: Backends) -> Iterator[Server]:
    server = Server(backends.binary(request.param), "--appendonly", "yes", "--appendfsync", "always").start()
    yield server
    server.stop()


@pytest.mark.hypothesis
def test_nothing_acknowledged_is_missing_or_there_twice(syncing: Server) -> None:
    seed = new_seed()
    chance = random.Random(seed)
    stop = threading.Event()
    store = RedisStore(syncing.url, key_prefix=PREFIX, archive=True)
    with SessionManager(WINDOW, store) as sessions, ThreadPoolExecutor(WRITERS) as threads:
        # Two share a session; the others have it for themselves.
        writers = [
            Writer(sessions, f"s{max(number, 1)}", str(number), PAUSE if number < 2 else 0) for number in range(WRITERS)
        ]
        writing = [threads.submit(writer.write, stop) for writer in writers]
        try:
            for _ in range(CRASHES):
                time.sleep(chance.uniform(0.05, 0.3))
                syncing.kill()
                time.sleep(chance.uniform(0, 0.2))
                syncing.start()
            time.sleep(0.1)
        finally:
            stop.set()
        for each in writing:
            each.result()
        appends = sum(len(writer.written) for writer in writers) // 2
        failures = sum(writer.failures for writer in writers)
        print(f"seed {seed}: {CRASHES} crashes, {appends} appends acknowledged, {failures} raised before")
        _check(sessions, syncing, writers)


def _check(sessions: SessionManager, server: Server, writers: list[Writer]) -> None:
    expected: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for number, writer in enumerate(writers):
        assert writer.written
        expected[writer.session_id][str(number)] = writer.written
    with server.client() as client:
        for session_id, by_writer in expected.items():
            found: dict[str, list[str]] = {name: [] for name in by_writer}
            messages = [*sessions.get_archive(session_id), *sessions.get_session(session_id)]
            for message in messages:
                content = str(message["content"])
                found[content.partition(":")[0]].append(content)
            assert found == by_writer
            check_meta(client, PREFIX, session_id, appended=len(messages))
