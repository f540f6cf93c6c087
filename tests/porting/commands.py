"""The command, run as its users run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-W", "error", "-m", "sessionkit_integrations")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "SESSIONKIT_URL"},
    "PYTHONPATH": str(ROOT),
    "PYTHONIOENCODING": "utf-8",
}


def run(*arguments: str, code: int = 0, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command and check its exit code, and that it shows no traceback."""
    done = subprocess.run(  # noqa: S603 - our own
        [*COMMAND, *arguments],
        input="" if given is None else given,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=100,
        env=ENVIRONMENT,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def summary(*arguments: str, code: int = 0, given: str | None = None) -> dict[str, Any]:
    """Run the command with ``--json`` and return the summary."""
    value: dict[str, Any] = json.loads(run(*arguments, "--json", code=code, given=given).stdout)
    return value


def lines(values: Sequence[object]) -> str:
    """Return JSON Lines."""
    return "".join(json.dumps(value) + "\n" for value in values)
