"""The meta string beside a session's list: damaged, of an older version, and at the end of its time."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Edit, RedisStore, SessionManager, Window
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.stores.redis import commands
from sessionkit_integrations.stores.redis.keys import Keys
from tests.stores.test_scripted import assistant, executed, user

if TYPE_CHECKING:
    from sessionkit_integrations.stores.redis.commands import Command
    from tests.backends import StoreMaker
    from tests.servers import Server

FIELDS = 14
RECORD = Record(b'{"role":"user","content":"x"}')


@pytest.mark.parametrize("value", [b"0", b"1", b"9", b"99", b"9" * 30, b"-", b"x", b"3:zz", b"9,9,9,", b""])
@pytest.mark.parametrize("field", range(FIELDS))
def test_a_damaged_meta_refuses_nothing_and_stores_nothing_twice(
    redis_server: Server, field: int, value: bytes
) -> None:
    active, meta, _ = Keys("damaged:").all_of("s")
    with redis_server.client() as client, RedisStore(redis_server.url, key_prefix="damaged:", ttl=3600) as store:
        sessions = SessionManager(2, store)
        for pinned in (False, True):
            store.delete("s")
            if pinned:
                sessions.add_system_message("s", "pinned")
            sessions.send_messages("s", [user("u0"), assistant("a0"), user("u1"), assistant("a1")])

            def damage() -> None:
                fields = client.get(meta).split(b" ")
                assert len(fields) == FIELDS
                fields[field] = value
                client.set(meta, b" ".join(fields), keepttl=True)

            damage()
            for _ in range(3):
                sessions.send_message("s", user("once"), idempotency_key="key-1")
            pin = ["pinned"] if pinned else []
            assert [each["content"] for each in sessions.get_session("s")] == [*pin, "u1", "a1", "once"]
            damage()
            sessions.set_system_message("s", "SYS")
            assert [each["content"] for each in sessions.get_session("s")] == ["SYS", "u1", "a1", "once"]
            damage()
            assert store.describe("s").turns == 2  # type: ignore[union-attr]
            for number in range(40):
                sessions.send_message("s", user(str(number)))
            assert [each["content"] for each in sessions.get_session("s")] == ["SYS", "38", "39"]
            assert all(3500 < client.ttl(key) <= 3600 for key in (active, meta))
        store.delete("s")


def test_a_meta_of_version_1_is_read_and_becomes_one_of_version_2(redis_server: Server) -> None:
    active, meta, _ = Keys("version:").all_of("s")
    with redis_server.client() as client, RedisStore(redis_server.url, key_prefix="version:", archive=True) as store:
        store.delete("s")
        for message in (user("u0"), assistant("a0"), user("u1"), assistant("a1")):
            client.rpush(active, json.dumps(message, separators=(",", ":")))
        client.set(meta, "1 4 0 2 2 2, 4 0 1763800000000 7 0 1 2 first,second,")
        store.append("s", [Record(b'{"role":"user"}')], Window(9), "second")
        assert len(store.read("s").records) == 4
        client.config_resetstat()
        sessions = SessionManager(2, store)
        sessions.send_messages("s", [assistant("more"), user("u2")])
        assert executed(client)["lrange"] == 0
        assert [each["content"] for each in sessions.get_session("s")] == ["u1", "a1", "more", "u2"]
        text = client.get(meta).decode()
        assert text.startswith("2 4 0 2 1:")
        assert text.split()[5] == "3,"  # a turn that began without a mark has none
        assert store.describe("s").created == datetime(2025, 11, 22, 8, 26, 40, tzinfo=timezone.utc)  # type: ignore[union-attr]
        store.delete("s")


TRIES = 80
"""Tries to write as a session ends: before 0 to 39 other commands, each number of them twice."""


@pytest.mark.parametrize("kind", ["append", "append with eviction", "edit"])
def test_a_session_that_is_written_in_its_last_millisecond_still_ends(server: Server, kind: str) -> None:
    keys = Keys("ending:").all_of("s")
    with server.client() as client, RedisStore(server.url, key_prefix="ending:", archive=True) as store:
        for tried in range(TRIES):
            store.delete("s")
            SessionManager(2, store).send_messages("s", [user("mark"), user("mark")])
            with client.pipeline(transaction=True) as pipeline:
                for key in keys[:2]:
                    pipeline.pexpire(key, 1 + tried % 2)
                command: Command[Any]
                if kind == "edit":
                    edit = Edit(active=(RECORD,))
                    command = commands.replace(store.keys, "s", edit, None, f"op{tried}", ttl=None, archive=True)
                else:
                    window = Window(1 if "eviction" in kind else 9)
                    record = [RECORD]
                    command = commands.append(store.keys, "s", record, window, f"op{tried}", ttl=None, archive=True)
                for word in [("GET", "x")] * (tried % 40):
                    pipeline.execute_command(*word)
                pipeline.execute_command(*commands.words(command, by_text=True))
                pipeline.execute()
            time.sleep(0.003)
            assert not any(b"mark" in record for record in client.lrange(keys[0], 0, -1)), tried
            left = {client.pttl(key) for key in keys if client.exists(key)}
            assert left <= {-1} or -1 not in left, left
        client.delete(*keys)


def test_an_id_is_forgotten_with_what_was_deleted(make_scripted_store: StoreMaker) -> None:
    store = make_scripted_store(archive=True)
    sessions = SessionManager(10, store)
    for empty in (
        lambda: store.delete("s"),
        lambda: store.replace("s", Edit(active=(), clear_archive=True), None, "emptying"),
        lambda: store.replace("s", Edit(active=()), store.read("s").version, "emptying too"),
    ):
        sessions.send_message("s", user("Hello"), idempotency_key="key")
        empty()
        sessions.send_message("s", user("Hello again"), idempotency_key="key")
        assert sessions.get_session("s") == [user("Hello again")]
        store.delete("s")
