"""``sessionkit embed``."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.running import Place


def test_all_sessions_are_embedded(here: Place) -> None:
    with here.sessions(1, archive=True) as sessions:
        for number in range(3):
            sessions.add_user_message(f"s{number}", f"Text {number}")
    run = here.run("embed", "--with", "tests.embeddings:embed", "--name", "old")
    assert (run.returncode, run.stdout, run.stderr) == (0, "3 sessions looked at\n", "")
    assert here.run("embed", "--with", "tests.embeddings:embed", "--name", "old").stdout == "0 sessions looked at\n"
    assert here.run("embed", "--with", "tests.embeddings:WORDLLAMA").stdout == "3 sessions looked at\n"
    with closing(sqlite3.connect(here.url.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("SELECT count(*), max(name) FROM vectors, vector_model").fetchall() == [
            (3, "wordllama")
        ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--with", "tests.embeddings:embed"), "the model has no name of its own: name it by --name"),
        (("--with", "tests.embeddings:Path"), "got the class Path"),
        (("--with", "tests.embeddings"), "must have the form module:name"),
        (("--with", "tests.embeddings:nothing"), "cannot import 'tests.embeddings:nothing': AttributeError"),
        ((), "Missing option '--with'"),
    ],
)
def test_wrong_models_are_wrong_usage(here: Place, arguments: tuple[str, ...], problem: str) -> None:
    run = here.run("embed", *arguments)
    assert run.returncode == 2
    assert problem in run.stderr


def test_other_stores_keep_no_vectors(here: Place) -> None:
    run = here.run("embed", "--with", "tests.embeddings:WORDLLAMA", "--url", "memory://")
    assert run.returncode == 2
    assert "vectors of all sessions, as SQLiteStore and RedisStore(…, search=True) do without Encrypt" in run.stderr
