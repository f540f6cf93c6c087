"""The pages of the documentation: their code runs, and prints what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.snippets import Snippet, unknown_options

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("finding", "statistics", "turns")
CODE = [
    pytest.param(page, code, id=f"{page}-{number}")
    for page in PAGES
    for number, code in enumerate(
        re.findall(r"^```python\n(.*?)^```$", (DOCS / f"{page}.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
]


@pytest.mark.parametrize(("page", "code"), CODE)
def test_a_snippet_runs_and_prints_what_it_says(page: str, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, f"docs/{page}.md", "exec"), {"__name__": "page"})  # noqa: S102 - our own
    printed, said = capsys.readouterr().out.splitlines(), Snippet("", 1, code).printed
    assert len(printed) == len(said)
    for line, expected in zip(printed, said, strict=True):
        assert re.fullmatch(re.escape(expected).replace("…", ".*"), line), line


def test_the_options_of_commands_are_there() -> None:
    finding = (DOCS / "finding.md").read_text("utf-8")
    assert finding.count("\nsessionkit ") == 3
    assert unknown_options(finding) == set()
    assert unknown_options("sessionkit search x --session y --nonsense") == {"--nonsense"}
