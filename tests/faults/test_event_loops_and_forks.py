"""Event loops, threads and forks: everything works, nothing stays open and nothing warns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.backends import Backends

ROOT = Path(__file__).parents[2]
TOGETHER = (("memory", "sqlite", "redis", "upstash"), ("given",), ("cluster", "given cluster"))
"""Kinds of stores that one process plays, as its start and the imports of the frameworks take longer than they do."""


def place(kind: str, backends: Backends, folder: Path) -> tuple[str, list[int]]:
    """Return where an empty store is, and the ports of the servers whose connections are counted."""
    if kind in {"memory", "sqlite"}:
        return str(folder / "chats.db"), []
    if kind == "upstash":
        return backends.upstash().url, []  # each of whose connections is a descriptor of ours
    if "cluster" in kind:
        cluster = backends.cluster()
        return cluster.url, [node.port for node in cluster.nodes]
    server = backends.server("redis-8.2")
    return server.url, [server.port]


@pytest.mark.skipif(not hasattr(os, "fork") or not Path("/dev/fd").exists(), reason="Windows has neither")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kinds", TOGETHER, ids=", ".join)
def test_everything_works_leaves_nothing_open_and_warns_of_nothing(
    kinds: tuple[str, ...], backends: Backends, tmp_path: Path
) -> None:
    # From 3.12 on Python warns of any fork of a process that has threads.
    options = ["-W", "error", "-W", "ignore:This process"]
    if "cluster" not in kinds:
        # There each loop's client first reads a description of all commands, which takes redis-py ten times as long in
        # the development mode: 0.7 s of computing, and more than the timeout of an operation on a busy machine.
        options += ["-X", "dev"]
    if any(kind.startswith("given") for kind in kinds):
        options += ["-W", "ignore:unclosed <socket"]  # redis-py leaves those of the parent to the garbage collector
    backends.empty()
    places = json.dumps([(kind, *place(kind, backends, tmp_path)) for kind in kinds])
    done = subprocess.run(  # noqa: S603
        [sys.executable, *options, "-m", "tests.faults.helpers.scenarios", places],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    print(done.stdout)
    assert (done.returncode, done.stderr, done.stdout.split()[-1:]) == (0, "", ["done"])
