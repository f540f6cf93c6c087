"""``sessionkit doctor``: what would lose data is found on real servers and files, and what is well is left alone."""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations.cli.checks import redis_info
from sessionkit_integrations.cli.checks.sqlite import disk, file_system, journal
from tests.cli.running import Place
from tests.faults.test_rights import COMMANDS, TO_RESEAL
from tests.servers import Server
from tests.upstash_rest import READ_ONLY_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backends import Backends

PASSWORD = "s3cret"  # noqa: S105 - of the tests


def diagnose(place: Place, *arguments: str) -> tuple[int, dict[str, str], str]:
    """Return the exit code, the status of each check, and all texts."""
    run = place.run("doctor", "--json", *arguments)
    assert run.stderr == ""
    checks: list[dict[str, str]] = json.loads(run.stdout)
    assert all(set(check) == {"check", "status", "text"} for check in checks)
    return run.returncode, {check["check"]: check["status"] for check in checks}, "\n".join(c["text"] for c in checks)


@contextmanager
def configured(server: Server, **settings: str) -> Iterator[None]:
    with server.client() as client:
        names = [name.replace("_", "-") for name in settings]
        before = {name: client.config_get(name)[name] for name in names}
        for name, value in zip(names, settings.values(), strict=True):
            client.config_set(name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                client.config_set(name, value)


def test_a_store_that_is_well_is_left_as_it_was(anywhere: Place) -> None:
    with anywhere.sessions() as sessions:
        sessions.add_user_message("s", "Hello")
        code, found, texts = diagnose(anywhere)
        assert found["use"] == "ok"
        assert list(sessions.list_sessions()) == ["s"]
    # The servers of the tests keep nothing on disk, and say so.
    kept = "redis" not in anywhere.url
    assert code == (0 if kept else 4), texts
    assert ("a restart loses all sessions" in texts) != kept
    assert {name for name, status in found.items() if status == "fail"} == (set() if kept else {"persistence"})
    if anywhere.url.startswith("redis+cluster"):
        assert "all 16384 slots are served" in texts
        assert "3 primaries answer" in texts
    if anywhere.url.startswith("upstash"):
        assert found["eviction"] == "warn"


@pytest.mark.parametrize(
    ("settings", "query", "code", "status", "text"),
    [
        ({"appendonly": "yes"}, "", 0, ("ok", "warn"), "up to one second (appendfsync everysec)"),
        ({"appendonly": "yes", "appendfsync": "always"}, "", 0, ("ok", "ok"), "on disk before it is answered"),
        ({"save": "3600 1"}, "", 0, ("ok", "warn"), "since the last one (save 3600 1)"),
        ({"appendonly": "yes", "maxmemory_policy": "allkeys-lru"}, "", 0, ("warn", "warn"), "no maxmemory is set"),
        (
            {"appendonly": "yes", "maxmemory_policy": "allkeys-lru", "maxmemory": "1gb"},
            "",
            4,
            ("fail", "warn"),
            "allkeys-lru deletes sessions when the memory is full",
        ),
        (
            {"appendonly": "yes", "maxmemory_policy": "volatile-ttl", "maxmemory": "1gb"},
            "",
            0,
            ("warn", "warn"),
            "sessions of this URL have none",
        ),
        (
            {"appendonly": "yes", "maxmemory_policy": "volatile-ttl", "maxmemory": "1gb"},
            "&ttl=60",
            4,
            ("fail", "warn"),
            "volatile-ttl deletes sessions",
        ),
    ],
)
def test_what_a_server_would_lose(
    backends: Backends, on_redis: Place, settings: dict[str, str], query: str, code: int, status: Any, text: str
) -> None:
    with configured(backends.server("redis-8.2"), **settings):
        found_code, found, texts = diagnose(replace(on_redis, url=on_redis.url + query))
    assert (found_code, found["eviction"], found["persistence"]) == (code, *status), texts
    assert text in texts


@pytest.mark.parametrize("name", ["redis-6.2", "valkey-9"])
def test_other_servers_are_known(backends: Backends, name: str) -> None:
    place = Place(backends.server(name).url, lambda: None)  # type: ignore[arg-type,return-value]
    _, found, texts = diagnose(place)
    assert (found["version"], found["rights"], found["use"]) == ("ok", "ok", "ok")
    assert ("Redis 6.2" if name == "redis-6.2" else "Valkey 9") in texts


@pytest.mark.parametrize(
    ("commands", "keys", "code", "text"),
    [
        ([*COMMANDS, *TO_RESEAL], "app:", 0, "all commands and keys"),
        (COMMANDS, "app:", 0, "but lset: grant +lset for sessionkit reseal"),
        ([name for name in COMMANDS if name != "lpop"], "app:", 4, "may not use lpop: grant +lpop;"),
        (sorted({*COMMANDS} - {"set", "del"}), "app:", 4, "may not use set, del: grant +set +del;"),
        (sorted({*COMMANDS} - {"set", "lpop", "del"}), "app:", 4, "grant +set +lpop +del;"),
        (COMMANDS, "other:", 1, "grant ~app:* ~{app:*}:meta ~{app:*}:archive"),
    ],
)
def test_what_a_user_may_not_do_is_named(
    backends: Backends, commands: list[str], keys: str, code: int, text: str
) -> None:
    server = backends.server("redis-8.2")
    # The name holds a word that faults of keys have.
    rights = [f"~{keys}*", f"~{{{keys}*}}:meta", f"~{{{keys}*}}:archive", *(f"+{name}" for name in commands)]
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "monkey", "reset", "on", f">{PASSWORD}", *rights)
        try:
            url = f"redis://monkey:{PASSWORD}@127.0.0.1:{server.port}?key_prefix=app:"
            found_code, found, texts = diagnose(Place(url, lambda: None))  # type: ignore[arg-type,return-value]
        finally:
            admin.execute_command("ACL", "DELUSER", "monkey")
        left = [key for key in admin.scan_iter("*app:sessionkit-doctor*") if not 0 < admin.ttl(key) <= 60]
    assert found_code == code, texts
    assert text in texts
    assert (found["persistence"], found["clock"]) == ("warn", "warn")
    assert "could not be checked, as INFO is not allowed here" in texts
    assert left == []
    assert PASSWORD not in texts


def test_a_replica_and_a_node_of_a_cluster_are_known(backends: Backends) -> None:
    primary = backends.server("redis-8.2")
    replica = Server(primary.binary, "--replicaof", f"127.0.0.1 {primary.port}").start()
    try:
        code, found, texts = diagnose(Place(replica.url, lambda: None))  # type: ignore[arg-type,return-value]
    finally:
        replica.stop()
    assert (code, found["role"]) == (1, "fail")
    assert f"use 127.0.0.1:{primary.port}" in texts
    node = backends.cluster().url.replace("redis+cluster", "redis")
    code, found, texts = diagnose(Place(node, lambda: None))  # type: ignore[arg-type,return-value]
    assert (code, found["cluster"]) == (1, "fail")
    assert "redis+cluster://" in texts


@pytest.mark.parametrize("anywhere", ["upstash"], indirect=True)
@pytest.mark.parametrize(
    ("token", "text"),
    [(READ_ONLY_TOKEN, "this is a read-only token"), ("wrong", "the token does not belong to this database")],
)
def test_a_token_that_does_not_do_is_known(anywhere: Place, token: str, text: str) -> None:
    environment = {**anywhere.environment, "UPSTASH_REDIS_REST_TOKEN": token}
    code, found, texts = diagnose(replace(anywhere, environment=environment))
    assert (code, found["token"]) == (1, "fail")
    assert text in texts


def test_a_server_that_is_not_there(here: Place) -> None:
    code, found, texts = diagnose(here, "--url", f"redis://:{PASSWORD}@127.0.0.1:1?timeout=0.5")
    assert (code, found) == (1, {"connection": "fail"})
    assert PASSWORD not in texts


def test_memory_keeps_nothing(here: Place) -> None:
    code, found, texts = diagnose(here, "--url", "memory://")
    assert (code, found["persistence"]) == (4, "fail")
    assert "gone when it ends" in texts


def test_files_that_are_missing_damaged_or_somebody_elses(here: Place, tmp_path: Path) -> None:
    path = Path(here.url.removeprefix("sqlite:///"))
    with here.sessions() as sessions:
        for number in range(40):
            sessions.add_user_message(f"{number}", "x" * 3000)
    whole = path.read_bytes()
    page = 4096
    path.write_bytes(whole[: 4 * page] + b"\xff" * page + whole[5 * page :])
    code, found, texts = diagnose(here)
    assert (code in {1, 4}, found["integrity"]) == (True, "fail")
    assert "damaged" in texts or "malformed" in texts
    path.write_bytes(b"This is no database. " * 1000)
    assert diagnose(here)[0] == 1

    code, found, texts = diagnose(here, "--url", f"sqlite:///{tmp_path}/new.db")
    assert (code, found["file"]) == (0, "ok")
    assert not (tmp_path / "new.db").exists()
    assert diagnose(here, "--url", f"sqlite:///{tmp_path}/no/new.db")[:2] == (1, {"file": "fail"})


def test_a_database_of_another_application_is_left_untouched(here: Place, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "notes.db")) as theirs:
        theirs.execute("PRAGMA journal_mode = WAL")
        theirs.execute("CREATE TABLE notes (text)")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    code, found, texts = diagnose(here, "--url", f"sqlite:///{folder}/notes.db")
    assert (code, found["use"], found["integrity"]) == (1, "fail", "ok")
    assert "another application" in texts
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
@pytest.mark.parametrize(("mode", "status"), [(0o600, "ok"), (0o640, "ok"), (0o644, "warn")])
def test_a_file_that_everybody_may_read_is_said(here: Place, mode: int, status: str) -> None:
    Path(here.url.removeprefix("sqlite:///")).chmod(mode)
    code, found, texts = diagnose(here)
    assert (code, found["permissions"]) == (0, status), texts


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="this machine has no file system in memory")  # noqa: S108 - that is what it is for
def test_a_file_in_memory_is_gone_with_the_machine(here: Place) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        code, found, texts = diagnose(here, "--url", f"sqlite:///{folder}/chats.db")
    assert (code, found["disk"]) == (4, "fail")
    assert "gone when the machine restarts" in texts


def test_the_file_system_is_that_of_the_closest_mount() -> None:
    mounts = r"""22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:5 / /data rw shared:1 - nfs4 server:/export rw
24 23 0:6 / /data/my\040disk rw - xfs /dev/sdb rw
"""
    places = {"/home": "ext4", "/data": "nfs4", "/data/x": "nfs4", "/data/my disk/x": "xfs", "/database": "ext4"}
    assert {folder: file_system(folder, mounts) for folder in places} == places


def test_what_kinds_of_disks_and_journals_mean() -> None:
    kinds = ["nfs4", "cifs", "9p", "fuse.sshfs", "tmpfs", "overlay", "ext4", "btrfs", "fuseblk"]
    assert [disk(kind).status for kind in kinds] == ["fail"] * 5 + ["warn"] + ["ok"] * 3
    assert [journal(mode).status for mode in ("wal", "delete", "off")] == ["ok", "warn", "fail"]


@pytest.mark.parametrize(
    ("version", "status"), [("6.0.16", "fail"), ("6.2.0", "ok"), ("7.4.1", "ok"), ("10.0.0", "ok"), ("", "warn")]
)
def test_versions_are_compared_as_numbers(version: str, status: str) -> None:
    assert redis_info.version({"redis_version": version}).status == status


def test_servers_that_tell_little_are_not_called_well() -> None:
    assert redis_info.eviction({}, expires=False).status == "warn"
    for info in ({}, {"aof_enabled": "0"}, {"aof_enabled": "1"}):
        assert [check.status for check in redis_info.persistence(info, None)] == ["warn"]
    failed = {"aof_enabled": "1", "aof_last_write_status": "err", "rdb_last_bgsave_status": "err"}
    assert [check.status for check in redis_info.persistence(failed, {"appendfsync": "always"})] == [
        "fail",
        "fail",
        "ok",
    ]
    assert redis_info.cluster({"cluster_state": "ok", "cluster_slots_ok": "16000"}).unusable


@pytest.mark.parametrize("reply", [{"a": "1"}, {b"a": b"1"}, [b"a", b"1"], b"# Section\r\na:1\r\n", "a:1"])
def test_replies_are_read_in_whichever_shape_a_driver_has_them(reply: Any) -> None:
    assert redis_info.fields_of(reply) | {"a": "1"} == redis_info.fields_of(reply)
    assert redis_info.fields_of(reply)["a"] == "1"
