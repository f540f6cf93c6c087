"""Every code block of the README runs by itself, and prints what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

import sessionkit_integrations
from sessionkit_integrations.cli import app
from tests.providers.server import ProviderServer, provider_server
from tests.snippets import SNIPPETS, Snippet, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.backends import Backends

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = [
    line for code in re.findall(r"^```bash\n(.*?)^```$", README, re.MULTILINE | re.DOTALL) for line in code.splitlines()
]
STORE = ["folder_store", "test_folder_store"]
"""Modules of the store of one's own, and of its conformance suite."""


@pytest.fixture(scope="module")
def api() -> Iterator[ProviderServer]:
    with provider_server() as started:
        yield started


@pytest.fixture
def run(
    backends: Backends, api: ProviderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Snippet], dict[str, Any]]]:
    """Return a function that runs a snippet in a namespace and a folder of its own, and returns the namespace."""
    write(tmp_path / "modules")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    server = backends.server("redis-8.2")
    backends.empty()
    monkeypatch.setenv("REDIS_URL", server.url)
    monkeypatch.setenv("UPSTASH_REDIS_REST_URL", backends.upstash().url)
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", "token")
    monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "1")  # which would send each run to OpenAI
    for name, url in (("OPENAI", f"{api.url}/v1"), ("ANTHROPIC", api.url), ("GOOGLE_GEMINI", api.url)):
        monkeypatch.setenv(f"{name}_BASE_URL", url)
        monkeypatch.setenv(f"{name.removeprefix('GOOGLE_')}_API_KEY", "key")
    namespace: dict[str, Any] = {"__name__": "readme"}

    def run(snippet: Snippet) -> dict[str, Any]:
        code = snippet.code
        for written in ("localhost:6379", 'host="localhost", port=6379'):
            code = code.replace(written, written.replace("6379", str(server.port)))
        exec(compile(code, f"README.md, line {snippet.line}", "exec"), namespace)  # noqa: S102 - our own
        return namespace

    yield run
    for value in namespace.values():
        if isinstance(value, (sessionkit_integrations.SessionManager, sessionkit_integrations.Store)):
            value.close()
    sys.modules.pop("folder_store", None)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=str)
@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_a_snippet_runs_by_itself_and_prints_what_it_says(
    snippet: Snippet, run: Callable[[Snippet], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    run(snippet)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(snippet.printed)
    for line, said in zip(printed, snippet.printed, strict=True):
        assert re.fullmatch(re.escape(said).replace("…", ".*"), line), line


def test_the_comments_behind_prints_are_found() -> None:
    code = '# name.py\nprint(1)  # 1\nif True:\n    # no output\n    print("#")  # #\n# more\nx = 1  # a number\n'
    assert Snippet("", 1, code).printed == ["1", "#", "more"]
    assert Snippet("", 1, code).module == "name"
    assert sum(len(snippet.printed) for snippet in SNIPPETS) > 25


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_the_langchain_quick_start_stores_question_and_answer_once(
    run: Callable[[Snippet], dict[str, Any]],
) -> None:
    quick_start = next(snippet for snippet in SNIPPETS if "RunnableWithMessageHistory" in snippet.code)
    namespace = run(quick_start)
    stored = [{"role": "user", "content": "I am Ada."}, {"role": "assistant", "content": "Hi Ada!"}]
    assert namespace["sessions"].get_session("user123") == stored
    namespace["chat"].invoke({"question": "Who am I?"}, config={"configurable": {"session_id": "user123"}})
    contents = [message["content"] for message in namespace["sessions"].get_session("user123")]
    assert contents == ["I am Ada.", "Hi Ada!", "Who am I?", "Hi Ada!"]


def test_what_the_readme_says_a_test_holds_is_there() -> None:
    for path in re.findall(r"`(tests/[\w./-]+)`", README):
        assert (ROOT / path).exists(), path


@pytest.mark.timeout(300)
def test_the_store_of_ones_own_passes_the_conformance_suite(tmp_path: Path) -> None:
    store, suite = (snippet for snippet in SNIPPETS if snippet.module in STORE)
    assert [store.module, suite.module] == STORE
    assert len(store.code.splitlines()) < 65
    write(tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_folder_store.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)  # noqa: S603
    assert run.returncode == 0, run.stdout
    assert re.search(r"\d\d passed", run.stdout)
    assert "failed" not in run.stdout


def test_shell_blocks_name_what_there_is() -> None:
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    extras = set(metadata("sessionkit-integrations").get_all("Provides-Extra") or ())
    commands: Any = typer.main.get_command(app)
    for line in SHELL:
        command, *arguments = line.partition(" #")[0].split()
        if command == "make":
            assert set(arguments) <= targets, line
        elif command == "sessionkit":
            known = {option for each in commands.commands[arguments[0]].params for option in each.opts}
            assert {argument for argument in arguments if argument.startswith("-")} <= known, line
        elif command == "export":
            assert arguments[0].partition("=")[0] in README.partition("## Environment variables")[2], line
        else:
            named = re.fullmatch(r'pip install "(?:sessionkit-integrations|\.)\[([\w,-]+)\]"', line)
            assert named, line
            assert set(named[1].split(",")) <= extras, line
    assert SHELL[:2] == ["make demo", "make test"]


def test_what_the_javascript_sessionkit_has_is_in_the_table() -> None:
    table = README.partition("## Coming from the JavaScript SessionKit")[2].partition("\n## ")[0]
    methods = "sendMessage|getSession|resetSession|addUserMessage|addAssistantMessage|addSystemMessage|getMemoryWindow"
    rest = "setMemoryWindow|memoryWindow|InMemoryStore|RedisStore|UpstashStore|keyPrefix|url|host|port|password|token"
    more = "disconnect|addMessage|trimSession|Message|SessionConfig|Store|Express|OpenAI|Claude|Gemini"
    for name in f"{methods}|{rest}|{more}".split("|"):
        assert name in table, name
    for here in re.findall(r"sessions\.(\w+)", table):
        assert hasattr(sessionkit_integrations.SessionManager, here), here


def test_links_within_the_readme_lead_somewhere() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    links = re.findall(r"\]\(#([\w-]+)\)", README)
    assert links
    assert set(links) <= anchors
