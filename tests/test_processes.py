"""Processes of the tests can be interrupted and end, however the tests were started."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator

READY_THEN_WAIT = "import time; print('ready', flush=True); time.sleep(600)"


@pytest.fixture
def sigint_ignored() -> Iterator[None]:
    """The state in which a shell starts background jobs."""
    inherited = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, inherited)


@pytest.mark.usefixtures("sigint_ignored")
def test_a_process_can_be_interrupted_where_sigint_is_ignored() -> None:
    command = [sys.executable, "-c", READY_THEN_WAIT]
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in errors
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_process_does_not_outlive_a_test_that_fails() -> None:
    began = time.monotonic()
    with pytest.raises(AssertionError), running([sys.executable, "-c", READY_THEN_WAIT]) as process:
        raise AssertionError
    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - began < 60
