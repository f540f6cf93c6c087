"""64 writers at once: nothing is lost or stored twice, and every read meanwhile is a valid window."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import SessionManager
from tests.backends import ALL
from tests.faults.helpers.contention import (
    WINDOW,
    Load,
    Reader,
    begin,
    check_all_is_there,
    write_in_tasks,
    write_in_threads,
)
from tests.processes import running

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tests.backends import Backends, StoreMaker

WRITERS, TURNS, PROCESSES = 64, 6, 4
UPSTASH_TURNS = 4
"""Our stand-in for Upstash, which is written in Python, takes nine times as long as a Redis."""

PROCESS_SECONDS = 100
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=[1, 100], ids=lambda sessions: f"{sessions} sessions")
def load(request: pytest.FixtureRequest) -> Load:
    on_upstash = request.node.callspec.params.get("make_store") == "upstash"
    return Load(UPSTASH_TURNS if on_upstash else TURNS, request.param)


def test_threads(make_store: StoreMaker, load: Load) -> None:
    sessions, reader = SessionManager(WINDOW, make_store(archive=True)), Reader(load)
    begin(sessions, load)
    began = time.monotonic()
    with reader.in_thread(sessions):
        write_in_threads(sessions, load, range(WRITERS))
    _check(sessions, load, reader, began)


def test_tasks(make_store: StoreMaker, load: Load) -> None:
    async def use() -> None:
        async with SessionManager(WINDOW, make_store(archive=True)) as sessions:
            reader = Reader(load)
            begin(sessions, load)
            began = time.monotonic()
            writing = asyncio.ensure_future(write_in_tasks(sessions, load, range(WRITERS)))
            await reader.in_task(sessions, writing)
            await writing
            _check(sessions, load, reader, began)

    asyncio.run(use())


@pytest.mark.parametrize(
    ("backend", "load"),
    [
        *((name, 1) for name in ALL if name not in {"memory", "upstash"}),
        *((name, 100) for name in ("sqlite", "redis-8.2", "cluster")),
    ],
    indirect=["load"],
)
def test_processes(backend: str, backends: Backends, load: Load, tmp_path: Path) -> None:
    """Each of them has the store's default time limit. (Upstash's URL is https, which the stand-in does not speak.)"""
    url = _url(backend, backends, tmp_path)
    reader = Reader(load)
    with SessionManager.from_url(url, WINDOW) as sessions:
        begin(sessions, load)
        with _writing(url, load) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline() == "ready\n"
            began = time.monotonic()
            with reader.in_thread(sessions):
                output, errors = process.communicate("go\n", timeout=PROCESS_SECONDS)
        assert (process.returncode, errors, len(output.split())) == (0, "", PROCESSES)
        _check(sessions, load, reader, began)
    print("slowest append of each process, in seconds:", *output.split())


def _url(backend: str, backends: Backends, folder: Path) -> str:
    if backend == "sqlite":
        return f"sqlite:///{folder / 'chats.db'}?archive=true"
    url = backends.cluster().url if backend == "cluster" else backends.server(backend).url
    return f"{url}?archive=true&key_prefix={folder.name}:"


def _writing(url: str, load: Load) -> AbstractContextManager[subprocess.Popen[str]]:
    words = [url, load.turns, load.sessions, WRITERS, PROCESSES]
    return running(
        [sys.executable, "-m", "tests.faults.helpers.writer_process", *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def _check(sessions: SessionManager, load: Load, reader: Reader, began: float) -> None:
    seconds = time.monotonic() - began
    messages = check_all_is_there(sessions, load, range(WRITERS))
    appends = WRITERS * sum(1 for _ in load.appends(0))
    print(f"{messages} messages in {appends} appends, {reader.reads} reads, {seconds:.1f} s")
    assert reader.problems == []
    assert reader.reads >= load.sessions
