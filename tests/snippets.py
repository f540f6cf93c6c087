"""The python blocks of the README and of the pages, each by itself.

``python -m tests.snippets FOLDER`` writes those that have types into files, for type checkers. A block whose first line
is a comment with a file's name goes into that file, which the others import.
"""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TYPED = (
    "README.md",
    *("docs/across_frameworks.md", "docs/closing.md", "docs/environment.md", "docs/errors.md"),
    *("docs/guarantees.md", "docs/index.md", "docs/langchain_chains.md", "docs/llama_index.md", "docs/looking.md"),
    *("docs/openai_agents.md", "docs/providers.md", "docs/quick_start.md", "docs/sealing.md", "docs/stores.md"),
    *("docs/stores/memory.md", "docs/stores/own.md", "docs/stores/redis.md", "docs/stores/sqlite.md"),
    *("docs/stores/upstash.md", "docs/tenants.md", "docs/watching.md", "docs/what_the_model_sees.md"),
)
"""Pages whose code type checkers see; that of others leaves types out, to be as short as it can be."""


@dataclass(frozen=True)
class Snippet:
    """A python block.

    Attributes:
        path: The page that it is in, from the root of the repository.
        line: Line of the page that its code begins in.
        code: The code.
    """

    path: str
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}"

    @property
    def module(self) -> str:
        """Name of its module: the one that it gives itself, or one made of its page and line."""
        named = re.match(r"# (\w+)\.py\n", self.code)
        return named[1] if named else re.sub(r"\W+", "_", str(self)).lower()

    @property
    def printed(self) -> list[str]:
        """Lines that it says it prints: the comments behind its prints, and lines that are nothing but a comment."""
        lines = self.code.splitlines()
        behind = [re.fullmatch(r" *print\(.*\)  # (.*)|# (?!\w+\.py$)(.*)", line) for line in lines]
        return [found[1] or found[2] for found in behind if found]


def snippets_of(path: str) -> list[Snippet]:
    """Return the python blocks of a page, which is named by its path from the root of the repository."""
    text = (ROOT / path).read_text("utf-8")
    blocks = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Snippet(path, text[: block.start(1)].count("\n") + 1, block[1]) for block in blocks]


PAGES = ("README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")))
SNIPPETS = [snippet for page in PAGES for snippet in snippets_of(page)]


def write(folder: Path) -> None:
    """Write those that have types into a folder, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for snippet in SNIPPETS:
        if snippet.path in TYPED:
            (folder / f"{snippet.module}.py").write_text(snippet.code, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
