"""Time and memory of importing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.lines import Line, Target

if TYPE_CHECKING:
    from tests.benchmarks.setting import Setting

ROW = "import"
ROOT = Path(__file__).parents[2]
IMPORTS = (
    ("", "import sessionkit_integrations", Target("≤", 60)),
    (
        "from langchain_core.runnables.history import RunnableWithMessageHistory",
        "from sessionkit_integrations import SessionKitChatMessageHistory",
        Target("≤", 30),
    ),
    (
        "from llama_index.core.memory import ChatMemoryBuffer, Memory",
        "from sessionkit_integrations import SessionKitAsyncChatStore, SessionKitChatStore",
        Target("≤", 30),
    ),
)
"""Imports made before, the import measured, and the most that it is to take."""

PROGRAM = """
import time
{before}
start = time.perf_counter()
{measured}
print((time.perf_counter() - start) * 1000)
"""


async def imports(setting: Setting) -> list[Line]:
    """Return the lines of imports, each in processes of its own."""
    lines: list[Line] = []
    for before, measured, target in IMPORTS:
        program = PROGRAM.format(before=before, measured=measured)
        took = median(_milliseconds(program) for _ in range(setting.sizes.imports))
        note = f"after `{before}`" if before else ""
        lines.append(Line(ROW, f"`{measured}`", "ms", took, target=target, note=note))
    return lines


def _milliseconds(program: str) -> float:
    command = [sys.executable, "-c", program]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)  # noqa: S603
