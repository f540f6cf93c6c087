"""The pages of the documentation: their code runs, and prints what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sessionkit_integrations import InMemoryStore, SessionManager
from tests.snippets import Snippet, unknown_options

DOCS = Path(__file__).parents[1] / "docs"
PAGES = (
    *(
        "branches",
        "coming_from",
        "finding",
        "index",
        "open_calls",
        "sealing",
        "shared_round_trips",
        "statistics",
        "turns",
    ),
    *("usage_and_quotas", "watching", "what_the_model_sees"),
)
OF_OTHER_TESTS = {
    "agents": "tests/langchain/test_agents_page.py",
    "llama_index_agents": "tests/llama_index/test_agents_page.py",
    "moving_to_agents": "tests/langchain/test_moving_page.py",
    "openai_agents": "tests/openai_agents/test_page.py",
    "summaries": "tests/test_summaries_page.py",
    "tokens": "tests/test_tokens.py",
}
"""Pages whose code other tests run."""

CODE = [
    pytest.param(page, code, id=f"{page}-{number}")
    for page in PAGES
    for number, code in enumerate(
        re.findall(r"^```python\n(.*?)^```$", (DOCS / f"{page}.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
]


@pytest.mark.filterwarnings("ignore:.*deprecated")  # as what users come from may be
@pytest.mark.parametrize(("page", "code"), CODE)
def test_a_snippet_runs_and_prints_what_it_says(
    page: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    exec(compile(code, f"docs/{page}.md", "exec"), names)  # noqa: S102 - our own
    if isinstance(sessions := names.get("sessions"), SessionManager):
        sessions.close()  # as the end of a program does
    printed, said = capsys.readouterr().out.splitlines(), Snippet("", 1, code).printed
    assert len(printed) == len(said)
    for line, expected in zip(printed, said, strict=True):
        assert re.fullmatch(re.escape(expected).replace("…", ".*"), line), line


def test_the_code_of_every_page_is_run_by_a_test() -> None:
    texts = {path.relative_to(DOCS).with_suffix("").as_posix(): path.read_text("utf-8") for path in DOCS.rglob("*.md")}
    assert {page for page, text in texts.items() if "```python" in text} == {*PAGES, *OF_OTHER_TESTS}
    for page, test in OF_OTHER_TESTS.items():
        assert f'"{page}.md"' in (DOCS.parent / test).read_text("utf-8")


def test_the_table_of_branches_says_what_each_call_gives() -> None:
    rows = re.findall(
        r"^\| `(\w+\(.*?)` \|(.*)\|(.*)\|(.*)\|$", (DOCS / "branches.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == 15
    for call, *said in rows:
        sessions = SessionManager(2, InMemoryStore(archive=True))
        sessions.add_system_message("s", "S")
        for number in range(1, 6):
            sessions.add_user_message("s", f"U{number}")
            sessions.add_assistant_message("s", f"A{number}")
        try:
            returned = contents(eval(f"sessions.{call}", {"sessions": sessions}) or [])  # noqa: S307 - our own
        except ValueError:
            returned = "`ValueError`"
        told = "t" if call.startswith("fork") else "s"
        window, archive = contents(sessions.get_session(told)), contents(sessions.get_archive(told))
        assert [returned, window, archive] == [cell.strip() for cell in said], call


def contents(messages: list[Any]) -> str:
    return " ".join(message["content"] for message in messages if message["role"] != "system")


def test_the_options_of_commands_are_there() -> None:
    for page in ("branches", "coming_from", "watching"):
        assert unknown_options((DOCS / f"{page}.md").read_text("utf-8")) == set()
    finding = (DOCS / "finding.md").read_text("utf-8")
    assert finding.count("\nsessionkit ") == 3
    assert unknown_options(finding) == set()
    assert unknown_options("sessionkit search x --session y --nonsense") == {"--nonsense"}
