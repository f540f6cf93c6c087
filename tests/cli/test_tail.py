"""``sessionkit tail``: nothing is shown twice, and nothing is missing, while the window moves."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.cli.running import COMMAND, Place
from tests.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_the_last_messages_are_shown(anywhere: Place) -> None:
    with anywhere.sessions() as sessions:
        for number in range(5):
            sessions.add_user_message("s", str(number))
    assert [message["content"] for message in anywhere.lines("tail", "s", "-n", "2")] == ["3", "4"]
    assert len(anywhere.lines("tail", "s")) == 5
    assert anywhere.lines("tail", "s", "-n", "0") == []


def test_new_messages_are_shown_as_they_come(anywhere: Place) -> None:
    with anywhere.sessions(2, archive=True) as sessions:
        sessions.add_system_message("s", "pinned")
        for number in range(3):
            sessions.add_user_message("s", str(number))
        seen: list[str] = []
        with running(
            [*COMMAND, "tail", "-f", "s", "-n", "2", "--interval", "0.05", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=anywhere.all_variables,
        ) as process:
            reader = threading.Thread(target=lambda: seen.extend(_contents(process)))
            reader.start()
            _wait(lambda: len(seen) == 2)
            for number in range(3, 40):
                sessions.add_user_message("s", str(number))
                time.sleep(0.04 if number % 10 else 0)
            _wait(lambda: seen[-1:] == ["39"])
            process.terminate()
            reader.join(10)
            assert process.stderr is not None
            assert process.stderr.read() == b""
    assert seen == [str(number) for number in range(1, 40)]


def test_the_list_goes_on_with_sessions_that_change(here: Place) -> None:
    with here.sessions(2) as sessions:
        sessions.add_user_message("a", "0")
        seen: list[Any] = []
        with running(
            [*COMMAND, "list", "--watch", "--json"], stdout=subprocess.PIPE, env=here.all_variables
        ) as process:
            assert process.stdout is not None
            lines = process.stdout
            reader = threading.Thread(target=lambda: seen.extend(map(json.loads, lines)))
            reader.start()
            _wait(lambda: len(seen) == 1)
            sessions.add_user_message("b", "1")
            _wait(lambda: len(seen) == 2)
            sessions.reset_session("a")
            _wait(lambda: len(seen) == 3)
            process.terminate()
            reader.join(10)
    assert [(row["session_id"], row["messages"]) for row in seen] == [("a", 1), ("b", 1), ("a", 0)]


def test_the_author_of_a_message_is_shown(here: Place) -> None:
    with here.sessions() as sessions:
        sessions.send_message("s", {"role": "user", "content": "hello", "name": "Ann"})
    for command in ("tail", "show"):
        assert "Ann" in here.run(command, "s").stdout


def _contents(process: subprocess.Popen[bytes]) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)["content"]


def _wait(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()
