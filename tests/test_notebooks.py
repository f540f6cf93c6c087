"""The notebooks run in a fresh kernel, offline and in silence, and print what they were committed with."""

from __future__ import annotations

import re
import runpy
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from tests.notebooks import FOLDER, METADATA, NOTEBOOKS, execute, read
from tests.providers.server import provider_server

if TYPE_CHECKING:
    from pathlib import Path

EXPECTED = (
    "01_quickstart",
    "02_langchain",
    "03_llama_index",
    "04_one_session_two_frameworks",
    "05_redis_and_upstash",
    "06_look_inside",
    "07_what_the_model_sees",
    "08_agents",
    "09_finding",
    "10_branches_and_insight",
)
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")
OF_ONE_MACHINE = re.compile(
    r"/(?:tmp|home|root|work|Users|var)/|127\.0\.0\.1:\d|\b0x[0-9a-f]{6}|\b[0-9a-f]{8}-[0-9a-f]{4}-"
)

# Python 3.10's asyncio lets go of the sockets of the loop that nbclient runs.
pytestmark = pytest.mark.filterwarnings("default:unclosed:ResourceWarning")


def outputs(notebook: Any) -> list[tuple[str, list[Any]]]:
    """Return the outputs of each code cell; of pictures only that they are there, and of views not the times."""
    return [(cell.source, [_text(output) for output in cell.outputs]) for cell in _code(notebook)]


def _code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _text(output: Any) -> Any:
    data = {
        kind: "…" if kind.startswith("image/") else re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+", "…", value)
        for kind, value in output.get("data", {}).items()
    }
    return (output.output_type, output.get("name"), output.get("text"), output.get("ename"), data)


def test_all_are_there() -> None:
    assert NOTEBOOKS == EXPECTED


@pytest.mark.filterwarnings("ignore:.* deprecated - use:DeprecationWarning")  # matplotlib 3.9, of a later pyparsing
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_runs_in_silence_and_prints_what_is_committed(name: str, tmp_path: Path) -> None:
    if "matplotlib" in str(read(name)):
        import_module("matplotlib.font_manager")  # which looks for fonts once on a machine, and says so if that is long
    fresh = execute(read(name), tmp_path)
    loud = [output for cell in _code(fresh) for output in cell.outputs if output.get("name") == "stderr"]
    assert loud == []
    assert outputs(fresh) == outputs(read(name)), "python -m tests.notebooks writes the outputs again"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_is_committed_as_it_ran_from_top_to_bottom(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    assert notebook.metadata == METADATA
    assert [cell.execution_count for cell in _code(notebook)] == list(range(1, len(_code(notebook)) + 1))
    assert not OF_ONE_MACHINE.search(str(outputs(notebook)))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_says_what_one_learns_and_where_to_go_on(name: str) -> None:
    first, *_, last = read(name).cells
    assert re.match(r"# .+\n\n\*\*You will learn\*\* ", first.source)
    assert last.source.startswith("## Where to go on\n")
    links = re.findall(r"\]\(([^)#:]+)(?:#([\w-]+))?\)", "\n".join(cell.source for cell in read(name).cells))
    assert links
    for path, anchor in links:
        assert (FOLDER / path).exists(), path
        assert not anchor or anchor in _anchors((FOLDER / path).read_text(encoding="utf-8")), anchor


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("key", KEYS)
def test_a_key_chooses_a_real_model(
    key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    for each in (*KEYS, "GOOGLE_API_KEY"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(key, "key")
    with provider_server() as api:
        urls = {"OPENAI_BASE_URL": f"{api.url}/v1", "ANTHROPIC_BASE_URL": api.url, "GOOGLE_GEMINI_BASE_URL": api.url}
        for name, url in urls.items():
            monkeypatch.setenv(name, url)
        # In this process, as a kernel would take seconds to import an SDK.
        exec("\n".join(cell.source for cell in _code(read("01_quickstart"))), {})  # noqa: S102 - our own
    del sys.modules["support"]
    assert api.taken == 8
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("key", "model"),
    [
        ("OPENAI_API_KEY", "gpt-5.5"),
        ("ANTHROPIC_API_KEY", "litellm/anthropic/claude-opus-5-5"),
        ("GEMINI_API_KEY", "litellm/gemini/gemini-3-flash-preview"),
    ],
)
def test_a_key_chooses_a_real_model_of_the_agents_sdk(key: str, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    support = runpy.run_path(str(FOLDER / "support.py"))
    for each in support["MODELS"]:
        monkeypatch.delenv(each.key, raising=False)
    assert not isinstance(support["openai_agents_model"](), str)
    monkeypatch.setenv(key, "key")
    assert support["openai_agents_model"]() == model
