"""Processes that take turns at a session, one of which is killed inside its own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import SessionManager
from tests.faults.helpers.turn_taker import SESSION
from tests.processes import running

if TYPE_CHECKING:
    from tests.backends import Backends

PROCESSES, ROUNDS = 4, 20
HANGS = 2
"""The turn in which one of them hangs, until it is killed."""
ROOT = Path(__file__).parents[2]
TAKER = (sys.executable, "-m", "tests.faults.helpers.turn_taker")


def _url(backends: Backends, backend: str, folder: Path) -> str:
    if backend == "sqlite":
        return f"sqlite:///{folder / 's.db'}"
    store = backends.maker(backend)()
    described = store.describe_url()
    store.close()
    assert described is not None
    return described.url


@pytest.mark.parametrize("backend", ["sqlite", "redis-8.2", "cluster"])
def test_turns_never_overlap(backends: Backends, tmp_path: Path, backend: str) -> None:
    url = _url(backends, backend, tmp_path)
    with ExitStack() as stack:
        takers = [
            stack.enter_context(
                running(
                    [*TAKER, url, str(name), str(ROUNDS), str(HANGS if name == 0 else ROUNDS)],
                    stdout=subprocess.PIPE,
                    cwd=ROOT,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
            )
            for name in range(PROCESSES)
        ]
        first = takers[0].stdout
        assert first is not None
        assert first.readline() == b"hangs\n"
        takers[0].kill()
        for taker in takers[1:]:
            assert taker.wait(200) == 0
    with SessionManager.from_url(url, 10_000) as sessions:
        said = [str(message.get("content")).split() for message in sessions.get_session(SESSION)]
    open_turn: list[str] | None = None
    ended: list[tuple[str, str]] = []
    for name, number, event in said:
        if event == "begins":
            assert open_turn in (None, ["0", str(HANGS)]), f"{name} began inside the turn of {open_turn}"
            open_turn = [name, number]
        else:
            assert open_turn == [name, number], f"{name} ended in the turn of {open_turn}"
            open_turn = None
            ended.append((name, number))
    rounds = {name: HANGS if name == 0 else ROUNDS for name in range(PROCESSES)}
    assert sorted(ended) == sorted((str(name), str(number)) for name, most in rounds.items() for number in range(most))
