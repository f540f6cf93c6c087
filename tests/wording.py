"""A linter of docstrings and of tests' names: ``python -m tests.wording``.

A docstring begins with a noun or a verb. A test's name has at most 70 characters; a docstring can say more.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
FOLDERS = ("sessionkit_integrations", "tests", "notebooks")
LONGEST_NAME = 70
_BAD_OPENING = re.compile(r"(What|Where|How|When|Whether|Makes that of)\b")


def problems(source: str) -> Iterator[tuple[int, str]]:
    """Yield the problems of a module's source, each with its line.

    Docstrings are the strings that stand alone in a body: those of modules, classes and functions, and those after
    constants and attributes.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and len(node.name) > LONGEST_NAME:
            yield node.lineno, f"a name of {len(node.name)} characters, more than {LONGEST_NAME}: {node.name}"
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            text = node.value.value.strip()
            if _BAD_OPENING.match(text):
                yield node.lineno, f"a docstring that begins with neither a noun nor a verb: {text.splitlines()[0]}"


def main() -> int:
    """Print all problems, and return 1 if there are any."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {problem}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, problem in problems(path.read_text(encoding="utf-8"))
    ]
    if found:
        print(*found, sep="\n")
    return len(found) > 0


if __name__ == "__main__":
    sys.exit(main())
