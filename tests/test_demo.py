"""The demonstration, run as its users run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from sessionkit_integrations import InMemoryStore, SessionManager, Summary
from sessionkit_integrations.adapting.recalling import Question, Recall
from sessionkit_integrations.demo import chapters, in_langchain, show
from sessionkit_integrations.demo.answers import answer, get_weather
from sessionkit_integrations.demo.in_langchain import OfflineChatModel
from sessionkit_integrations.demo.run import _with_archive
from tests.command_line import run_here

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Server


def sessionkit(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "sessionkit_integrations", *arguments]
    environment = {**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(  # noqa: S603 - our own
        command, capture_output=True, text=True, check=False, timeout=300, cwd=cwd, env=environment
    )


def in_this_process(command: list[str], *, input: str, **_: Any) -> subprocess.CompletedProcess[str]:  # noqa: A002
    """Run a chapter in this process, which has imported the frameworks."""
    with mock.patch("sys.argv", command[2:]), mock.patch("sys.stdin", StringIO(input)):
        chapters.main()
    return subprocess.CompletedProcess(command, 0)


def check(output: str) -> None:
    turns = dict(enumerate(re.split(r"turn \d+ through", output)))
    assert len(turns) == 12
    assert "peanuts" in turns[5]
    assert "Ada" not in turns[5].split("╰")[0]
    assert "Porto will be sunny, with 21 °C." in turns[6]
    assert "get_weather" not in turns[6]
    assert "LlamaIndex" in turns[7]
    assert "You said: “How was the weather going to be in Porto?" in turns[7]
    assert "LangChain" in turns[9]
    assert "riddles" in turns[9]
    assert "after this turn: left 1–6  kept [7][8][9]" in turns[9]
    assert 'calls recall {"query": "peanuts"}' in turns[10]
    assert "You said: “I'm allergic to peanuts.”" in turns[10]
    assert "summary of turns 1 to 7" in turns[10]
    assert "The user's name is Ada." in turns[10]
    assert "your name is Ada" in turns[11]
    assert "riddles" in turns[11]
    assert "turn 4  What will the weather be like in Porto tomorrow?" in turns[11]
    assert max(map(len, output.splitlines()[3:])) == 80


def test_on_a_file_in_a_temporary_folder(tmp_path: Path) -> None:
    run = sessionkit("demo", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    check(run.stdout)
    assert len(set(re.findall(r"process (\d+)", run.stdout))) == 4
    assert list(tmp_path.iterdir()) == []


def test_on_a_real_server_of_which_nothing_is_left(redis_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessionkit_integrations.demo.run.subprocess.run", in_this_process)
    monkeypatch.setattr(show.console, "width", 80)
    run = run_here(["demo", "--store", f"{redis_server.url}?key_prefix=demonstration:"], os.environ)
    assert (run.returncode, run.stderr) == (0, "")
    check(run.stdout)
    with redis_server.client() as client:
        left = list(client.scan_iter("*demonstration:*"))
        assert all(key.endswith(b"}:meta") and 0 < client.ttl(key) <= 60 for key in left), left


def test_without_agents_the_last_chapter_says_what_to_install_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chapters, "find_spec", lambda name: None)
    summary = Summary(chapters._summarize, every=1, background=False)
    with SessionManager(3, InMemoryStore(archive=True), summary=summary) as sessions:
        for question in (*chapters.FIRST, *chapters.SECOND, *chapters.THIRD, *chapters.FOURTH, *chapters.FIFTH):
            sessions.send_messages("s", [user(question), {"role": "assistant", "content": "I am listening."}])
        with show.console.capture() as capture:
            chapters.fourth(sessions, "s")
    output = " ".join(capture.get().split())
    assert 'needs more packages: pip install "sessionkit-integrations[agents]"' in output
    assert "turn 10 through LangChain" in output
    assert "I see nothing about peanuts in my window." in output
    assert "I see that your name is Ada" in output


@pytest.mark.parametrize(
    ("url", "archived"),
    [
        ("redis://localhost", "redis://localhost?archive=true"),
        ("redis://localhost?ttl=60&archive=false", "redis://localhost?ttl=60&archive=true"),
    ],
)
def test_the_store_keeps_an_archive(url: str, archived: str) -> None:
    assert _with_archive(url) == archived


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


def test_the_model_recalls_what_is_not_in_its_prompt() -> None:
    question = user("What did I say about jazz?")
    assert "tool_calls" not in answer([user("I love jazz"), question], recalls=True)
    call = answer([question], recalls=True)
    assert call["tool_calls"][0]["function"] == {"name": "recall", "arguments": '{"query": "jazz"}'}
    with SessionManager(1, InMemoryStore(archive=True)) as sessions:
        for text in ("I love jazz", "Bye"):
            sessions.add_user_message("s", text)
        recall = Recall(sessions, 1, 1000, 10.0)
        for query, said in (
            ("jazz", "You said: “I love jazz”"),
            ("tea", "I find nothing about that, even in the archive."),
        ):
            result: Any = {"role": "tool", "tool_call_id": "1", "content": recall("s", Question(query=query))}
            assert answer([question, call, result])["content"] == said


def test_the_model_summarises_and_reads_its_summaries() -> None:
    text = in_langchain.summarize("The user's name is Bo.", [user("I love jazz. I live in Oslo.")])
    assert text == "The user's name is Bo. They live in Oslo. They love jazz."
    told: Any = {"role": "system", "content": text}
    assert answer([told, user("What do you know about me?")])["content"] == (
        "I see that your name is Bo, you live in Oslo and you love jazz."
    )
    assert in_langchain.summarize(None, [user("Hello")]) == "Nothing to remember was said."


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
