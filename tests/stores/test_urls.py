"""Stores by URL: the package's own, and others' of which the package knows nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import InMemoryStore, SessionManager, SQLiteStore, Store
from sessionkit_integrations.stores.schemes import BUILT_IN, defined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE = """
    import hashlib, pickle, threading
    from contextlib import contextmanager
    from pathlib import Path
    from urllib.parse import urlsplit

    from sessionkit_integrations import SessionState, Store


    class FolderStore(Store):
        schemes = ("folder",)

        def __init__(self, folder, *, archive=False):
            self.folder, self.archive, self.lock = Path(folder), archive, threading.Lock()

        @classmethod
        def from_url(cls, url):
            return cls(urlsplit(url).path)

        def append(self, session_id, records, window, operation_id, **options):
            with self.changed(session_id) as state:
                return state.append(records, window, operation_id, archive=self.archive, **options)

        def replace(self, session_id, edit, expected, operation_id):
            with self.changed(session_id) as state:
                state.replace(edit, expected, operation_id)

        def read(self, session_id, *, archived=False, start=None, stop=None):
            return self.load(session_id).read(archived=archived, start=start, stop=stop)

        def delete(self, session_id):
            self.path(session_id).unlink(missing_ok=True)

        def sessions(self):
            return iter([pickle.loads(path.read_bytes())[0] for path in self.folder.iterdir()])

        @contextmanager
        def changed(self, session_id):
            with self.lock:
                state = self.load(session_id)
                yield state
                self.path(session_id).write_bytes(pickle.dumps((session_id, state)))
                if not state.exists:
                    self.path(session_id).unlink()

        def load(self, session_id):
            path = self.path(session_id)
            return pickle.loads(path.read_bytes())[1] if path.exists() else SessionState()

        def path(self, session_id):
            return self.folder / hashlib.sha256(session_id.encode()).hexdigest()
"""
ENTRY_POINTS = """
    [sessionkit.stores]
    folder = folder_store:FolderStore
    broken = folder_store_that_is_not_there:Store
    wrong = folder_store:hashlib
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of a process in which somebody else's package with a store is installed."""
    site = tmp_path / "site"
    info = site / "folder_store-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "folder_store.py").write_text(dedent(MODULE))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: folder-store\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(dedent(ENTRY_POINTS))
    (tmp_path / "sessions").mkdir()
    return {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200", "SESSIONKIT_URL": f"folder:{tmp_path}/sessions"}


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
    )


def command(environment: dict[str, str], *arguments: str) -> list[Any]:
    ran = run(environment, "-m", "sessionkit_integrations", *arguments, "--json")
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_a_store_of_an_installed_package_is_used_by_its_url(installed: dict[str, str]) -> None:
    url = installed["SESSIONKIT_URL"]
    wrote = run(
        installed,
        "-c",
        "import sys; from sessionkit_integrations import SessionManager\n"
        f"sessions = SessionManager.from_url({url!r})\n"
        "assert 'redis' not in sys.modules\n"
        "sessions.add_user_message('ada', 'Hello'); print(type(sessions.store).__name__)",
    )
    assert (wrote.stdout, wrote.stderr) == ("FolderStore\n", "")
    assert [session["session_id"] for session in command(installed, "list")] == ["ada"]
    [messages] = command(installed, "show", "ada")
    assert [message["content"] for message in messages] == ["Hello"]
    [checks] = command(installed, "doctor", "--url", url)
    assert {check["check"]: check["status"] for check in checks} == {"use": "ok", "persistence": "warn"}
    assert "FolderStore" in checks[1]["text"]


def test_doctor_says_what_a_store_of_somebody_else_raises(installed: dict[str, str]) -> None:
    ran = run(installed, "-m", "sessionkit_integrations", "doctor", "--json", "--url", "folder:/nowhere")
    [checks] = [json.loads(line) for line in ran.stdout.splitlines()]
    assert (ran.returncode, checks[0]["status"]) == (1, "fail")
    assert "FileNotFoundError" in checks[0]["text"]


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        ("broken", "'folder_store_that_is_not_there:Store' of the scheme 'broken' cannot be imported"),
        ("wrong", "must be a class of stores, got <module 'hashlib'"),
        (
            "floder",
            "no store has the scheme 'floder'; there are broken, folder, memory, redis, redis+cluster, redis+sentinel",
        ),
    ],
)
def test_what_is_wrong_with_a_scheme_is_said(installed: dict[str, str], scheme: str, said: str) -> None:
    use = f"from sessionkit_integrations import SessionManager; SessionManager.from_url('{scheme}://x')"
    ran = run(installed, "-c", use)
    assert said in ran.stderr.splitlines()[-1]
    assert ran.returncode == 1


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Schemes that a test defines are gone after it."""
    before = dict(defined)
    yield
    defined.clear()
    defined.update(before)


@pytest.mark.usefixtures("forgotten")
def test_a_class_is_known_from_its_definition_on() -> None:
    with pytest.raises(ValueError, match="no store has the scheme 'defined'"):
        SessionManager.from_url("defined://x")

    class Defined(InMemoryStore):
        schemes = ("defined",)

    class Derived(Defined):
        pass

    store = SessionManager.from_url("DEFINED://x?ttl=5").store
    assert type(store) is Defined

    class Again(InMemoryStore):  # as where a cell of a notebook is run again
        schemes = ("defined",)

    assert type(SessionManager.from_url("defined://x").store) is Again


@pytest.mark.parametrize("schemes", ["defined", ["defined"], (1,), ("Defined",), ("",), ("a:b",), ("redis",)])
def test_schemes_that_cannot_be_are_refused_where_they_are_defined(schemes: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"Wrong\.schemes"):
        type("Wrong", (InMemoryStore,), {"schemes": schemes})


def test_the_table_of_built_in_stores_says_what_their_classes_do() -> None:
    for scheme, place in BUILT_IN.items():
        module, _, name = place.partition(":")
        cls: type[Store] = getattr(import_module(module), name)
        assert scheme in cls.schemes
        assert {other for other in BUILT_IN if BUILT_IN[other] == place} == set(cls.schemes)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory://?ttl=abc", "option ttl of the URL must be a number, got 'abc'"),
        ("memory://?archive=perhaps", "option archive of the URL must be true or false, got 'perhaps'"),
        ("memory://?ttl=1&ttl=2", "gives the option ttl twice"),
        ("memory://?timeout=1", "no option 'timeout'; it has ttl, archive"),
        ("memory://?ttl=0", "ttl must be at least a millisecond"),
        ("sqlite:///chats.db?timeout=soon", "option timeout of the URL must be a number, got 'soon'"),
        ("sqlite:///chats.db?key_prefix=x:", "no option 'key_prefix'; it has ttl, archive, search, timeout"),
        ("redis://localhost?ttl=abc", "option ttl of the URL must be a number, got 'abc'"),
        ("redis://localhost?raw_ids=2", "option raw_ids of the URL must be true or false"),
        ("upstash://x.upstash.io?ttl=abc", "option ttl of the URL must be a number, got 'abc'"),
        ("chats.db", "a store's URL begins with a scheme, as in sqlite:///chats.db; there are memory, redis"),
        ("", "begins with a scheme"),
    ],
)
def test_what_is_wrong_with_a_url_is_named(url: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", "token")
    with pytest.raises(ValueError, match=re.escape(said)):
        SessionManager.from_url(url)


@pytest.mark.parametrize("url", [None, 5, b"memory://", InMemoryStore()])
def test_a_url_is_a_string(url: Any) -> None:
    with pytest.raises(TypeError, match="url must be a str, got"):
        SessionManager.from_url(url)


def test_options_in_urls_have_their_types() -> None:
    store = SessionManager.from_url("sqlite:///chats.db?ttl=1.5&archive=TRUE&search=1&timeout=2").store
    assert isinstance(store, SQLiteStore)
    assert (store.archive, store._ttl, store._file._timeout) == (True, 1500, 2.0)
    assert store._index is not None
