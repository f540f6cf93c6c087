"""The commands in this process, and what starts them in one of their own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.command_line import run_here

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-W", "error", "-m", "sessionkit_integrations")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "SESSIONKIT_URL"},
    "PYTHONPATH": str(ROOT),
    "PYTHONIOENCODING": "utf-8",
}


def run(*arguments: str, code: int = 0, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in this process and check its exit code."""
    done = run_here(arguments, ENVIRONMENT, given)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def summary(*arguments: str, code: int = 0, given: str = "") -> dict[str, Any]:
    """Run the command with ``--json`` and return the summary."""
    value: dict[str, Any] = json.loads(run(*arguments, "--json", code=code, given=given).stdout)
    return value


def lines(values: Sequence[object]) -> str:
    """Return JSON Lines."""
    return "".join(json.dumps(value) + "\n" for value in values)
