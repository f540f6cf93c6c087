"""The rights that a user of Redis or a token of Upstash needs, and none beyond them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis

from sessionkit_integrations import (
    Edit,
    Encrypt,
    InvalidMessageError,
    RedisStore,
    SessionManager,
    StoreError,
    StoreUnavailableError,
    Summary,
    UpstashStore,
)
from sessionkit_integrations.porting.exporting import Exported, export_sessions
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.stores.redis.commands import Command
from tests.backends import REDIS_SERVERS
from tests.upstash_rest import READ_ONLY_TOKEN, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.backends import Backends

    Call = Callable[..., Any]

COMMANDS = [  # as in docs/tenants.md
    *("eval", "evalsha", "get", "set", "rpush", "lpush", "lpop", "rpop", "lrange", "ltrim", "llen"),
    *("pttl", "pexpire", "persist", "del", "exists", "rename", "scan"),
]
TO_RESEAL = ["lset"]
OF_A_READER = ["lrange", "scan"]
IN_A_CLUSTER = ["cluster|slots", "cluster|nodes", "command"]
if int(redis.__version__.split(".")[0]) < 6:
    IN_A_CLUSTER.append("info")
KEYS = ["~app:*", "~{app:*}:meta", "~{app:*}:archive", "~{app:*}:fork:*", "~{app:*}:summary"]
PASSWORD = "s3cret"  # noqa: S105 - of the tests


class Place:
    """A server or a cluster, whose administrator sets up one user."""

    def __init__(self, url: str, admins: list[redis.Redis], more: list[str]) -> None:
        self._scheme, _, self._address = url.partition("://")
        self._admins = admins
        self._more = more
        for admin in admins:  # others use the same keys
            admin.flushall()

    def allow(self, commands: list[str], keys: list[str] = KEYS) -> None:
        """Give the user these rights and no others."""
        for admin in self._admins:
            rights = [*keys, *(f"+{name}" for name in [*commands, *self._more])]
            admin.execute_command("ACL", "SETUSER", "app", "reset", "on", f">{PASSWORD}", *rights)
            admin.acl_log_reset()

    def store(self, prefix: str = "app:", **options: Any) -> RedisStore:
        """Return a store that connects as the user."""
        url = f"{self._scheme}://app:{PASSWORD}@{self._address}"
        return RedisStore(url, key_prefix=prefix, **options)

    def refused(self) -> set[str]:
        """Return what the user tried in vain."""
        return {str(entry["object"]).partition("|")[0] for admin in self._admins for entry in admin.acl_log()}

    def forget_scripts(self) -> None:
        for admin in self._admins:
            admin.script_flush()

    def close(self) -> None:
        for admin in self._admins:
            admin.execute_command("ACL", "DELUSER", "app")
            admin.close()


@pytest.fixture(params=[*REDIS_SERVERS, "cluster"])
def place(request: pytest.FixtureRequest, backends: Backends) -> Iterator[Place]:
    if request.param == "cluster":
        cluster = backends.cluster()
        made = Place(cluster.url, [node.client() for node in cluster.nodes], IN_A_CLUSTER)
    else:
        server = backends.server(request.param)
        made = Place(server.url, [server.client()], [])
    yield made
    made.close()


def user(content: str) -> Any:
    return {"role": "user", "content": content}


def do_everything(place: Place, call: Call) -> None:
    for options in ({}, {"ttl": 60}, {"archive": True}, {"archive": True, "ttl": 60}):
        store = place.store(**options)
        with SessionManager(1, store, summary=Summary(lambda *_: "a summary", every=None)) as sessions:
            call(sessions, "reset_session", "s")
            place.forget_scripts()
            call(sessions, "send_messages", "s", [user("1"), user("2")])
            call(sessions, "set_system_message", "s", "3")
            call(sessions, "send_message", "s", user("4"))
            assert [each["content"] for each in call(sessions, "get_session", "s")] == ["3", "4"]
            call(sessions, "get_archive", "s")
            assert call(sessions, "summarize", "s").messages == 2
            call(sessions, "reset_session", "t")
            call(sessions, "fork", "s", "t")
            call(sessions, "reset_session", "t")
            edit = Edit(active=(), archive=(Record(b'{"role":"user","content":"5"}'),))
            call(store, "replace", "s", edit, None, "operation")
            call(store, "replace", "s", Edit(clear_archive=True), None, "another")
            assert list(sessions.list_sessions()) == []
            take_back(store, call)
            call(sessions, "reset_session", "s")
            call(sessions, "close")


def take_back(store: RedisStore, call: Call) -> None:
    """Have an append find that somebody else made the turn too long for it."""
    sessions = SessionManager(9, store, max_turn_messages=3)
    reply: Any = {"role": "assistant", "content": "x"}
    call(sessions, "send_message", "s", user("1"))
    foreign = ('{"role":"assistant","content":"of another writer"}',)
    store._run(Command("RPUSH", (store._keys.active("s"),), foreign, lambda _: None, writes=True))
    with pytest.raises(InvalidMessageError):
        call(sessions, "send_messages", "s", [reply, reply])


def test_a_user_with_these_rights_can_do_everything(place: Place, call: Call) -> None:
    place.allow(COMMANDS)
    do_everything(place, call)
    assert place.refused() <= {"client"}  # redis-py would tell its name, and does without


def test_sessions_are_summarised_without_a_right_to_leases(place: Place, call: Call) -> None:
    place.allow(COMMANDS, KEYS[:-1])
    do_everything(place, call)
    assert place.refused() - {"client"} == {"{app:s}:summary"}


def test_sealing_again_needs_one_right_more(place: Place, call: Call) -> None:
    place.allow(COMMANDS)
    sessions = SessionManager(1, place.store(archive=True), seal=Encrypt(bytes(32)))
    SessionManager(1, sessions.store).send_messages("s", [user("1"), user("2")])
    before = [sessions.store.read("s", archived=archived) for archived in (False, True)]
    with pytest.raises(StoreError, match=r"permission|NOPERM|can't run this command"):
        call(sessions, "reseal", "s")
    assert place.refused() - {"client"} == {*TO_RESEAL}
    assert [sessions.store.read("s", archived=archived) for archived in (False, True)] == before
    place.allow([*COMMANDS, *TO_RESEAL])
    assert call(sessions, "reseal", "s").records == 2
    assert call(sessions, "get_archive", "s") == [user("1")]
    call(sessions, "reset_session", "s")
    call(sessions, "close")
    sessions.close()


@pytest.mark.parametrize("left_out", COMMANDS)
def test_each_of_the_rights_is_needed(left_out: str, backends: Backends) -> None:
    server = backends.server("redis-8.2")
    place = Place(server.url, [server.client()], [])
    place.allow([name for name in COMMANDS if name != left_out])
    with pytest.raises(StoreError, match=r"permission|NOPERM") as raised:
        do_everything(place, lambda target, method, *args: getattr(target, method)(*args))
    assert not isinstance(raised.value, StoreUnavailableError)
    assert isinstance(raised.value.__cause__, redis.ResponseError)
    assert left_out in place.refused()
    with server.client() as client:
        client.delete("app:s", "{app:s}:meta", "{app:s}:archive")
    place.close()


def test_other_prefixes_and_other_commands_are_refused(place: Place, call: Call) -> None:
    place.allow(COMMANDS)
    for prefix in ("other:", "app", "ap:", "x:app:"):
        store = place.store(prefix if prefix.endswith(":") else f"{prefix}2:")
        sessions = SessionManager(store=store)
        for method, arguments in (
            ("add_user_message", ("s", "Hello")),
            ("set_system_message", ("s", "Hello")),
            ("get_session", ("s",)),
            ("get_archive", ("s",)),
            ("reset_session", ("s",)),
        ):
            with pytest.raises(StoreError, match=r"permission|NOPERM") as raised:
                call(sessions, method, *arguments)
            assert not isinstance(raised.value, StoreUnavailableError)
        call(sessions, "close")
    with place.store() as store, store._shared.use() as own:
        for words in (("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("HSET", "app:s", "a", "b")):
            with pytest.raises(redis.ResponseError, match="permission"):
                own.client.execute_command(*words)


def test_a_reader_reads_and_writes_nothing(place: Place, call: Call) -> None:
    place.allow(COMMANDS)
    with SessionManager(1, place.store(archive=True)) as writer:
        writer.send_messages("s", [user("1"), user("2")])
        place.allow(OF_A_READER)
        store = place.store(archive=True)
        reader = SessionManager(1, store)
        assert call(reader, "get_session", "s") == [user("2")]
        assert call(reader, "get_archive", "s") == [user("1")]
        assert list(reader.list_sessions()) == ["s"]
        for method, arguments in (
            ("add_user_message", ("s", "Hello")),
            ("set_system_message", ("s", "Hello")),
            ("reset_session", ("s",)),
        ):
            with pytest.raises(StoreError, match=r"permission|NOPERM") as raised:
                call(reader, method, *arguments)
            assert not isinstance(raised.value, StoreUnavailableError)
        assert call(reader, "get_session", "s") == [user("2")]
        call(reader, "close")
        reader.close()
        place.allow(COMMANDS)
        writer.reset_session("s")


@pytest.mark.parametrize("name", ["redis-8.2", "valkey-9"])
def test_a_reader_may_be_kept_from_writing_by_its_keys_too(name: str, backends: Backends) -> None:
    server = backends.server(name)
    place = Place(server.url, [server.client()], [])
    place.allow(OF_A_READER, ["%R~app:*", "%R~{app:*}:archive"])
    with SessionManager(store=place.store()) as reader:
        assert (reader.get_session("nobody"), reader.get_archive("nobody"), list(reader.list_sessions())) == (
            [],
            [],
            [],
        )
    place.close()


def test_a_read_only_token_reads_sessions_and_archives(
    backends: Backends, call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    url = backends.upstash().url
    with SessionManager(1, UpstashStore(url, TOKEN, key_prefix="app:", archive=True)) as writer:
        writer.send_messages("s", [user("1"), user("2")])
        reader = SessionManager(1, UpstashStore(url, READ_ONLY_TOKEN, key_prefix="app:"))
        assert call(reader, "get_session", "s") == [user("2")]
        assert call(reader, "get_archive", "s") == [user("1")]
        assert len(call(reader, "view", "s").at("archived")) == 1
        assert len(list(export_sessions(reader, ["s"], Exported()))) == 2
        assert "what waits for a summary in session 's' is not known" in caplog.text
        for method, arguments in (
            ("add_user_message", ("s", "Hello")),
            ("set_system_message", ("s", "Hello")),
            ("reset_session", ("s",)),
        ):
            with pytest.raises(StoreError, match="NOPERM") as raised:
                call(reader, method, *arguments)
            assert not isinstance(raised.value, StoreUnavailableError)
        with pytest.raises(StoreError, match="NOPERM"):
            list(reader.list_sessions())  # Upstash counts SCAN among the commands that such a token has no right to
        assert writer.get_session("s") == [user("2")]
        call(reader, "close")
        reader.close()
        writer.reset_session("s")
