"""The wheel and the source distribution, as users get them: ``python -m tests.distribution`` builds and checks both.

They hold the tracked files and no others, their metadata is valid, and what an extra is for works in an empty
environment where the wheel is installed with that extra.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "dist"
PACKAGE = "sessionkit_integrations"
LARGEST_WHEEL, LARGEST_SOURCE = 1_000_000, 3_000_000  # bytes

_SEARCH = "sessions.add_user_message('ada', 'Green tea.'); assert len(sessions.search('tea')) == 1"

USES = {
    "": f"sessions = SessionManager(3, SQLiteStore('chats.db', search=True)); {_SEARCH}; sessions.close()",
    "langchain": "from sessionkit_integrations.langchain import summarizer\n"
    "history = SessionKitChatMessageHistory('ada', SessionManager(3)); history.add_user_message('Hello!')\n"
    "assert history.messages[0].type == 'human'",
    "agents": "from sessionkit_integrations.langchain import recall_tool\n"
    "from langchain.agents import create_agent\n"
    "from langchain_core.language_models.fake_chat_models import GenericFakeChatModel\n"
    "sessions = SessionManager(3)\n"
    "agent = create_agent(GenericFakeChatModel(messages=iter(['Hi!'])), middleware=[SessionKitMiddleware(sessions)])\n"
    "agent.invoke({'messages': 'Hello!'}, {'configurable': {'thread_id': 'ada'}})\n"
    "assert [message['content'] for message in sessions.get_session('ada')] == ['Hello!', 'Hi!']",
    "llama-index": "from sessionkit_integrations.llama_index import recall_tool, summarizer\n"
    "SessionKitMemory.from_defaults(session_id='ada', sessions=SessionManager(3))",
    "openai-agents": "import asyncio; session = SessionKitSession('ada', SessionManager(3))\n"
    "asyncio.run(session.add_items([{'role': 'user', 'content': 'Hello!'}]))\n"
    "assert len(asyncio.run(session.get_items())) == 1",
    "redis": "RedisStore('redis://localhost').close()",
    "upstash": "UpstashStore('https://example.upstash.io', 'token').close()",
    "tokens": "from sessionkit_integrations.tokens import tiktoken_counter",
    "search": "embed = Embed(lambda texts: [[1.0] for _ in texts], name='ones')\n"
    f"sessions = SessionManager(3, embed=embed); {_SEARCH}",
    "compression": f"sessions = SessionManager(3, seal=Compress(min_bytes=1)); {_SEARCH}",
    "encryption": f"sessions = SessionManager(3, seal=Encrypt(bytes(32))); {_SEARCH}",
    "cli": "import subprocess, sys\n"
    "subprocess.run([sys.executable, '-m', 'sessionkit_integrations', '--help'], check=True)\n"
    "SessionManager().view('ada').__rich__()",
    "testing": "from sessionkit_integrations.testing import StoreConformance",
    "all": "from sessionkit_integrations.demo import run; import numpy, redis, tiktoken, typer, upstash_redis\n"
    "Compress(); Encrypt(bytes(32)); SessionKitMiddleware; SessionKitMemory; SessionKitSession",
}
"""Code for each extra, and for none, that runs where the wheel is installed with it."""


def _run(*command: str | Path, folder: Path = ROOT) -> str:
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def _expect(what: str, found: set[str], expected: set[str]) -> None:
    if found != expected:
        raise SystemExit(f"{what}: too much: {sorted(found - expected)}, missing: {sorted(expected - found)}")


def _expect_size(path: Path, largest: int) -> None:
    if path.stat().st_size > largest:
        raise SystemExit(f"{path.name}: {path.stat().st_size:,} bytes, more than {largest:,}")


def check_wheel(path: Path, tracked: set[str]) -> None:
    """Check the files, the metadata and the size of the wheel."""
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        folder = metadata.removesuffix("METADATA")
        own = {folder + name for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")}
        _expect(path.name, names, own | {name for name in tracked if name.startswith(f"{PACKAGE}/")})
        about = Metadata.from_email(wheel.read(metadata))  # which raises if a field is not valid
    _expect("extras", set(about.provides_extra or ()), {extra for extra in USES if extra})
    _expect_size(path, LARGEST_WHEEL)
    print(f"{path.name}: {len(names)} files, {path.stat().st_size:,} bytes, {about.name} {about.version}")


def check_source(path: Path, tracked: set[str]) -> None:
    """Check the files and the size of the source distribution."""
    with tarfile.open(path) as source:
        names = {member.name.partition("/")[2] for member in source.getmembers() if member.isfile()}
    _expect(path.name, names, tracked | {"PKG-INFO"})
    _expect_size(path, LARGEST_SOURCE)
    print(f"{path.name}: {len(names)} files, {path.stat().st_size:,} bytes")


def check_extra(wheel: Path, extra: str) -> None:
    """Install the wheel with an extra into an empty environment, and use it there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / "bin" / "python"
        asked = f"{wheel}[{extra}]" if extra else str(wheel)
        _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", asked, folder=folder)
        _run(python, "-m", "pip", "check", folder=folder)
        _run(python, "-W", "error", "-c", f"from {PACKAGE} import *\n{USES[extra]}", folder=folder)
        packages = _run(python, "-m", "pip", "list", "--format=freeze", folder=folder).split()
    own = {"pip", "setuptools", PACKAGE.replace("_", "-")}
    others = [package for package in packages if package.split("=")[0] not in own]
    print(f"[{extra}] works; other packages: {len(others)}", flush=True)


def main() -> None:
    """Build both, and check them."""
    tracked = set(_run("git", "ls-files", "-z").strip("\0").split("\0"))
    shutil.rmtree(FOLDER, ignore_errors=True)
    _run(sys.executable, "-m", "build", "--outdir", FOLDER)
    (wheel,), (source,) = FOLDER.glob("*.whl"), FOLDER.glob("*.tar.gz")
    check_wheel(wheel, tracked)
    check_source(source, tracked)
    for extra in sys.argv[1:] or USES:
        check_extra(wheel, extra)


if __name__ == "__main__":
    main()
