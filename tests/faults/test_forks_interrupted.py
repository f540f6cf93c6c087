"""A fork before which something raises, as Ctrl-C does, leaves all stores usable."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import os
from sessionkit_integrations import InMemoryStore, SessionManager
from sessionkit_integrations.runtime.forks import ForkSafe

class Raises(ForkSafe):
    def _before_fork(self):
        raise KeyboardInterrupt

sessions = SessionManager()
raises = Raises()
for _ in range(2):
    child = os.fork()
    sessions.add_user_message("s", "x")
    SessionManager(store=InMemoryStore()).add_user_message("s", "x")
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
print(len(sessions.get_session("s")))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_fork_that_is_interrupted() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    assert (run.returncode, run.stdout) == (0, "2\n"), run.stderr
