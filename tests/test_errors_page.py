"""The page of errors by message: the package has each message that it names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "errors_by_message.md").read_text("utf-8")
MESSAGES = re.findall(r"^\| `([^`]+)` \| .+ \|$", PAGE, re.MULTILINE)


def texts(source: str) -> set[str]:
    """Return the texts in a module's source, with `…` for each value that is put into one."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        if isinstance(node, ast.JoinedStr):
            found.add("".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values))
    return found


@pytest.fixture(scope="module")
def said() -> set[str]:
    files = (ROOT / "sessionkit_integrations").rglob("*.py")
    return {text for path in files for text in texts(path.read_text("utf-8"))}


def test_the_package_says_each_message(said: set[str]) -> None:
    assert len(MESSAGES) == 58
    assert [message for message in MESSAGES if not any(message in text for text in said)] == []


def test_every_row_is_read() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and line[2:5] not in {"---", "mes"}]
    assert len(rows) == len(MESSAGES)


def test_values_are_left_out_of_texts() -> None:
    assert texts('print(f"a {b!r} c" f" {d:g} s", "e" "f")') == {"a … c … s", "a ", " c ", " s", "ef", "g"}
