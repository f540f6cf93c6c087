"""The page about summaries: its code runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.snippets import Snippet

PAGE = (Path(__file__).parents[1] / "docs" / "summaries.md").read_text("utf-8")
CODE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_a_snippet_runs_and_prints_what_it_says(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "docs/summaries.md", "exec"), {"__name__": "page"})  # noqa: S102 - our own
    assert capsys.readouterr().out.splitlines() == Snippet("", 1, code).printed
