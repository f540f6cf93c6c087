"""`kill -9` of processes that fork: each fork is there as a whole, or not at all."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Edit, SessionManager
from sessionkit_integrations.records.record import encode
from tests.faults.helpers.forking import SOURCE
from tests.processes import running

if TYPE_CHECKING:
    from tests.backends import Backends

CRASHES = 2
ARCHIVED = 2000
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("backend", ["redis-8.2", "sqlite"])
def test_a_fork_is_there_as_a_whole_or_not_at_all(backends: Backends, tmp_path: Path, backend: str) -> None:
    url = (
        f"sqlite:///{tmp_path}/s.db?" if backend == "sqlite" else f"{backends.server(backend).url}?key_prefix=forked:&"
    )
    message: Any = {"role": "user", "content": "x" * 200}
    with SessionManager.from_url(f"{url}archive=true", 2) as sessions:
        sessions.send_message(SOURCE, message)
        archive = tuple(encode(message, number) for number in range(ARCHIVED))
        sessions.store.replace(SOURCE, Edit(archive=archive), None, "filled")
        told: set[str] = set()
        for _ in range(CRASHES):
            told |= killed(f"{url}archive=true")
        found = set(sessions.list_sessions()) - {SOURCE}
        assert told <= found
        assert len(found - told) <= CRASHES
        for name in found:
            info = sessions.describe(name)
            assert info is not None
            assert (info.messages, info.archived, info.forked_from) == (1, ARCHIVED, SOURCE)
        sessions.fork(SOURCE, "after all")
        assert sessions.store.read("after all", archived=True).records == archive
        for name in (*found, SOURCE, "after all"):
            sessions.reset_session(name)


def killed(url: str) -> set[str]:
    """Kill a process that forks, and return the names of the forks that it was told of."""
    command = [sys.executable, "-m", "tests.faults.helpers.forking", url]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"0\n"
        time.sleep(random.uniform(0.01, 0.2))
        assert process.poll() is None, "it ended by itself"
        process.kill()
        count = 1 + len(process.stdout.read().split(b"\n")[:-1])
        return {f"{process.pid}:{number}" for number in range(count)}
