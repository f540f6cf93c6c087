"""Every code block of the README runs."""

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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backends import Backends

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTIONS = {
    section.splitlines()[0]: re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    for section in re.split(r"^##? ", README, flags=re.MULTILINE)[1:]
}
PYTHON = {title: [code for kind, code in blocks if kind == "python"] for title, blocks in SECTIONS.items()}
SHELL = [line for blocks in SECTIONS.values() for kind, code in blocks if kind == "bash" for line in code.splitlines()]


@pytest.fixture(scope="module")
def api() -> Iterator[ProviderServer]:
    with provider_server() as started:
        yield started


@pytest.mark.parametrize("title", [title for title, blocks in PYTHON.items() if blocks])
@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_python_blocks_of_a_section_run_one_after_the_other(
    title: str, backends: Backends, api: ProviderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = backends.server("redis-8.2")
    monkeypatch.setenv("REDIS_URL", server.url)
    monkeypatch.setenv("UPSTASH_REDIS_REST_URL", backends.upstash().url)
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", "token")
    for name, url in (("OPENAI", f"{api.url}/v1"), ("ANTHROPIC", api.url), ("GOOGLE_GEMINI", api.url)):
        monkeypatch.setenv(f"{name}_BASE_URL", url)
        monkeypatch.setenv(f"{name.removeprefix('GOOGLE_')}_API_KEY", "key")
    namespace: dict[str, Any] = {"__name__": "readme"}
    for code in PYTHON[title]:
        for written, real in (("localhost:6379", f"localhost:{server.port}"), ("port=6379", f"port={server.port}")):
            code = code.replace(written, real)  # noqa: PLW2901 - the same code, elsewhere
        exec(compile(code, f"README.md, {title}", "exec"), namespace)  # noqa: S102 - our own
    for value in namespace.values():
        if isinstance(value, (sessionkit_integrations.SessionManager, sessionkit_integrations.Store)):
            value.close()


@pytest.mark.timeout(300)
def test_the_store_of_ones_own_passes_the_conformance_suite(tmp_path: Path) -> None:
    blocks = [code for code in PYTHON["Stores"] if "class FolderStore" in code or "class TestFolderStore" in code]
    assert len(blocks) == 2
    assert len(blocks[0].splitlines()) < 60
    (tmp_path / "test_folder_store.py").write_text("\n".join(blocks), encoding="utf-8")
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
            named = re.fullmatch(r'pip install "sessionkit-integrations\[([\w,-]+)\]"', line)
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
