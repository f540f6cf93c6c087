"""The README fits on a few screens, and it and the pages name what there is."""

from __future__ import annotations

import posixpath
import re
from importlib.metadata import metadata
from typing import Any

import typer

from sessionkit_integrations import SessionManager
from sessionkit_integrations.cli import app
from tests.site import WHOLE, anchor
from tests.snippets import PAGES, ROOT

README = (ROOT / "README.md").read_text("utf-8")
LONGEST = 300
"""Lines that the README may have."""

SHELL = [
    (page, line)
    for page in PAGES
    for code in re.findall(r"^```bash\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for line in code.splitlines()
]


def test_it_has_at_most_300_lines_and_code_that_fits_into_a_few() -> None:
    assert len(README.splitlines()) <= LONGEST
    first = re.search(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert first is not None
    assert len([line for line in first[1].splitlines() if line]) <= 10


def test_its_links_lead_to_files_and_headings() -> None:
    links = re.findall(r"(?:\]\(|src=\")(?![a-z]+:)([^)\"\s#]*)(?:#([^)\s]+))?[)\"]", README)
    for path, heading in links:
        target = ROOT / path if path else ROOT / "README.md"
        assert target.exists(), path
        if heading:
            assert heading in map(anchor, re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)), path
    assert len(links) > 40
    assert ("docs/pictures/session.png", "") in links
    assert set(WHOLE) <= {path for path, _ in links}


def test_shell_blocks_name_what_there_is() -> None:
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    extras = set(metadata("sessionkit-integrations").get_all("Provides-Extra") or ())
    variables = (ROOT / "docs" / "environment.md").read_text("utf-8")
    commands: Any = typer.main.get_command(app)
    for page, line in SHELL:
        command, *arguments = line.partition(" #")[0].split()
        if command == "make":
            assert set(arguments) <= targets, (page, line)
        elif command == "sessionkit":
            known = {option for each in commands.commands[arguments[0]].params for option in each.opts}
            assert {argument for argument in arguments if argument.startswith("--")} <= known, (page, line)
        elif command == "export":
            assert arguments[0].partition("=")[0] in variables, (page, line)
        elif command != "cd":
            named = re.fullmatch(r'pip install "(?:sessionkit-integrations|\.)\[([\w,-]+)\]"', line)
            assert named, (page, line)
            assert set(named[1].split(",")) <= extras, (page, line)
    of_readme = [line for page, line in SHELL if page == "README.md"]
    assert of_readme[1:] == ["make demo", "make test"]


def test_what_the_javascript_sessionkit_has_is_in_the_table() -> None:
    table = (ROOT / "docs" / "coming_from" / "javascript.md").read_text("utf-8")
    methods = "sendMessage|getSession|resetSession|addUserMessage|addAssistantMessage|addSystemMessage|getMemoryWindow"
    rest = "setMemoryWindow|memoryWindow|InMemoryStore|RedisStore|UpstashStore|keyPrefix|url|host|port|password|token"
    more = "disconnect|addMessage|trimSession|Message|SessionConfig|Store|Express|OpenAI|Claude|Gemini"
    for name in f"{methods}|{rest}|{more}".split("|"):
        assert name in table, name
    for here in re.findall(r"sessions\.(\w+)", table):
        assert hasattr(SessionManager, here), here


def test_links_from_the_readme_lead_to_every_page() -> None:
    seen: set[str] = set()
    new = {"README.md"}
    while new:
        seen |= new
        new = {
            posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
            for page in new
            for link in re.findall(r"\]\(([\w./]+\.md)", (ROOT / page).read_text("utf-8"))
        } - seen
    assert {page for page in PAGES if not page.startswith("docs/api/")} <= seen
