"""The demonstration, run as its users run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations.demo.answers import answer, get_weather
from sessionkit_integrations.demo.in_langchain import OfflineChatModel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Server


def sessionkit(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "sessionkit_integrations", *arguments]
    environment = {**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(  # noqa: S603 - our own
        command, capture_output=True, text=True, check=False, timeout=300, cwd=cwd, env=environment
    )


def check(output: str) -> None:
    processes = re.findall(r"process (\d+)", output)
    assert len(set(processes)) == 3
    turns = dict(enumerate(re.split(r"turn \d+ through", output)))
    assert len(turns) == 10
    assert "peanuts" in turns[5]
    assert "Ada" not in turns[5].split("╰")[0]
    assert "Porto will be sunny, with 21 °C." in turns[6]
    assert "get_weather" not in turns[6]
    assert "LlamaIndex" in turns[7]
    assert "You said: “How was the weather going to be in Porto?" in turns[7]
    assert "LangChain" in turns[9]
    assert "riddles" in turns[9]
    assert "after this turn: left 1 2 3 4 5 6  kept [7][8][9]" in turns[9]


def test_on_a_file_in_a_temporary_folder(tmp_path: Path) -> None:
    run = sessionkit("demo", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    check(run.stdout)
    assert list(tmp_path.iterdir()) == []


def test_on_a_real_server_of_which_nothing_is_left(redis_server: Server) -> None:
    run = sessionkit("demo", "--store", f"{redis_server.url}?key_prefix=demonstration:")
    assert (run.returncode, run.stderr) == (0, "")
    check(run.stdout)
    with redis_server.client() as client:
        left = list(client.scan_iter("*demonstration:*"))
        assert all(key.endswith(b"}:meta") and 0 < client.ttl(key) <= 60 for key in left), left


@pytest.mark.parametrize(
    ("store", "code", "message"),
    [
        ("memory://", 2, "restarts its process"),
        ("nonsense://", 2, "no store has the scheme 'nonsense'"),
        ("redis://127.0.0.1:1", 1, "Redis at 127.0.0.1:1 cannot be reached"),
    ],
)
def test_a_store_that_will_not_do_is_said_in_one_line(store: str, code: int, message: str) -> None:
    run = sessionkit("demo", "--store", store)
    assert (run.returncode, run.stdout) == (code, "")
    assert len(run.stderr.strip().splitlines()) == 1
    assert message in run.stderr


def user(content: str) -> Any:
    return {"role": "user", "content": content}


def test_the_model_answers_from_its_prompt_and_nothing_else() -> None:
    told, question = user("My name is Bo."), user("What do you know about me?")
    assert answer([told, question])["content"] == "I see that your name is Bo."
    assert answer([question])["content"] == "Nothing that you told me is in my window."
    assert answer([user("I love jazz"), user("What did I say about jazz?")])["content"] == "You said: “I love jazz”"


def test_the_model_calls_its_tool_unless_the_result_is_known() -> None:
    question = user("What is the weather in Oslo?")
    call = answer([question])
    assert call["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    result: Any = {"role": "tool", "tool_call_id": "1", "content": get_weather("Oslo")}
    assert "Oslo will be" in str(answer([question, call, result])["content"])
    assert str(answer([question, call, result, question])["content"]).startswith("As I found out before")


def test_the_model_quotes_the_document_in_its_prompt_that_fits() -> None:
    documents: Any = {
        "role": "system",
        "content": "Notes:\n\n- Trains leave at noon. Ships leave at\n  night.\n- Nothing else.",
    }
    assert answer([documents, user("When do ships leave?")])["content"] == "Ships leave at night."
    assert answer([documents, user("When do planes land?")])["content"] == "I am listening."
    assert answer([user("When do ships leave?")])["content"] == "I am listening."


def test_the_model_streams_what_it_would_say_and_call() -> None:
    model = OfflineChatModel()
    for question in ("My name is Bo.", "What is the weather in Oslo?"):
        first, *rest = model.stream(question)
        whole = sum(rest, start=first)
        said: Any = model.invoke(question)
        assert (whole.text, whole.tool_calls) == (said.text, said.tool_calls)
    assert [piece.text for piece in model.stream("Hello")] == ["I", " am", " listening."]
