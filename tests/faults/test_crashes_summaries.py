"""`kill -9` of processes that append and summarise: each turn is in one summary, or waits for one, and none is lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import SessionManager, Summary
from tests.faults.helpers.summaries_writer import SESSION, WINDOW, turn
from tests.processes import running

if TYPE_CHECKING:
    from tests.backends import Backends

WRITERS, CRASHES = 3, 4
ROOT = Path(__file__).parents[2]


class Writer:
    """A process that writes until it is killed.

    Attributes:
        name: The beginning of all that it writes.
        acknowledged: The number of its turns that were acknowledged.
    """

    def __init__(self, url: str, name: str, stack: ExitStack) -> None:
        self.name = name
        self.acknowledged = 0
        self._process = stack.enter_context(
            running(
                [sys.executable, "-m", "tests.faults.helpers.summaries_writer", url, name],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        )

    def kill(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"0\n"
        time.sleep(random.uniform(0.05, 0.4))
        assert self._process.poll() is None, "it ended by itself"
        self._process.kill()
        self.acknowledged = 1 + len(self._process.stdout.read().split(b"\n")[:-1])


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("backend", ["redis-8.2", "sqlite"])
def test_each_turn_is_in_one_summary(backends: Backends, tmp_path: Path, backend: str, archive: bool) -> None:
    url = (
        f"sqlite:///{tmp_path}/s.db?" if backend == "sqlite" else f"{backends.server(backend).url}?key_prefix=killed:&"
    )
    if archive:
        url += "archive=true"
    writers: list[Writer] = []
    with ExitStack() as stack:
        writing = [Writer(url, f"w{number}", stack) for number in range(WRITERS)]
        for number in range(WRITERS, WRITERS + CRASHES):
            killed = writing.pop(0)
            killed.kill()
            writers.append(killed)
            writing.append(Writer(url, f"w{number}", stack))
        for writer in writing:
            writer.kill()
    _check(url, [*writers, *writing], archive=archive)


def _check(url: str, writers: list[Writer], *, archive: bool) -> None:
    def summarize(previous: str | None, messages: list[Any]) -> str:
        return " ".join([*([previous] if previous else []), *(str(message["content"]) for message in messages)])

    with SessionManager.from_url(url, WINDOW, summary=Summary(summarize, every=None)) as sessions:
        before = sessions.get_summary(SESSION)
        assert before is not None
        summary = sessions.summarize(SESSION)
        assert summary is not None
        covered = summary.text.split()
        assert covered[: before.messages] == before.text.split()
        assert (summary.messages, summary.turns) == (len(covered), len(covered) // 2)
        archived = [message["content"] for message in sessions.get_archive(SESSION)]
        assert archived == (covered if archive else [])
        preamble, *active = [str(message["content"]) for message in sessions.get_session(SESSION)]
        assert preamble.endswith(summary.text)
        sessions.reset_session(SESSION)
    found: dict[str, list[str]] = defaultdict(list)
    for content in [*covered, *active]:
        found[content.partition(":")[0]].append(content)
    for writer in writers:
        turns = len(found[writer.name]) // 2
        assert turns in {writer.acknowledged, writer.acknowledged + 1}
        written = [message["content"] for number in range(turns) for message in turn(writer.name, number)]
        assert found[writer.name] == written
