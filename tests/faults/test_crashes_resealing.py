"""`kill -9` of a process that seals a session again: nothing is lost, and another one goes on."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import Encrypt, SessionManager
from tests.faults.helpers.resealer import KEYS, WINDOW
from tests.processes import running
from tests.sessions.scripted import turn

if TYPE_CHECKING:
    from tests.backends import Backends

TURNS, CRASHES = 300, 3
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("backend", ["redis-8.2", "sqlite"])
def test_nothing_is_lost(backends: Backends, tmp_path: Path, backend: str) -> None:
    url = (
        f"sqlite:///{tmp_path}/s.db?" if backend == "sqlite" else f"{backends.server(backend).url}?key_prefix=sealed:&"
    )
    url += "archive=true"
    with SessionManager.from_url(url, WINDOW, seal=Encrypt(*KEYS)) as sessions:
        sessions.send_messages("s", [message for number in range(TURNS) for message in turn(number)])
        sessions.add_user_message("s", "more")
        before = sessions.get_archive("s"), sessions.get_session("s"), sessions.describe("s")
        assert len(before[0]) > TURNS
        for _ in range(CRASHES):
            _kill(url)
            assert (sessions.get_archive("s"), sessions.get_session("s"), sessions.describe("s")) == before
        assert sessions.reseal().unopened == 0
        last = SessionManager(WINDOW, sessions.store, seal=Encrypt(KEYS[0]))
        assert (last.get_archive("s"), last.get_session("s"), last.describe("s")) == before
        sessions.reset_session("s")


def _kill(url: str) -> None:
    command = [sys.executable, "-m", "tests.faults.helpers.resealer", url]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with running(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"0\n"
        time.sleep(random.uniform(0, 0.2))
        assert process.poll() is None, "it ended by itself"
        process.kill()
