"""A loop that is closed with operations under way ends no process, and leaves no error of ours."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sessionkit_integrations
from tests.faults.helpers.closed_loops import ENDS

if TYPE_CHECKING:
    from tests.backends import Backends

ROOT = Path(__file__).parents[2]
PACKAGE = str(Path(sessionkit_integrations.__file__).parent)


@pytest.mark.parametrize("kind", ["sqlite", "redis", "cluster", "upstash"])
def test_a_loop_is_closed_with_operations_under_way(kind: str, backends: Backends, tmp_path: Path) -> None:
    """CPython 3.11 ended in a segmentation fault.

    asyncio and redis-py print errors of their own then, as they do without us, and so does Python 3.10 where it closes
    a coroutine that is being closed.
    """
    where = {
        "sqlite": lambda: str(tmp_path / "chats.db"),
        "redis": lambda: backends.server("redis-8.2").url,
        "cluster": lambda: backends.cluster().url,
        "upstash": lambda: backends.upstash().url,
    }
    command = [sys.executable, "-m", "tests.faults.helpers.closed_loops", kind, where[kind]()]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    assert (run.returncode, run.stdout) == (0, "".join(f"{end}\n" for end in ENDS)), run.stderr[-5000:]
    raised_in = [re.findall(r'^  File "(.*)", line', each, re.MULTILINE)[-1:] for each in _tracebacks(run.stderr)]
    assert [file for file in raised_in if file[0].startswith(PACKAGE)] == [], run.stderr[-5000:]


def _tracebacks(text: str) -> list[str]:
    """Return the tracebacks in a text, each from its first line to the line that names its exception.

    Those of coroutines that were being closed are left out.
    """
    return re.findall(r"^Traceback .*\n((?:  .*\n)+)(?! |ValueError: coroutine already executing)", text, re.MULTILINE)
