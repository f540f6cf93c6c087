"""Sealed sessions through files and from one store to another."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import HumanMessage

from sessionkit_integrations import (
    Compress,
    CorruptSessionError,
    Encrypt,
    InMemoryStore,
    RedisStore,
    SealError,
    SessionManager,
    SQLiteStore,
    Store,
    Summary,
)
from sessionkit_integrations.porting.exporting import Exported, export_sessions
from sessionkit_integrations.porting.importing import Imported, import_lines
from tests.porting.commands import ENVIRONMENT, run, summary
from tests.porting.other_packages import write_langchain_community

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sessionkit_integrations.records.sealing import Seal
    from tests.backends import Backends
    from tests.servers import Server

KEY, OTHER = bytes(range(32)), bytes(32)
KEYS = base64.b64encode(KEY).decode()
SEALS: dict[str, Any] = {"compressed": Compress(0), "encrypted": Encrypt(KEY), "both": [Compress(0), Encrypt(KEY)]}
SUMMARY = Summary(lambda _previous, messages: f"a secret of {len(messages)} " * 9, every=2, background=False)


@pytest.fixture(params=["sqlite", "redis-8.2"])
def two(request: pytest.FixtureRequest, backends: Backends, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """Two stores that have the same prefix, if they have one, and not the same sessions."""
    if request.param == "sqlite":
        stores: list[Store] = [SQLiteStore(tmp_path / f"{name}.db", archive=True) for name in "ab"]
    else:
        url, prefix = backends.server(request.param).url, f"{tmp_path.name}:"
        stores = [RedisStore(f"{url}/{database}", key_prefix=prefix, archive=True) for database in (8, 9)]
    yield stores[0], stores[1]
    for store in stores:
        store.delete("s")
        store.close()


def filled(store: Store, seal: Seal) -> Store:
    """Return a store with a session that has a summary, turns that wait for one, usage, and a plain record."""
    sessions = SessionManager(2, store, seal=seal, summary=SUMMARY)
    for number in range(5):
        sessions.add_user_message("s", f"What is secret {number}? " * 9)
        sessions.add_assistant_message("s", f"It is secret {number}. " * 9)
    usage: Any = {"input": 3, "output": 5, "model": "gpt-5"}
    sessions.send_message("s", {"role": "assistant", "content": "Another secret? " * 9, "usage": usage})
    SessionManager(2, store).add_assistant_message("s", "Well.")
    assert (info := store.describe("s")) is not None
    assert (info.waiting, info.summarized, len(info.usage)) == (2, 4, 1)
    return store


def exported(store: Store, seal: Seal | None = None, *, sealed: bool = True) -> list[bytes]:
    return list(export_sessions(SessionManager(store=store, seal=seal), ["s"], Exported(), sealed=sealed))


def imported(store: Store, lines: Sequence[bytes], seal: Seal | None = None, *, overwrite: bool = False) -> Imported:
    done = Imported()
    for _ in import_lines(SessionManager(store=store, seal=seal), lines, done, overwrite=overwrite):
        pass
    return done


def kept(store: Store) -> Any:
    """Return all that a store keeps of the session, but for its times."""
    info = store.describe("s")
    assert info is not None
    records = [store.read("s", archived=archived).records for archived in (False, True)]
    return records, info.waiting, info.waiting_turns, info.summarized, info.usage


@pytest.mark.parametrize("seal", SEALS.values(), ids=SEALS)
def test_sealed_records_go_through_a_file_as_they_are(two: tuple[Store, Store], seal: Any) -> None:
    source, target = filled(two[0], seal), two[1]
    lines = exported(source)
    assert exported(source, seal) == lines
    assert b"secret" not in lines[1]
    for reader in (None, seal):
        done = imported(target, lines, reader, overwrite=True)
        assert (done.written, done.unchanged, done.messages) == ((1, 0, 13) if reader is None else (0, 1, 0))
        assert kept(target) == kept(source)
    assert exported(target) == lines
    read, expected = (SessionManager(2, store, seal=seal) for store in (target, source))
    assert read.get_session("s") == expected.get_session("s")
    assert read.get_archive("s") == expected.get_archive("s")
    with pytest.raises(SealError):
        SessionManager(2, target).get_session("s")


def test_an_export_is_plain_text_unless_it_is_asked_to_be_sealed() -> None:
    source = filled(InMemoryStore(archive=True), Encrypt(KEY))
    with pytest.raises(SealError, match=Encrypt(KEY).key_id):
        exported(source, sealed=False)
    lines = exported(source, Encrypt(KEY), sealed=False)
    assert b"a secret of" in lines[1]
    assert b'"sealed"' not in lines[1]
    assert json.loads(lines[1]).keys() == {"id", "active", "archived", "waiting", "summarized"}
    target = InMemoryStore()
    assert imported(target, lines, Encrypt(OTHER)).written == 1
    stored = [json.loads(record) for record in (*target.read("s").records, *target.read("s", archived=True).records)]
    assert {record["by"] for record in stored} == {f"aes-gcm:{Encrypt(OTHER).key_id}"}
    assert target.describe("s").usage == source.describe("s").usage  # type: ignore[union-attr]


def elsewhere(line: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(line), **fields}).encode()


def test_an_encrypted_session_is_refused_where_no_key_would_open_it(tmp_path: Path, redis_server: Server) -> None:
    with SQLiteStore(tmp_path / "a.db", archive=True) as source:
        header, line = exported(filled(source, SEALS["both"]))
    assert json.loads(line)["encrypted_for"] == ["", "s"]
    target = InMemoryStore()
    here = "no key would open it here, as it is encrypted for session 's' of"
    unnamed = "it is encrypted, and encrypted_for does not name its key prefix and session"
    wrong = {
        elsewhere(line, id="t"): f"{here} a store without a key prefix: export it without --sealed",
        elsewhere(line, encrypted_for=["app:", "s"]): f"{here} the key prefix 'app:': export it without --sealed",
        elsewhere(line, encrypted_for=None): unnamed,
        elsewhere(line, encrypted_for=["s"]): unnamed,
        elsewhere(line, usage="junk"): "usage must be the totals of an export",
        elsewhere(line, usage=7): "usage must be the totals of an export",
    }
    for each, problem in wrong.items():
        assert [bad.problem for bad in imported(target, [header, each], Encrypt(KEY)).bad_lines] == [problem]
    assert list(target.sessions()) == []
    with SessionManager.from_url(f"{redis_server.url}?key_prefix={tmp_path.name}:") as sessions:
        (bad,) = imported(sessions.store, [header, line]).bad_lines
        assert bad.problem == f"{here} a store without a key prefix: export it without --sealed"
        assert list(sessions.list_sessions()) == []
    assert imported(target, [header, line]).written == 1
    (compressed,) = exported(filled(InMemoryStore(archive=True), Compress(0)))[1:]
    assert imported(InMemoryStore(), [header, elsewhere(compressed, id="t")]).written == 1  # which needs no key


def test_one_that_says_it_was_encrypted_for_here_and_was_not_is_not_read() -> None:
    header, line = exported(filled(InMemoryStore(archive=True), Encrypt(KEY)))
    target = InMemoryStore()
    imported(target, [header, elsewhere(line, id="t", encrypted_for=["", "t"])])
    with pytest.raises(CorruptSessionError, match="written for another place"):
        SessionManager(store=target, seal=Encrypt(KEY)).get_session("t")


def test_a_damaged_record_stops_an_export_of_sealed_ones_as_well() -> None:
    source = filled(InMemoryStore(archive=True), Encrypt(KEY))
    source.append("s", [b"{"], SessionManager(9).window, "1")  # type: ignore[list-item]
    with pytest.raises(CorruptSessionError):
        exported(source)
    done = Exported()
    list(export_sessions(SessionManager(store=source), ["s"], done, skip_corrupt=True, sealed=True))
    assert (done.messages, done.corrupt) == (13, {"s": 1})


def test_the_commands_take_keys_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db?archive=true" for name in "abc"]
    with SessionManager.from_url(urls[0]) as sessions:
        filled(sessions.store, SEALS["both"])
    assert Encrypt(KEY).key_id in run("export", "--url", urls[0], code=1).stderr
    assert summary("export", "--url", urls[0], "--skip-corrupt", "-o", str(tmp_path / "x"))["corrupt"] == {"s": 12}
    sealed = run("export", "--url", urls[0], "--sealed").stdout
    assert "secret" not in sealed
    assert summary("import", "--url", urls[1], given=sealed)["written"] == 1
    done = run("export", "--url", urls[0], "--sealed", "--format", "openai", code=2)
    assert "a model learns nothing from what is sealed" in done.stderr
    monkeypatch.setitem(ENVIRONMENT, "SESSIONKIT_KEYS", KEYS)
    plain = run("export", "--url", urls[1]).stdout
    assert "a secret of 4" in plain
    assert plain == run("export", "--url", urls[0]).stdout
    assert run("export", "--url", urls[0], "--sealed").stdout == sealed
    assert summary("import", "--url", urls[2], given=plain)["written"] == 1
    with SessionManager.from_url(urls[2], seal=Encrypt(KEY)) as sessions:
        assert json.loads(sessions.store.read("s").records[0])["by"] == f"aes-gcm:{Encrypt(KEY).key_id}"
        assert sessions.get_session("s")[-1]["content"] == "Well."


def test_a_session_with_a_secret_is_not_overwritten_with_a_key_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db?archive=true" for name in "ab"]
    seal = Encrypt(KEY, secrets=lambda _session_id: bytes(16))
    with SessionManager.from_url(urls[0]) as sessions:
        filled(sessions.store, seal)
        plain = b"\n".join(exported(sessions.store, seal, sealed=False)).decode()
    sealed = run("export", "--url", urls[0], "--sealed").stdout
    assert summary("import", "--url", urls[1], given=sealed)["written"] == 1
    monkeypatch.setitem(ENVIRONMENT, "SESSIONKIT_KEYS", KEYS)
    done = run("import", "--overwrite", "--url", urls[1], code=1, given=plain)
    locked = "is there, and needs a secret that only your application has"
    refused = f"sessionkit: session 's' {locked}, and was left as it is; reset it first\n"
    assert done.stderr == refused
    for keys in (KEYS, ""):  # without keys as well, and without --overwrite
        monkeypatch.setitem(ENVIRONMENT, "SESSIONKIT_KEYS", keys)
        for options in ((), ("--overwrite",)):
            assert run("import", *options, "--url", urls[1], code=1, given=plain).stderr == refused
    monkeypatch.setitem(ENVIRONMENT, "SESSIONKIT_KEYS", KEYS)
    assert run("export", "--url", urls[1], "--sealed").stdout == sealed
    with SessionManager.from_url(urls[1], seal=seal) as sessions:
        assert sessions.get_session("s")[-1]["content"] == "Well."
        sessions.add_user_message("s", "More.")
    assert summary("import", "--overwrite", "--url", urls[1], given=sealed)["overwritten"] == 1
    run("reset", "s", "--yes", "--url", urls[1])
    assert summary("import", "--url", urls[1], given=plain)["written"] == 1


def test_a_migration_opens_with_the_keys_of_the_environment(
    redis_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = f"{redis_server.url}?key_prefix={tmp_path.name}:&raw_ids=true&archive=true"
    target = f"sqlite:///{tmp_path}/new.db"
    with SessionManager.from_url(source) as sessions:
        filled(sessions.store, SEALS["both"])
    command = ("migrate", "--from", "javascript", source, "--url", target, "--yes")
    done = summary(*command, code=1)
    assert (done["left_out"], len(done["unreadable"])) == (["s"], 12)
    assert Encrypt(KEY).key_id in done["unreadable"][0]["problem"]
    monkeypatch.setitem(ENVIRONMENT, "SESSIONKIT_KEYS", f"{base64.b64encode(OTHER).decode()},{KEYS}")
    assert summary(*command)["written"] == 1
    assert summary(*command)["unchanged"] == 1
    with SessionManager.from_url(target, seal=Encrypt(OTHER)) as new, SessionManager.from_url(source) as old:
        assert {json.loads(each)["by"] for each in new.store.read("s").records} == {f"aes-gcm:{Encrypt(OTHER).key_id}"}
        opened = SessionManager(store=old.store, seal=Encrypt(KEY))
        assert new.get_session("s") == opened.get_session("s")
        assert new.get_archive("s") == opened.get_archive("s")


def test_a_dry_run_says_what_would_happen_to_sealed_sessions(
    redis_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"sqlite:///{tmp_path}/t.db"
    secret = Encrypt(KEY, secrets=lambda _session_id: bytes(16))
    with redis_server.client(db=8) as client, SessionManager.from_url(target) as sessions:
        client.flushdb()
        for session_id, seal in (("open", Encrypt(KEY)), ("other", Encrypt(bytes(32))), ("secret", secret)):
            write_langchain_community(client, session_id, [HumanMessage("Hello")])
            SessionManager(store=sessions.store, seal=seal).add_user_message(session_id, "Bye")
    monkeypatch.setitem(ENVIRONMENT, "SESSIONKIT_KEYS", KEYS)
    args = ("migrate", "--from", "langchain-community", f"{redis_server.url}/8", "--url", target)
    locked = "is there, and needs a secret that only your application has; reset it first"
    assert run(*args, code=1).stdout.splitlines() == [
        "would refuse (is there with other messages; see --overwrite): open (1 message)",
        "would refuse (is there, and no key that was given opens it; see --overwrite): other (1 message)",
        f"would refuse ({locked}): secret (1 message)",
        "dry run: 0 sessions to write, 0 to overwrite, 0 there already, 3 refused, 0 left out; 0 messages",
    ]
    assert run(*args, "--overwrite", code=1).stdout.splitlines() == [
        "would overwrite: open (1 message)",
        "would overwrite: other (1 message)",
        f"would refuse ({locked}): secret (1 message)",
        "dry run: 0 sessions to write, 2 to overwrite, 0 there already, 1 refused, 0 left out; 2 messages",
        "nothing was changed; do it with --yes",
    ]
    done = summary(*args, "--overwrite", "--yes", code=1)
    assert (done["overwritten"], done["refused"], done["reasons"]) == (2, ["secret"], {"secret": locked})
    assert [each["outcome"] for each in done["sessions"]] == ["overwritten", "overwritten", "refused"]
