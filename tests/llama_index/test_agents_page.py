"""The page about LlamaIndex's agents: its code runs, and it says what a run costs and leaves out."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import RedisStore, SessionManager
from tests.llama_index.agents import Script, calls, function_agent, own_memory, plain_memory, react_agent, says
from tests.llama_index.test_costs import sent
from tests.snippets import Snippet

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.core.memory import Memory

    from tests.servers import Server

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "llama_index_agents.md").read_text("utf-8")
CODE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LlamaIndex's agents use what others deprecate


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_a_snippet_runs_and_prints_what_it_says(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {"__name__": "page"}
    exec(compile(code, "docs/llama_index_agents.md", "exec"), namespace)  # noqa: S102 - our own
    if "stop_and_go_on" in namespace:
        sessions = SessionManager()
        asyncio.run(namespace["stop_and_go_on"](sessions))
        asked = [message["content"] for message in sessions.get_session("user123")][::2]
        assert asked == ["Hello", "Do you remember me?"]
    assert capsys.readouterr().out.splitlines() == Snippet("", 1, code).printed


def test_the_tests_that_it_names_are_there() -> None:
    names = re.findall(r"`(?:tests/llama_index/)?(test_\w+\.py)`", PAGE)
    assert len(names) == 3
    assert all((ROOT / "tests" / "llama_index" / name).exists() for name in names)


@pytest.mark.parametrize("make_memory", [own_memory, plain_memory])
async def test_a_run_writes_twice_and_reads_four_times(
    make_memory: Callable[..., Memory], redis_server: Server
) -> None:
    async with SessionManager(3, RedisStore(redis_server.url, key_prefix=f"{make_memory.__name__}:")) as sessions:
        memory = make_memory(sessions)
        script = Script()
        for number in range(6):
            script.replies += [calls("1"), calls("2"), says("a")] if number % 2 else [says("a")]
            with redis_server.client() as client:
                client.config_resetstat()
            await function_agent(script).run(f"q {number}", memory=memory)
            leaves = int(number > 2 and make_memory is own_memory)
            expected = {"evalsha": 2 + leaves, "lrange": 4 + number % 2 * 2 + leaves}
            assert {name: count for name, count in sent(redis_server).items() if name != "eval"} == expected


async def test_a_reasoning_agent_without_a_prompt_leaves_out_a_system_message() -> None:
    sessions = SessionManager()
    sessions.set_system_message("s", "Be kind.")
    for prompt in (None, "You can look."):
        script = Script(says("Thought: Well.\nAnswer: a"))
        await react_agent(script, system_prompt=prompt).run("q", memory=own_memory(sessions))
        assert ("Be kind." in script.said[0]) is (prompt is not None)
