"""Quotas: the rule, which all stores apply alike, and what it does to a session."""

from __future__ import annotations

import asyncio
import pickle
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sessionkit_integrations import (
    InMemoryStore,
    Quota,
    QuotaExceededError,
    RedisStore,
    SessionManager,
    SQLiteStore,
    Window,
)
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.stores.limits import HIGHEST, PERIODS, Claim, Level, Limit, admit, levels_from, levels_text
from sessionkit_integrations.stores.redis.keys import Keys
from tests.stores.test_scripted import assistant, executed, user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.backends import StoreMaker
    from tests.servers import Server

NOW = 1_763_800_000_000
RECORD = Record(b'{"role":"user","content":"x","at":1}')
CLOCKS = ("sessions.quotas", "stores.state", "stores.redis.commands", "stores.sqlite.store")


class Clock:
    """The clock of all writers."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@contextmanager
def stopped() -> Iterator[Clock]:
    clock = Clock()
    with ExitStack() as patches:
        for module in CLOCKS:
            patches.enter_context(mock.patch(f"sessionkit_integrations.{module}.now", clock))
        yield clock


@pytest.fixture
def clock() -> Iterator[Clock]:
    with stopped() as stands:
        yield stands


def contents(sessions: SessionManager) -> list[Any]:
    return [message["content"] for message in sessions.get_session("s")]


def refused(call: Callable[[], object]) -> tuple[str, float | None] | None:
    """Return the limit that a call met, and the seconds to wait."""
    try:
        call()
    except QuotaExceededError as error:
        return error.limit, error.retry_after
    return None


def test_the_whole_number_may_be_used_at_once_and_is_given_back_evenly(
    make_store: StoreMaker, call: Callable[..., Any], clock: Clock
) -> None:
    sessions = SessionManager(100, make_store(), quota=Quota(messages="20/minute"))
    for number in range(20):
        call(sessions, "add_user_message", "s", str(number))
    for attempt in range(2):
        with pytest.raises(QuotaExceededError) as raised:
            call(sessions, "prompt", "s", "20")
        assert (raised.value.limit, raised.value.retry_after) == ("20 messages/minute", 3.0)
        assert len(contents(sessions)) == 20 + attempt
        call(sessions, "add_assistant_message", "s", "an answer")
    call(sessions, "add_user_message", "another session", "Hello")
    clock.now += 2_999
    with pytest.raises(QuotaExceededError, match=r"messages/minute is exceeded: try again in 0\.001 seconds"):
        call(sessions, "add_user_message", "s", "20")
    clock.now += 1
    assert len(call(sessions, "prompt", "s", "20")) == 23
    with pytest.raises(QuotaExceededError):
        call(sessions, "add_user_message", "s", "21")
    call(sessions, "reset_session", "s")
    call(sessions, "add_user_message", "s", "Hello")
    assert contents(sessions) == ["Hello"]


def test_tokens_of_all_messages_count_and_only_user_messages_are_refused(make_store: StoreMaker, clock: Clock) -> None:
    store = make_store()
    sessions = SessionManager(100, store, quota=Quota(tokens="100/day"), count_tokens=lambda each: len(each["content"]))  # type: ignore[arg-type]
    sessions.send_messages("s", [user("x" * 10), assistant("x" * 60)])
    assert refused(lambda: sessions.add_user_message("s", "x" * 31)) == ("100 tokens/day", 864.0)
    sessions.add_user_message("s", "x" * 30)
    sessions.add_assistant_message("s", "x" * 150)
    assert refused(lambda: sessions.add_user_message("s", "x")) == ("100 tokens/day", 151 * 864.0)
    assert refused(lambda: sessions.check_quota("s")) == ("100 tokens/day", 151 * 864.0)
    clock.now += 150 * 864_000
    assert refused(lambda: sessions.check_quota("s")) == ("100 tokens/day", 864.0)
    clock.now += 864_000
    sessions.check_quota("s")
    sessions.add_user_message("s", "x")
    assert len(contents(sessions)) == 5
    with pytest.raises(QuotaExceededError, match="is exceeded: this is more than the whole of it") as raised:
        sessions.add_user_message("another", "x" * 101)
    assert raised.value.retry_after is None
    assert store.describe("another") is None
    # Whoever has no quota is not refused, and uses nothing.
    SessionManager(100, store).add_user_message("s", "x" * 1000)
    assert refused(lambda: sessions.check_quota("s")) == ("100 tokens/day", 864.0)


def test_what_is_sent_again_is_counted_once_and_not_refused(make_store: StoreMaker, clock: Clock) -> None:
    sessions = SessionManager(100, make_store(), quota=Quota(messages="1/hour"))
    for _ in range(3):
        sessions.send_message("s", user("Hello"), idempotency_key="key")
    assert refused(lambda: sessions.send_message("s", user("Hello"), idempotency_key="other")) == (
        "1 messages/hour",
        3600,
    )
    clock.now -= 5_000  # of a writer that is behind
    assert refused(lambda: sessions.send_message("s", user("Hello"), idempotency_key="other")) == (
        "1 messages/hour",
        3605,
    )
    clock.now += 3_605_000
    sessions.send_message("s", user("Hello again"), idempotency_key="other")
    assert contents(sessions) == ["Hello", "Hello again"]


def test_64_writers_write_100_messages(make_store: StoreMaker, clock: Clock) -> None:
    sessions = SessionManager(1000, make_store(), quota=Quota(messages="100/minute", tokens="1_000_000/day"))

    async def write(writer: int) -> int:
        written = 0
        for number in range(2):
            with suppress(QuotaExceededError):
                await sessions.asend_message("s", user(f"{writer} {number}"))
                written += 1
        return written

    async def at_once() -> int:
        try:
            return sum(await asyncio.gather(*map(write, range(64))))
        finally:
            await sessions.store.aclose()

    assert asyncio.run(at_once()) == 100
    assert len(set(contents(sessions))) == 100


periods = st.sampled_from(sorted(PERIODS))
limits = st.builds(
    Limit, st.just("messages"), st.sampled_from([1, 2, 3, 7, 20, 100, 999]) | st.integers(1, 10**6), periods
)
token_limits = st.builds(
    Limit,
    st.just("tokens"),
    st.sampled_from([10, 1000, 100_000]) | st.integers(1, 10**7),
    st.sampled_from(sorted(PERIODS)),
)
amounts = st.integers(0, 5) | st.sampled_from([50, 1000, 10**6, 999_999_999])
claims = st.builds(
    lambda pairs, refusable: Claim(tuple((limit, amount) for limit, amount in pairs if limit), refusable),
    st.tuples(st.tuples(st.none() | limits, amounts), st.tuples(st.none() | token_limits, amounts)),
    st.booleans(),
)
steps = st.integers(-100_000, 100_000) | st.sampled_from(
    [0, 1, 1000, 60_000, 3_600_000, 86_400_000, -86_400_000, 10**11]
)


@pytest.mark.hypothesis
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(appends=st.lists(st.tuples(steps, claims), max_size=8))
@example([(0, Claim(((Limit("tokens", 9_999_991, "day"), 999_999_999),), False))] * 6)
def test_all_stores_agree_with_the_rule(redis_server: Server, tmp_path: Path, appends: list[tuple[int, Claim]]) -> None:
    stores = (
        InMemoryStore(),
        SQLiteStore(tmp_path / "chats.db"),
        RedisStore(redis_server.url, key_prefix="quotas:"),
    )
    with stopped() as clock:
        levels: tuple[Level, ...] = ()
        for store in stores:
            store.delete("s")
            store.append("s", [RECORD], Window(9), "first")
        for number, (step, claim) in enumerate(appends):
            clock.now = max(clock.now + step, 1)
            expected = refused(lambda: admit(levels, claim, clock.now))  # noqa: B023 - called at once
            for store in stores:
                append = lambda: store.append("s", [RECORD], Window(9), f"op{number}", quota=claim)  # noqa: B023, E731
                assert refused(append) == expected
            levels = levels if expected else admit(levels, claim, clock.now)
            for store in stores:
                assert {*store.describe("s").levels} == {*levels}  # type: ignore[union-attr]
    for store in stores:
        store.delete("s")
        store.close()


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 3)), max_size=60), st.sampled_from([3, 7, 20]))
def test_no_stretch_of_time_has_more_than_the_burst_and_the_rate(waits: list[tuple[int, int]], units: int) -> None:
    limit, now, admitted = Limit("messages", units, "second"), NOW, []
    levels: tuple[Level, ...] = ()
    for wait, amount in waits:
        now += wait
        with suppress(QuotaExceededError):
            levels = admit(levels, Claim(((limit, amount),), refusable=True), now)
            admitted.append((now, amount))
    for index, (start, _) in enumerate(admitted):
        for last in range(index, len(admitted)):
            used = sum(amount for _, amount in admitted[index : last + 1])
            assert used * 1000 <= units * 1000 + units * (admitted[last][0] - start)


@given(
    st.lists(
        st.builds(Level, st.sampled_from("mt"), *[st.integers(1, HIGHEST)] * 3), unique_by=lambda each: each.letter
    )
)
def test_the_text_of_levels_says_them(levels: list[Level]) -> None:
    assert levels_from(levels_text(levels)) == tuple(levels)


@pytest.mark.parametrize("text", ["m;", "m1:0:5;", "m1:2;", "x1:2:3;", f"t{'9' * 17}:1:1;", "m1:2:3", "t-1:2:3;"])
@pytest.mark.usefixtures("clock")
def test_a_level_that_is_damaged_is_none(redis_server: Server, tmp_path: Path, text: str) -> None:
    quota, expected = Quota(messages="2/hour", tokens="2/hour"), text == "m1:2:3"
    assert bool(levels_from(text)) == expected
    with RedisStore(redis_server.url, key_prefix="quotas:") as store, redis_server.client() as client:
        sessions = SessionManager(9, store, quota=quota, count_tokens=lambda _: 1)
        sessions.add_user_message("s", "1")
        meta = Keys("quotas:").all_of("s")[1]
        _, word, rest = client.get(meta).split(b" ", 2)
        assert word == b"m1800000:1800000:%d;t1800000:1800000:%d;" % (NOW, NOW)
        client.set(meta, b" ".join([b"3", text.removesuffix(";").encode() + b";", rest]))
        sessions.add_user_message("s", "2")
        sessions.add_user_message("s", "3")
        assert refused(lambda: sessions.add_user_message("s", "4")) is not None
        store.delete("s")
    with SQLiteStore(tmp_path / "chats.db") as store:
        sessions = SessionManager(9, store, quota=quota, count_tokens=lambda _: 1)
        sessions.add_user_message("s", "1")
        assert store._file._connection is not None
        store._file._connection.execute("UPDATE sessions SET quota = ?", (text,))
        sessions.add_user_message("s", "2")
        sessions.add_user_message("s", "3")
        assert refused(lambda: sessions.add_user_message("s", "4")) is not None


def test_a_quota_costs_no_command_and_no_byte_where_there_is_none(redis_server: Server) -> None:
    counts, sizes = [], []
    with redis_server.client() as client, RedisStore(redis_server.url, key_prefix="quotas:") as store:
        for quota in (None, Quota(messages="100/hour", tokens="1000000/day")):
            sessions = SessionManager(2, store, quota=quota)
            sessions.reset_session("s")
            for _ in range(3):
                sessions.send_messages("s", [user("q"), assistant("a")])
            client.config_resetstat()
            sessions.send_messages("s", [user("q"), assistant("a")])
            counts.append(executed(client))
            sizes.append(client.get(Keys("quotas:").all_of("s")[1])[:2])
        assert counts == [{"evalsha": 1, "get": 1, "lpop": 1, "rpush": 1, "set": 1}] * 2
        assert sizes == [b"2 ", b"3 "]
        sessions.reset_session("s")


@pytest.mark.parametrize(
    "limit",
    [
        "",
        "20",
        "20/",
        "/minute",
        "20/week",
        "0/minute",
        "-1/minute",
        "1.5/minute",
        "20 /minute",
        "9999999999999999/day",
    ],
)
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(ValueError, match="messages must be"):
        Quota(messages=limit)


def test_a_quota_is_checked_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="must limit something"):
        Quota()
    with pytest.raises(TypeError, match="tokens must be a str"):
        Quota(tokens=100)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a rounder or a smaller number"):
        Quota(tokens="99999989/day")
    quota: Any = "20/minute"
    with pytest.raises(TypeError, match="quota must be a Quota, got str"):
        SessionManager(quota=quota)
    assert [str(limit) for limit in Quota("20/minute", " 1_000_000_000/day").limits] == [
        "20 messages/minute",
        "1000000000 tokens/day",
    ]
    error = QuotaExceededError("20 messages/minute", 1.5)
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (copied.limit, copied.retry_after, str(copied)) == (error.limit, error.retry_after, str(error))


def test_edits_and_whole_sessions_are_not_limited(make_store: StoreMaker) -> None:
    sessions = SessionManager(2, make_store(), quota=Quota(messages="1/day"))
    sessions.send_messages("s", [user("q"), assistant("a")])
    sessions.set_system_message("s", "Be brief.")
    assert refused(lambda: sessions.add_user_message("s", "q")) is not None
    assert contents(sessions) == ["Be brief.", "q", "a"]
