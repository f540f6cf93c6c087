"""The command line on sealed sessions, with the keys of ``SESSIONKIT_KEYS`` and without."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import Compress, Edit, Encrypt, SessionManager
from sessionkit_integrations.cli.checks import seals as checks_of_seals

if TYPE_CHECKING:
    from tests.cli.running import Place

KEY, OTHER = bytes(range(32)), bytes(32)
LONG = "Where is my order? " * 20


@pytest.fixture
def sealed(here: Place) -> Place:
    """A session that is encrypted, and one that is compressed."""
    for session_id, seal in (("ada", Encrypt(KEY)), ("bob", Compress())):
        with SessionManager(store=here.make_store(), seal=seal) as sessions:
            sessions.add_user_message(session_id, LONG)
            sessions.add_assistant_message(session_id, f"{LONG} On its way.")
    return here


def with_keys(place: Place, *keys: bytes) -> Place:
    return replace(place, environment={"SESSIONKIT_KEYS": ",".join(base64.b64encode(key).decode() for key in keys)})


def test_keys_of_the_environment_open_sessions(sealed: Place) -> None:
    place = with_keys(sealed, OTHER, KEY)
    for command in (("show", "ada"), ("tail", "ada"), ("export",), ("search", "order")):
        run = place.run(*command)
        assert run.returncode == 0, run.stderr
        assert "order" in run.stdout
    assert place.run("stats", "ada", "--json").stdout.startswith("{")
    assert place.run("fork", "ada", "eve").returncode == 0
    with sealed.sessions(10) as sessions:
        stored = [json.loads(record) for record in sessions.store.read("eve").records]
    assert {record["by"] for record in stored} == {f"aes-gcm:{Encrypt(OTHER).key_id}"}


def test_without_its_key_a_session_is_an_error_that_names_it(sealed: Place) -> None:
    for place in (sealed, with_keys(sealed, OTHER)):
        run = place.run("show", "ada")
        assert (run.returncode, run.stdout) == (1, "")
        assert Encrypt(KEY).key_id in run.stderr
        assert "sealed" not in place.run("list").stdout


def test_a_secret_of_a_session_is_only_in_its_application(here: Place) -> None:
    seal = Encrypt(KEY, secrets=lambda _session_id: bytes(16))
    with SessionManager(store=here.make_store(), seal=seal) as sessions:
        sessions.add_user_message("ada", LONG)
    place, by = with_keys(here, KEY), f"aes-gcm-secret:{seal.key_id}"
    run = place.run("show", "ada")
    assert (run.returncode, run.stdout) == (1, "")
    assert f"the key {seal.key_id} and a secret of its session, and Encrypt has no secrets=" in run.stderr
    need = "1 need a secret of their session, which only your application has"
    assert seals(place) == [f"ok 1 records, in 1 sessions: 1 {by}; {need}"]
    run = place.run("reseal", "--to", "encrypt")
    assert (run.returncode, run.stdout) == (1, "0 records of 1 session sealed again\n")
    assert stored_by(here, "ada") == [by]


def test_what_is_compressed_needs_no_key(sealed: Place) -> None:
    assert "On its way" in sealed.run("show", "bob").stdout


def test_a_wrong_variable_shows_nothing_of_it(sealed: Place) -> None:
    place = replace(sealed, environment={"SESSIONKIT_KEYS": "hunter2"})
    run = place.run("show", "ada")
    assert run.returncode != 0
    assert "a key must be 32 bytes" in run.stderr
    assert "hunter2" not in run.stderr + run.stdout


def test_doctor_says_which_keys_there_are(sealed: Place) -> None:
    new, old = Encrypt(KEY).key_id, Encrypt(OTHER).key_id
    said = with_keys(sealed, KEY, OTHER).run("doctor").stdout.splitlines()
    assert said[-1] == f"ok\tkeys\tSESSIONKIT_KEYS encrypts with the key {new}, and reads with {old} as well"
    assert with_keys(sealed, KEY).run("doctor").stdout.splitlines()[-1].endswith(f"encrypts with the key {new}")
    assert "\tkeys\t" not in sealed.run("doctor").stdout


def seals(place: Place) -> list[str]:
    lines = [line.split("\t") for line in place.run("doctor").stdout.splitlines()]
    return [f"{status} {text}" for status, check, text in lines if check == "seals"]


def test_doctor_counts_records_by_their_seals(sealed: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    key, new = Encrypt(KEY).key_id, Encrypt(OTHER).key_id
    both = f"4 records, in 2 sessions: 2 aes-gcm:{key}, 2 zstd"
    assert seals(with_keys(sealed, KEY)) == [
        f"ok {both}; 2 wait for the newest key, which sessionkit reseal gives them"
    ]
    waiting = f"ok {both}; 4 wait for the newest key, which sessionkit reseal gives them"
    assert seals(with_keys(sealed, OTHER, KEY)) == [waiting]
    unknown = "2 need a key that SESSIONKIT_KEYS does not have"
    assert seals(sealed) == [f"warn {both}; {unknown}"]
    newest = "; 2 wait for the newest key, which sessionkit reseal gives them"
    assert seals(with_keys(sealed, OTHER)) == [f"warn {both}{newest}; {unknown}"]
    with_keys(sealed, OTHER, KEY).run("reseal", "--to", "encrypt")
    assert seals(with_keys(sealed, OTHER)) == [f"ok 4 records, in 2 sessions: 4 aes-gcm:{new}"]
    monkeypatch.setattr(checks_of_seals, "MOST_RECORDS", 1)
    with sealed.sessions() as sessions:
        archive = Edit(archive=sessions.store.read("ada").records)
        sessions.store.replace("ada", archive, None, "id")
    assert seals(with_keys(sealed, OTHER)) == [f"ok the first 2 records, in 1 sessions: 2 aes-gcm:{new}"]
    with_keys(sealed, OTHER).run("reseal", "--to", "plain")
    assert seals(sealed) == []


def stored_by(place: Place, session_id: str) -> list[str | None]:
    with place.sessions() as sessions:
        return [json.loads(record).get("by") for record in sessions.store.read(session_id).records]


def test_sessions_are_sealed_again(sealed: Place) -> None:
    new = f"aes-gcm:{Encrypt(OTHER).key_id}"
    place = with_keys(sealed, OTHER, KEY)
    run = place.run("reseal", "ada", "--to", "encrypt")
    assert (run.stdout, run.stderr) == ("2 records of 1 session sealed again\n", "")
    assert stored_by(sealed, "ada") == [new] * 2
    for to, by in (("both", f"zstd+{new}"), ("compress", "zstd"), ("plain", None)):
        assert place.lines("reseal", "--to", to) == [{"sessions": 2, "records": 4, "unopened": 0, "last": "bob"}]
        assert stored_by(sealed, "ada") == stored_by(sealed, "bob") == [by] * 2
    assert place.lines("reseal", "--to", "both", "--after", "ada")[0]["records"] == 2
    assert stored_by(sealed, "ada") == [None] * 2


def test_sealing_again_leaves_what_no_key_opens(sealed: Place) -> None:
    run = sealed.run("reseal", "--to", "both")
    assert run.returncode == 2
    assert "SESSIONKIT_KEYS" in run.stderr
    assert sealed.run("reseal", "nobody", "--to", "plain").returncode == 3
    run = with_keys(sealed, OTHER).run("reseal", "--to", "plain")
    assert (run.returncode, run.stdout) == (1, "2 records of 2 sessions made plain\n")
    assert "left 2 records as before, which the keys of SESSIONKIT_KEYS alone do not open" in run.stderr
    assert stored_by(sealed, "ada") == [f"aes-gcm:{Encrypt(KEY).key_id}"] * 2
