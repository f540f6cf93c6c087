"""Notices of writes on Redis: who gives them, what they cost, and connections that are cut."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio

from sessionkit_integrations import RedisStore, SessionManager, StoreError, UpstashStore
from sessionkit_integrations.stores.notices import Polling
from sessionkit_integrations.stores.redis.hearing import Channel, Pulse
from sessionkit_integrations.stores.redis.keys import Keys
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import Backends
    from tests.servers import Cluster, Server

LONG = 20.0
WRITERS, MESSAGES, CUTS = 8, 500, 5


def subscribers(server: Server | Cluster) -> int:
    """Return the number of connections that listen."""
    nodes: list[Any] = getattr(server, "nodes", [server])
    number = 0
    for node in nodes:
        with node.client() as client:
            number += len(client.client_list(_type="pubsub"))
    return number


def cut(server: Server | Cluster) -> int:
    """End the connections that listen, and return their number."""
    nodes: list[Any] = getattr(server, "nodes", [server])
    number = 0
    for node in nodes:
        with node.client() as client:
            number += client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    return number


@pytest.fixture(params=["redis-6.2", "cluster"])
def listened(request: pytest.FixtureRequest, backends: Backends) -> Server | Cluster:
    return backends.cluster() if request.param == "cluster" else backends.server(request.param)


def test_each_write_gives_a_notice_only_with_notify(backends: Backends) -> None:
    server, writes = backends.server("redis-8.2"), 0
    with server.client() as client, client.pubsub() as listener:
        listener.psubscribe("*")
        assert _next(listener)["type"] == "psubscribe"
        for notify in (False, True):
            client.delete("told:new")
            with SessionManager(2, RedisStore(server.url, notify=notify, key_prefix="told:")) as sessions:
                for write in _writes(sessions):
                    before = _executed(client)
                    write()
                    after = _executed(client)
                    channels = [message["channel"] for message in iter(lambda: _next(listener, 0.02), None)]
                    expected = [b"told:changes:a%20b"] if notify else []
                    assert channels in (expected, [channel.replace(b"a%20b", b"new") for channel in expected])
                    assert after.get("publish", 0) - before.get("publish", 0) == notify
                    writes += 1
    assert writes == 12


def _writes(sessions: SessionManager) -> list[Callable[[], object]]:
    def in_turn() -> None:
        with sessions.turn("a b"):
            sessions.add_assistant_message("a b", "in a turn")

    return [
        lambda: sessions.add_user_message("a b", "1"),
        lambda: sessions.prompt("a b", "2"),
        in_turn,
        lambda: sessions.fork("a b", "new"),
        lambda: sessions.undo("a b"),
        lambda: sessions.reset_session("a b"),
    ]


def _executed(client: redis.Redis) -> dict[str, int]:
    stats: Any = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()}


def _next(listener: Any, seconds: float = LONG) -> Any:
    return listener.get_message(timeout=seconds)


def test_scripts_are_the_same_without_notify(backends: Backends) -> None:
    """Not a byte more is sent."""
    from sessionkit_integrations.stores.redis import commands  # noqa: PLC0415

    sent = list[Any]()
    store = RedisStore(backends.server("redis-8.2").url, key_prefix="same:")
    perform = store._perform

    def record(step: Any) -> Any:
        sent.append(step.command)
        return perform(step)

    store._perform = record  # type: ignore[method-assign]
    with SessionManager(2, store) as sessions:
        sessions.add_user_message("s", "1")
        sessions.reset_session("s")
    assert [command.notifies for command in sent] == [False, False]
    assert [len(command.args) for command in sent] == [3, 2]
    for name in ("append", "replace", "delete"):
        texts = [commands.script(name, notifies=notifies).text for notifies in (False, True)]
        assert "PUBLISH" not in texts[0]
        assert "PUBLISH" in texts[1]


@pytest.mark.pairwise
@pytest.mark.parametrize("kind", ["sync", "async", "async in a thread"])
@pytest.mark.parametrize("one", [True, False])
def test_cut_connections_lose_nothing(listened: Server | Cluster, kind: str, one: bool) -> None:
    store = RedisStore(listened.url, notify=True, archive=True, key_prefix=f"cut{kind.replace(' ', '')}{one}:")
    with SessionManager(2, store) as sessions:
        sessions.add_user_message("s", "before")

        def write(number: int) -> None:
            assert cut(listened) == 1
            sessions.send_messages("s", [{"role": "user", "content": f"{number}{letter}"} for letter in "ab"])

        def check(messages: list[Any], number: int) -> None:
            assert [message["content"] for message in messages] == [f"{number}a", f"{number}b"]

        async def watch() -> None:
            async with sessions.awatch("s" if one else None, timeout=LONG) as changes:
                for number in range(2):
                    await asyncio.to_thread(write, number)
                    check((await anext(changes)).messages, number)
            await sessions.aclose()

        if kind == "sync":
            with sessions.watch("s" if one else None, timeout=LONG) as changes:
                for number in range(2):
                    write(number)
                    check(next(changes).messages, number)
        elif kind == "async":
            asyncio.run(watch())
        else:
            thread = threading.Thread(target=asyncio.run, args=[watch()])
            thread.start()
            thread.join()
    assert subscribers(listened) == 0


def test_many_writers_are_heard_through_cut_connections(backends: Backends) -> None:
    """Eight writers of five hundred messages, and five cuts: all of them, once, in order."""
    server = backends.server("redis-8.2")
    with SessionManager(10, RedisStore(server.url, notify=True, archive=True, key_prefix="many:")) as sessions:

        def write(writer: int) -> None:
            for number in range(MESSAGES):
                sessions.add_user_message("s", f"{writer} {number}")

        writers = [threading.Thread(target=write, args=[writer]) for writer in range(WRITERS)]
        told, cuts, began = list[str](), 0, time.monotonic()
        with sessions.watch("s", timeout=LONG) as changes:
            for thread in writers:
                thread.start()
            for change in changes:
                assert change.kind == "added"
                told += [str(message["content"]) for message in change.messages]
                if cuts < CUTS and len(told) >= (cuts + 1) * WRITERS * MESSAGES // (CUTS + 2):
                    cuts += cut(server)
                if len(told) >= WRITERS * MESSAGES:
                    break
        for thread in writers:
            thread.join()
        stored = [message["content"] for message in [*sessions.get_archive("s"), *sessions.get_session("s")]]
    assert cuts == CUTS
    assert told == stored
    assert len(set(told)) == WRITERS * MESSAGES
    assert subscribers(server) == 0
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("one", [True, False])
async def test_events_of_upstash_are_heard_through_cut_streams(backends: Backends, one: bool) -> None:
    endpoint, threads = backends.upstash(), threading.active_count()
    store = UpstashStore(endpoint.url, TOKEN, notify=True, archive=True, key_prefix=f"events{one}:")
    async with SessionManager(2, store) as sessions:
        await sessions.aadd_user_message("a,b", "before")
        with sessions.watch("a,b" if one else None, timeout=LONG) as changes:
            async with sessions.awatch("a,b" if one else None, timeout=LONG) as achanges:
                for number in range(3):
                    assert number != 1 or endpoint.cut() == 2
                    batch: list[Any] = [{"role": "user", "content": f"{number}{letter}"} for letter in "ab"]
                    await sessions.asend_messages("a,b", batch)
                    for change in (next(changes), await anext(achanges)):
                        assert (change.session_id, change.kind, change.messages) == ("a,b", "added", batch)
    await asyncio.to_thread(_wait_until_empty, endpoint.streams)
    assert not endpoint.streams
    assert not [thread.name for thread in threading.enumerate() if thread.name == "sessionkit-watch"]
    assert threading.active_count() <= threads + 4  # of the endpoint, whose connections live on


def _wait_until_empty(items: dict[str, Any]) -> None:
    deadline = time.monotonic() + LONG
    while items and time.monotonic() < deadline:
        time.sleep(0.01)


async def test_a_wrong_token_is_told_as_for_other_commands(backends: Backends) -> None:
    with SessionManager(2, UpstashStore(backends.upstash().url, "wrong", notify=True)) as sessions:
        with pytest.raises(StoreError, match="check the token"):
            sessions.watch("s")
        with pytest.raises(StoreError, match="check the token"):
            await anext(sessions.awatch("s"))


async def test_clients_that_were_given_listen(backends: Backends) -> None:
    server = backends.server("redis-8.2")
    with redis.Redis.from_url(server.url) as client:
        async with redis.asyncio.Redis.from_url(server.url) as aclient:
            cases: list[dict[str, Any]] = [{"client": client}, {"client": client, "async_client": aclient}]
            for number, given in enumerate(cases):
                store = RedisStore(**given, notify=True, key_prefix=f"given{number}:")
                async with SessionManager(2, store) as sessions:
                    async with sessions.awatch("s", timeout=LONG) as changes:
                        await sessions.aadd_user_message("s", "1")
                        assert [message["content"] for message in (await anext(changes)).messages] == ["1"]
                    with sessions.watch("s", timeout=LONG) as watch:
                        sessions.add_user_message("s", "2")
                        assert [message["content"] for message in next(watch).messages] == ["2"]
    assert subscribers(server) == 0


def test_a_user_without_rights_to_the_channel_writes_all_the_same(backends: Backends) -> None:
    server = backends.server("redis-8.2")
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "mute", "on", ">pw", "~*", "+@all", "resetchannels")
        try:
            login: dict[str, Any] = {"username": "mute", "password": "pw"}
            with SessionManager(2, RedisStore(port=server.port, notify=True, **login)) as sessions:
                sessions.add_user_message("mute", "1")
                assert len(sessions.get_session("mute")) == 1
        finally:
            client.execute_command("ACL", "DELUSER", "mute")


def test_a_url_says_who_notifies() -> None:
    store = RedisStore.from_url("redis://h?notify=true")
    assert store.notify
    assert store.describe_url() is not None
    assert "notify=true" in str(store.describe_url())
    assert isinstance(RedisStore.from_url("redis://h").notices("s"), Polling)
    with pytest.raises(TypeError, match="notify must be"):
        RedisStore("redis://h", notify="yes")  # type: ignore[arg-type]


def test_channels_tell_sessions_and_prefixes_apart() -> None:
    keys = Keys("a*:")
    assert Channel(keys, "s x").name == "a*:changes:s%20x"
    assert Channel(keys, None).name == "a\\*:changes:*"
    assert Channel(keys, None).heard(b"a*:changes:s%20x") == {"s x"}
    for other in ("b:changes:s", "a*:changes:changes:s", "a*:changes:"):
        assert Channel(keys, None).heard(other) == set()


def test_the_other_end_is_asked_for_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("sessionkit_integrations.stores.redis.hearing.time.monotonic", lambda: clock[0])
    pulse = Pulse(2)
    assert not pulse.asks()
    clock[0] += 5
    assert pulse.asks()
    assert not pulse.asks()
    clock[0] += 2
    assert not pulse.is_gone
    clock[0] += 0.1
    assert pulse.is_gone
    pulse.hear()
    assert not pulse.is_gone
