"""The quick start of LangChain's documentation, with two lines more: it remembers across restarts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from difflib import ndiff
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.backends import Backends

ROOT = Path(__file__).parents[2]
QUICK_START = '''\
from langchain.agents import create_agent


def get_weather(city: str) -> str:
    """Get weather for a given city."""
    return f"It's always sunny in {city}!"


agent = create_agent(
    model="claude-sonnet-4-6",
    tools=[get_weather],
    system_prompt="You are a helpful assistant",
)

# Run the agent
agent.invoke(
    {"messages": [{"role": "user", "content": "what is the weather in sf"}]},
)
'''
WITH_MEMORY = '''\
from langchain.agents import create_agent
from sessionkit_integrations import SessionKitMiddleware, SessionManager


def get_weather(city: str) -> str:
    """Get weather for a given city."""
    return f"It's always sunny in {city}!"


agent = create_agent(
    model="claude-sonnet-4-6",
    tools=[get_weather],
    system_prompt="You are a helpful assistant",
    middleware=[SessionKitMiddleware(SessionManager.from_url("sqlite:///chats.db"))],
)

# Run the agent
agent.invoke(
    {"messages": [{"role": "user", "content": "what is the weather in sf"}]},
    {"configurable": {"thread_id": "user123"}},
)
'''
MODEL = '''\
import json

from tests.langchain.agents import Scripted, calls, texts


class ChatAnthropic(Scripted):
    """Takes the place of Anthropic's model, asks for the weather, and prints its prompts."""

    model: str

    def _answer(self, messages):
        print(json.dumps(texts(messages)))
        is_asked = messages[-1].type == "human"
        self.answers = [calls("call_1", name="get_weather", city="sf") if is_asked else messages[-1].text]
        return super()._answer(messages)
'''
SYSTEM = ["system", "You are a helpful assistant"]
SUNNY = "It's always sunny in sf!"
ASKED = [["human", "what is the weather in sf"]]
FOUND = [*ASKED, ["ai", "call_1"], ["tool", SUNNY]]
TURN = [*FOUND, ["ai", SUNNY]]


def prompts_of(program: str, folder: Path) -> list[list[list[str]]]:
    """Run a program in a process of its own, and return the prompts that its model was given."""
    (folder / "langchain_anthropic.py").write_text(MODEL, encoding="utf-8")
    path = os.pathsep.join(map(str, (folder, ROOT)))
    run = subprocess.run(  # noqa: S603 - the tests' own
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_two_lines_and_the_name_of_the_conversation_are_all_that_is_added() -> None:
    changes = [line for line in ndiff(QUICK_START.splitlines(), WITH_MEMORY.splitlines()) if not line.startswith(" ")]
    assert changes == [
        "+ from sessionkit_integrations import SessionKitMiddleware, SessionManager",
        '+     middleware=[SessionKitMiddleware(SessionManager.from_url("sqlite:///chats.db"))],',
        '+     {"configurable": {"thread_id": "user123"}},',
    ]


def test_the_quick_start_remembers_across_restarts(backends: Backends, tmp_path: Path) -> None:
    on_redis = WITH_MEMORY.replace("sqlite:///chats.db", f"{backends.server('redis-8.2').url}?key_prefix=quick_start:")
    program = WITH_MEMORY + on_redis  # in one process, as its imports take seconds
    assert prompts_of(program, tmp_path) == [[SYSTEM, *ASKED], [SYSTEM, *FOUND]] * 2
    assert (tmp_path / "chats.db").exists()
    assert prompts_of(program, tmp_path) == [[SYSTEM, *TURN, *ASKED], [SYSTEM, *TURN, *FOUND]] * 2
