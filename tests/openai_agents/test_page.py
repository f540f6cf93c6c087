"""The page about the OpenAI Agents SDK: its code runs, and a record looks as it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.openai_agents.codec import OpenAIAgentsCodec
from sessionkit_integrations.records.codec import encode_all
from tests.openai_agents.model import Scripted, says

if TYPE_CHECKING:
    import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "openai_agents.md").read_text("utf-8")


def block(language: str) -> str:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(code)


async def test_its_code_remembers_what_a_user_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page: dict[str, Any] = {"__name__": "page"}
    exec(compile(block("python"), "docs/openai_agents.md", "exec"), page)  # noqa: S102 - our own
    page["agent"].model = Scripted([says("Hi")], [says("Yes")])
    with page["sessions"]:
        assert await page["answer"]("user123", "Hello") == "Hi"
        assert await page["answer"]("user123", "Do you remember?") == "Yes"
    assert [item["content"] for item in page["agent"].model.prompts[1]][::2] == ["Hello", "Do you remember?"]


def test_a_record_looks_as_it_says() -> None:
    (record,) = encode_all(OpenAIAgentsCodec(), [[{**says("Hello").model_dump(exclude_unset=True), "id": "msg_1"}]])
    shown = block("json").strip()
    assert record.decode() == re.sub(r'"at":\d+', f'"at":{json.loads(record)["at"]}', shown)
