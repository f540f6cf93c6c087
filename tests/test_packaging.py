"""Costs of importing, public names, and errors where a package is missing."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from importlib.metadata import metadata, version
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

import pytest

import sessionkit_integrations

if TYPE_CHECKING:
    from tests.backends import Backends

FOREIGN = (
    *("langchain_core", "llama_index", "agents"),
    *("redis", "upstash_redis", "httpx", "aiosqlite", "typer", "rich", "pydantic"),
)
SDKS = ("openai", "anthropic", "google")


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, timeout=100
    )


def without(*packages: str) -> str:
    """Return code after which importing any of the packages fails as if it were not installed."""
    return f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
"""


def test_importing_the_package_imports_no_framework_and_no_driver() -> None:
    run = python(f"import sys, sessionkit_integrations; print([name for name in {FOREIGN} if name in sys.modules])")
    assert (run.stdout.strip(), run.stderr) == ("[]", "")


@pytest.mark.parametrize(("room", "name"), [("langchain", "SessionKitMiddleware"), ("llama_index", "SessionKitMemory")])
def test_summarizers_and_recall_are_imported_where_they_are_used(room: str, name: str) -> None:
    run = python(f"""
import sys
from sessionkit_integrations.{room} import {name}
parts = [each for each in sys.modules if any(part in each for part in ("summarizing", "summary_prompt", "recall"))]
from sessionkit_integrations.{room} import recall_tool, summarizer
print(parts, summarizer.__module__, recall_tool.__module__)
""")
    package = f"sessionkit_integrations.{room}"
    assert (run.stdout.strip(), run.stderr) == (f"[] {package}.summarizing {package}.recalling", "")


def test_views_and_meaning_are_imported_where_they_are_used() -> None:
    run = python("""
import sys
from sessionkit_integrations import InMemoryStore, SessionManager
sessions = SessionManager()
sessions.add_user_message("s", "tea")
names = ("numpy", "meaning", "embedding", "fusion")
imported = [each for each in sys.modules if ".view" in each and "sessionkit" in each and "viewing" not in each]
found = len(sessions.search("tea")), [each for each in sys.modules if each.rpartition(".")[2] in names]
print(imported, *found, sessions.view("s").messages[0].role)
""")
    assert (run.stdout.strip(), run.stderr) == ("[] 1 [] user", "")


def test_requests_and_responses_of_providers_need_no_sdk() -> None:
    run = python(f"""{without(*FOREIGN, *SDKS)}
from sessionkit_integrations.providers import to_anthropic, to_gemini, to_openai
for convert in (to_anthropic, to_gemini, to_openai):
    print(list(convert([{{"role": "user", "content": "Hello"}}])))
""")
    assert (run.stdout.split("\n"), run.stderr) == (["['messages']", "['contents']", "['messages']", ""], "")


def test_plain_sessions_need_none_of_them_either(tmp_path: Path) -> None:
    run = python(f"""{without(*FOREIGN)}
from sessionkit_integrations import SessionManager, SQLiteStore
with SessionManager(2, SQLiteStore({str(tmp_path / "chats.db")!r})) as sessions:
    sessions.add_user_message("s", "Hello")
    print(sessions.get_session("s"))
""")
    assert (run.stdout.strip(), run.stderr) == ("[{'role': 'user', 'content': 'Hello'}]", "")


@pytest.mark.parametrize(
    ("package", "use", "extra"),
    [
        ("redis", "sessionkit_integrations.RedisStore", "redis"),
        ("redis", "sessionkit_integrations.SessionManager.from_url('redis://localhost')", "redis"),
        ("upstash_redis", "sessionkit_integrations.UpstashStore", "upstash"),
        ("langchain_core", "sessionkit_integrations.SessionKitChatMessageHistory", "langchain"),
        ("langchain_core", "__import__('sessionkit_integrations.langchain')", "langchain"),
        ("langchain_core", "from sessionkit_integrations.langchain import summarizer", "langchain"),
        ("langchain", "sessionkit_integrations.SessionKitMiddleware", "agents"),
        ("langchain", "from sessionkit_integrations.langchain import SessionKitMiddleware", "agents"),
        ("langgraph", "from sessionkit_integrations.langchain import recall_tool", "agents"),
        ("llama_index", "from sessionkit_integrations.llama_index import summarizer", "llama-index"),
        ("llama_index", "sessionkit_integrations.SessionKitChatStore", "llama-index"),
        ("llama_index", "sessionkit_integrations.SessionKitAsyncChatStore", "llama-index"),
        ("agents", "sessionkit_integrations.SessionKitSession", "openai-agents"),
        ("pydantic", "sessionkit_integrations.SessionKitSession", "openai-agents"),
        ("agents", "from sessionkit_integrations.openai_agents import SessionKitSession", "openai-agents"),
        ("langchain_core", "from sessionkit_integrations.tokens import langchain_counter", "langchain"),
        ("llama_index", "from sessionkit_integrations.tokens import llama_index_counter", "llama-index"),
        ("tiktoken", "from sessionkit_integrations.tokens import tiktoken_counter", "tokens"),
        ("numpy", "sessionkit_integrations.Embed", "search"),
        ("numpy", "sessionkit_integrations.SessionManager(embed=len)", "search"),
        ("backports", "sessionkit_integrations.Compress()", "compression"),
        ("cryptography", "sessionkit_integrations.Encrypt(bytes(32))", "encryption"),
        ("typer", "__import__('sessionkit_integrations.cli')", "cli"),
        ("rich", "__import__('sessionkit_integrations.demo.run')", "all"),
        ("rich", "sessionkit_integrations.SessionManager().view('s').__rich__()", "cli"),
        ("hypothesis", "__import__('sessionkit_integrations.testing')", "testing"),
    ],
)
def test_a_missing_package_is_said_with_what_to_type(package: str, use: str, extra: str) -> None:
    run = python(f"""{without(package)}
import sessionkit_integrations
try:
    {use}
except sessionkit_integrations.MissingDependencyError as error:
    print(error.extra, error, isinstance(error, ImportError), error.__cause__ is not None)
""")
    install = f'pip install "sessionkit-integrations[{extra}]"'
    assert run.stdout.startswith(f"{extra} "), run.stderr
    assert run.stdout.strip().endswith(f"{install} True True")


def test_the_command_line_says_it_in_one_line() -> None:
    code = f"{without('typer')}\nimport runpy\nrunpy.run_module('sessionkit_integrations', run_name='__main__')"
    run = python(code)
    assert run.returncode == 1
    assert run.stderr.strip().splitlines() == [
        'sessionkit: The sessionkit command needs more packages: pip install "sessionkit-integrations[cli]"'
    ]


def test_public_names_are_there_and_no_others() -> None:
    assert sessionkit_integrations.__all__ == sorted(sessionkit_integrations.__all__)
    for name in sessionkit_integrations.__all__:
        value = getattr(sessionkit_integrations, name)
        assert value.__name__ == name
        assert value.__doc__
    assert set(sessionkit_integrations.__all__) == set(sessionkit_integrations._HOME)
    assert set(sessionkit_integrations.__all__) <= set(dir(sessionkit_integrations))
    source = Path(str(sessionkit_integrations.__file__)).read_text("utf-8")
    (for_type_checkers,) = (
        ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert for_type_checkers == sessionkit_integrations.__all__
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        getattr(sessionkit_integrations, "Nothing")  # noqa: B009 - a type checker knows as well


def test_a_star_import_takes_what_the_extras_allow() -> None:
    names = set(sessionkit_integrations.__all__)
    missing = {
        "langchain_core": {"SessionKitChatMessageHistory", "SessionKitMiddleware"},
        "llama_index": {"SessionKitAsyncChatStore", "SessionKitChatStore", "SessionKitMemory"},
        "agents": {"SessionKitSession"},
        "redis": {"RedisStore"},
    }
    # Each in a fork, which has what its parent imported, as importing the frameworks takes seconds.
    in_forks = (
        f"""
if os.fork() == 0:
    forget("sessionkit_integrations", {package!r})
{indent(without(package), "    ")}
    star()
    os._exit(0)
print(os.wait()[1])
"""
        for package in missing
    )
    run = python(f"""
import os, sys, warnings

warnings.filterwarnings("ignore", "This process")  # from 3.12 on, if it has threads, such as those of NumPy

def star():
    exec("from sessionkit_integrations import *", names := {{}})
    print(*(name for name in names if name[0].isupper()), flush=True)

def forget(*packages):
    for name in [name for name in sys.modules if name.split(".")[0] in packages]:
        del sys.modules[name]

star()
{"".join(in_forks)}""")
    assert run.stderr == ""
    every, *rest = run.stdout.splitlines()
    assert set(every.split()) == names
    assert [names - set(line.split()) for line in rest[::2]] == list(missing.values())
    assert rest[1::2] == ["0"] * len(missing)


def test_redis_needs_no_parser_in_c(backends: Backends) -> None:
    server = backends.server("redis-8.2")
    run = python(f"""{without("hiredis")}
import asyncio
from redis.utils import HIREDIS_AVAILABLE
from sessionkit_integrations import RedisStore, SessionManager

async def write(sessions):
    async with sessions:
        await asyncio.gather(*(sessions.aadd_user_message(f"s{{number}}", "Hello") for number in range(3)))
        return await sessions.aget_session("s2")

with SessionManager(store=RedisStore({server.url!r}, key_prefix="plain:")) as sessions:
    sessions.add_user_message("s1", "Hello")
    print(HIREDIS_AVAILABLE, len(sessions.get_session("s1")), len(asyncio.run(write(sessions))))
""")
    assert (run.returncode, run.stderr, run.stdout.split()) == (0, "", ["False", "1", "1"])


def test_what_is_installed_is_this_package() -> None:
    assert version("sessionkit-integrations") == sessionkit_integrations.__version__
    extras = set(metadata("sessionkit-integrations").get_all("Provides-Extra") or ())
    assert extras == {
        *("langchain", "agents", "llama-index", "openai-agents"),
        *("redis", "upstash", "tokens", "search", "compression", "encryption", "cli", "testing", "all"),
    }
    folder = Path(str(importlib.import_module("sessionkit_integrations").__file__)).parent
    assert (folder / "py.typed").exists()
    scripts = {path.name for path in (folder / "stores" / "redis" / "lua").iterdir()}
    names = {
        *("append", "common", "delete", "describe", "exchange", "fence", "index", "keep_vectors", "lease", "mark"),
        *("notify", "place", "read", "replace", "stage", "states", "vectors", "vectors_of"),
    }
    assert scripts == {f"{name}.lua" for name in names}
