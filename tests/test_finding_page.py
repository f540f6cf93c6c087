"""The page about search: its code runs, and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.snippets import Snippet, unknown_options

PAGE = (Path(__file__).parents[1] / "docs" / "finding.md").read_text("utf-8")
CODE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_a_snippet_runs_and_prints_what_it_says(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "docs/finding.md", "exec"), {"__name__": "page"})  # noqa: S102 - our own
    printed, said = capsys.readouterr().out.splitlines(), Snippet("", 1, code).printed
    assert len(printed) == len(said)
    for line, expected in zip(printed, said, strict=True):
        assert re.fullmatch(re.escape(expected).replace("…", ".*"), line), line


def test_the_options_of_its_commands_are_there() -> None:
    assert PAGE.count("\nsessionkit ") == 3
    assert unknown_options(PAGE) == set()
    assert unknown_options("sessionkit search x --session y --nonsense") == {"--nonsense"}
