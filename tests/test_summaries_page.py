"""The page about summaries: its code runs, and its commands are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from sessionkit_integrations.cli import app
from tests.snippets import Snippet

PAGE = (Path(__file__).parents[1] / "docs" / "summaries.md").read_text("utf-8")
CODE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_a_snippet_runs_and_prints_what_it_says(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "docs/summaries.md", "exec"), {"__name__": "page"})  # noqa: S102 - our own
    assert capsys.readouterr().out.splitlines() == Snippet("", 1, code).printed


def test_the_options_of_its_commands_are_there() -> None:
    commands: Any = typer.main.get_command(app)
    lines = re.findall(r"^sessionkit (\w+)(.*?)(?: #.*)?$", PAGE, re.MULTILINE)
    assert len(lines) == 3
    for command, arguments in lines:
        known = {option for each in commands.commands[command].params for option in each.opts}
        assert {each for each in arguments.split() if each.startswith("--")} <= known
