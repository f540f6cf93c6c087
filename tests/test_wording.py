"""The linter of docstrings finds them wherever they stand."""

from __future__ import annotations

import pytest

from tests.wording import problems


@pytest.mark.parametrize(
    "source",
    [
        '"""What a module is."""',
        'class A:\n    """How it is done."""',
        'def f():\n    """Whether it is so."""',
        'async def f():\n    """\n    When it is so.\n    """',
        'SECONDS = 5\n"""How many seconds it takes."""',
        'class A:\n    limit: int\n    """Where it ends."""',
        'if True:\n    def f():\n        """Makes that of it."""',
        f"def test_{'x' * 66}(): ...",
    ],
)
def test_problems_are_found(source: str) -> None:
    assert len(list(problems(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        '"""Whatever a caller sends."""',
        'SECONDS = 5\n"""Seconds that it takes."""',
        'text = "What is a string, but not a docstring."',
        'print("How are you?")',
        f"def test_{'x' * 65}(): ...",
    ],
)
def test_all_else_is_fine(source: str) -> None:
    assert list(problems(source)) == []
