"""The README and the pages of the documentation: their code runs, and prints what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import InMemoryStore, SessionManager, Store
from tests.providers.server import ProviderServer, provider_server
from tests.snippets import PAGES, ROOT, SNIPPETS, Snippet, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.backends import Backends

    Run = Callable[[Snippet], dict[str, Any]]

DOCS = ROOT / "docs"
OF_OTHER_TESTS = {
    "docs/agents.md": "tests/langchain/test_agents_page.py",
    "docs/llama_index_agents.md": "tests/llama_index/test_agents_page.py",
    "docs/moving_to_agents.md": "tests/langchain/test_moving_page.py",
    "docs/openai_agents.md": "tests/openai_agents/test_page.py",
    "docs/summaries.md": "tests/test_summaries_page.py",
    "docs/tokens.md": "tests/test_tokens.py",
}
"""Pages whose code other tests run."""

OUTSIDE = re.compile(r"localhost|upstash|from_env|import (openai|anthropic|genai|AsyncOpenAI)")
"""A server, or the API of a provider, in a block's code."""

OTHERS = re.compile(
    r"^from (langchain_community|langchain_redis|llama_index\.storage\.chat_store|starlette)\b", re.MULTILINE
)
"""A package that people come from or serve with, in a block's code."""

HERE = [snippet for snippet in SNIPPETS if snippet.path not in OF_OTHER_TESTS]
STORE = ["folder_store", "test_folder_store"]
"""Modules of the store of one's own, and of its conformance suite."""

pytestmark = pytest.mark.filterwarnings("ignore:.*(deprecated|being sunset)")  # as what users come from may be


@pytest.fixture(scope="module")
def api() -> Iterator[ProviderServer]:
    with provider_server() as started:
        yield started


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Return a function that runs a snippet in a namespace and a folder of its own, and returns the namespace."""
    write(tmp_path / "modules")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    namespace: dict[str, Any] = {"__name__": "page"}

    def run(snippet: Snippet) -> dict[str, Any]:
        exec(compile(snippet.code, str(snippet), "exec"), namespace)  # noqa: S102 - our own
        return namespace

    yield run
    for value in namespace.values():
        if isinstance(value, (SessionManager, Store)):
            value.close()  # as the end of a program does
    sys.modules.pop("folder_store", None)


@pytest.fixture
def run_outside(run: Run, backends: Backends, api: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a snippet with servers, and with the APIs of providers."""
    server = backends.server("redis-8.2")
    backends.empty()
    monkeypatch.setenv("REDIS_URL", server.url)
    monkeypatch.setenv("UPSTASH_REDIS_REST_URL", backends.upstash().url)
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", "token")
    monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "1")  # which would send each run to OpenAI
    for name, url in (("OPENAI", f"{api.url}/v1"), ("ANTHROPIC", api.url), ("GOOGLE_GEMINI", api.url)):
        monkeypatch.setenv(f"{name}_BASE_URL", url)
        monkeypatch.setenv(f"{name.removeprefix('GOOGLE_')}_API_KEY", "key")

    def with_server(snippet: Snippet) -> dict[str, Any]:
        code = snippet.code
        if "langchain_redis" in code:  # needs modules, and does not understand what they answer by the newer protocol
            code = code.replace("localhost:6379", f"localhost:{backends.searching().port}?protocol=2")
        for written in ("localhost:6379", 'host="localhost", port=6379'):
            code = code.replace(written, written.replace("6379", str(server.port)))
        return run(Snippet(snippet.path, snippet.line, code))

    return with_server


def prints_what_it_says(snippet: Snippet, printed: str) -> bool:
    said = "\n".join(snippet.printed)
    return re.fullmatch(re.escape(said).replace("…", ".*"), printed.rstrip("\n")) is not None


@pytest.mark.parametrize("snippet", [each for each in HERE if not OUTSIDE.search(each.code)], ids=str)
def test_a_snippet_runs_by_itself_and_prints_what_it_says(
    snippet: Snippet, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run(snippet)
    printed = capsys.readouterr().out
    assert prints_what_it_says(snippet, printed), printed


@pytest.mark.parametrize("snippet", [each for each in HERE if OUTSIDE.search(each.code)], ids=str)
def test_a_snippet_of_servers_and_providers_runs_by_itself(
    snippet: Snippet, run_outside: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    compile(snippet.code, str(snippet), "exec")
    for package in OTHERS.findall(snippet.code):
        pytest.importorskip(package)
    run_outside(snippet)
    printed = capsys.readouterr().out
    assert prints_what_it_says(snippet, printed), printed


def test_the_comments_behind_prints_are_found() -> None:
    code = '# name.py\nprint(1)  # 1\nif True:\n    # no output\n    print("#")  # #\n# more\nx = 1  # a number\n'
    snippet = Snippet("docs/a/b.md", 7, code)
    assert snippet.printed == ["1", "#", "more"]
    assert snippet.module == "name"
    assert Snippet("docs/a/b.md", 7, "print(1)\n").module == "docs_a_b_md_line_7"
    assert prints_what_it_says(snippet, "1\n#\nmore\n")
    assert not prints_what_it_says(snippet, "1\n#\n")
    assert not prints_what_it_says(snippet, "1\n#\nless\n")


def test_the_code_of_every_page_is_run_by_a_test() -> None:
    assert {snippet.path for snippet in HERE} | OF_OTHER_TESTS.keys() == {snippet.path for snippet in SNIPPETS}
    texts = {page: (ROOT / page).read_text("utf-8") for page in PAGES}
    assert sum(text.count("```python\n") for text in texts.values()) == len(SNIPPETS)
    for page, test in OF_OTHER_TESTS.items():
        assert f'"{page.rpartition("/")[2]}"' in (ROOT / test).read_text("utf-8")


def test_a_chain_stores_question_and_answer_once(run: Run) -> None:
    namespace = run(next(snippet for snippet in SNIPPETS if snippet.path == "docs/langchain_chains.md"))
    stored = [{"role": "user", "content": "I am Ada."}, {"role": "assistant", "content": "Hi Ada!"}]
    assert namespace["sessions"].get_session("user123") == stored
    namespace["chat"].invoke({"question": "Who am I?"}, config={"configurable": {"session_id": "user123"}})
    contents = [message["content"] for message in namespace["sessions"].get_session("user123")]
    assert contents == ["I am Ada.", "Hi Ada!", "Who am I?", "Hi Ada!"]


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


@pytest.mark.parametrize("page", PAGES)
def test_the_tests_that_a_page_names_are_there(page: str) -> None:
    for path in re.findall(r"`(tests/[\w./-]+)`", (ROOT / page).read_text("utf-8")):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", PAGES)
def test_commands_quote_what_a_shell_would_expand(page: str) -> None:
    for block in re.findall(r"^```bash\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL):
        bare = re.sub(r"""'[^']*'|"[^"]*"|(?<!\S)#.*""", "", block)
        assert not re.search(r"[?*\[&]", bare), block


def test_the_table_of_branches_says_what_each_call_gives() -> None:
    rows = re.findall(
        r"^\| `(\w+\(.*?)` \|(.*)\|(.*)\|(.*)\|$", (DOCS / "branches.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == 15
    for call, *said in rows:
        sessions = SessionManager(2, InMemoryStore(archive=True))
        sessions.add_system_message("s", "S")
        for number in range(1, 6):
            sessions.add_user_message("s", f"U{number}")
            sessions.add_assistant_message("s", f"A{number}")
        try:
            returned = contents(eval(f"sessions.{call}", {"sessions": sessions}) or [])  # noqa: S307 - our own
        except ValueError:
            returned = "`ValueError`"
        told = "t" if call.startswith("fork") else "s"
        window, archive = contents(sessions.get_session(told)), contents(sessions.get_archive(told))
        assert [returned, window, archive] == [cell.strip() for cell in said], call


def contents(messages: list[Any]) -> str:
    return " ".join(message["content"] for message in messages if message["role"] != "system")
