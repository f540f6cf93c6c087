"""Child processes that take signals as on a terminal, and that do not outlive the test that started them."""

from __future__ import annotations

import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start a process for the time of a block, and kill it at the end if it is still there.

    A shell starts background jobs with SIGINT ignored, and whatever they start inherits that. Here the process gets
    the signal's default. ``with subprocess.Popen(…)`` alone would wait for ever for a process that does not end.

    Args:
        command: The program and its arguments.
        options: Options of `subprocess.Popen`.
    """
    # A handler of our own, unlike an ignored signal, does not pass to the process.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, **options)  # noqa: S603 - the tests' own
    finally:
        signal.signal(signal.SIGINT, inherited)
    with process:
        try:
            yield process
        finally:
            process.kill()
