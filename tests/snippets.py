"""The python blocks of the README, each by itself.

``python -m tests.snippets FOLDER`` writes each into a file, for type checkers. A block whose first line is a comment
with a file's name goes into that file, which the others import.
"""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from sessionkit_integrations.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Snippet:
    """A python block.

    Attributes:
        section: The section that it is in.
        line: Line of the README that its code begins in.
        code: The code.
    """

    section: str
    line: int
    code: str

    def __str__(self) -> str:
        return f"line {self.line}"

    @property
    def module(self) -> str:
        """Name of its module: the one that it gives itself, or one made of its line."""
        named = re.match(r"# (\w+)\.py\n", self.code)
        return named[1] if named else f"readme_line_{self.line}"

    @property
    def printed(self) -> list[str]:
        """Lines that it says it prints: the comments behind its prints, and lines that are nothing but a comment."""
        lines = self.code.splitlines()
        behind = [re.fullmatch(r" *print\(.*\)  # (.*)|# (?!\w+\.py$)(.*)", line) for line in lines]
        return [found[1] or found[2] for found in behind if found]


def _read(readme: str) -> list[Snippet]:
    blocks = re.finditer(r"^## (?P<section>[^\n]*)$|^```python\n(?P<code>.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    section = ""
    found = []
    for block in blocks:
        section = block["section"] or section
        if block["code"] is not None:
            found.append(Snippet(section, readme[: block.start("code")].count("\n") + 1, block["code"]))
    return found


SNIPPETS = _read(README)


def write(folder: Path) -> None:
    """Write all of them into a folder, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for snippet in SNIPPETS:
        (folder / f"{snippet.module}.py").write_text(snippet.code, encoding="utf-8")


def unknown_options(page: str) -> set[str]:
    """Return the options in the command lines of a page that the commands do not have."""
    commands: Any = typer.main.get_command(app)
    unknown: set[str] = set()
    for command, arguments in re.findall(r"^sessionkit (\w+)(.*?)(?: #.*)?$", page, re.MULTILINE):
        known = {option for each in commands.commands[command].params for option in each.opts}
        unknown |= {each for each in arguments.split() if each.startswith("--")} - known
    return unknown


if __name__ == "__main__":
    write(Path(sys.argv[1]))
