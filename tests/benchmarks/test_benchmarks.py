"""The benchmarks run, and what they prove of sizes, which are exact, holds."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks import decoding, sizes
from tests.benchmarks.writers import OURS, PEERS, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = dict[str, list[float]]
INSTALLED = [peer for peer in PEERS if not peer.missing]


def rows(main: Callable[[list[str]], None], *arguments: str) -> Rows:
    """Return the numbers of the table that a command prints, by the name that each row begins with."""
    with redirect_stdout(StringIO()) as printed:
        main(list(arguments))
    _, _, *lines = [line.strip("| ").split(" | ") for line in printed.getvalue().splitlines() if line.startswith("|")]
    return {name: [float(found[0]) for cell in cells if (found := re.match(r"[\d.]+", cell))] for name, *cells in lines}


@pytest.fixture(scope="module")
def measured() -> Rows:
    return rows(sizes.main)


@pytest.mark.parametrize("writer", [*OURS, *PEERS], ids=lambda writer: writer.name)
def test_the_table_of_sizes_has_a_row_for_each(writer: Writer, measured: Rows) -> None:
    if writer.missing:
        pytest.skip(f"not installed: {', '.join(writer.missing)}")
    assert len(measured[writer.name]) == len(sizes.COLUMNS) + 1
    assert min(measured[writer.name]) > 0


@pytest.mark.skipif(not INSTALLED, reason="no other package is installed (pip install --group bench)")
@pytest.mark.parametrize("column", sizes.COLUMNS)
@pytest.mark.parametrize("writer", OURS, ids=lambda writer: writer.name)
def test_ours_are_the_smallest(writer: Writer, column: str, measured: Rows) -> None:
    index = sizes.COLUMNS.index(column)
    smallest = min(measured[peer.name][index] for peer in INSTALLED)
    assert measured[writer.name][index] < smallest


@pytest.mark.skipif(not INSTALLED, reason="no other package is installed (pip install --group bench)")
@pytest.mark.parametrize("writer", OURS, ids=lambda writer: writer.name)
def test_what_we_add_to_a_text_is_at_most_three_fifths_of_what_others_add(writer: Writer, measured: Rows) -> None:
    """Of the record as a whole that cannot be said: the texts alone are more than that."""
    index = sizes.COLUMNS.index("text: record beyond the text")
    assert measured[writer.name][index] <= sizes.TARGET * min(measured[peer.name][index] for peer in INSTALLED)


@pytest.mark.parametrize("writer", OURS, ids=lambda writer: writer.name)
def test_what_we_write_comes_back_equal(writer: Writer, measured: Rows) -> None:
    assert measured[writer.name][-1] == 100


def test_the_table_of_decoding_has_a_row_for_each() -> None:
    with redirect_stdout(StringIO()) as printed:
        decoding.main(["--repetitions", "2"])
    _, _, *lines = [line for line in printed.getvalue().splitlines() if line.startswith("|")]
    assert [line.split(" | ")[0] for line in lines] == ["| LangChain", "| LangChain", "| LlamaIndex", "| LlamaIndex"]
    for line in lines:
        assert min(float(number) for number in re.findall(r"\d+\.?\d*", line)) > 0
