"""Sessions on Redis that the first release and this one write in turn, as while an application is rolled out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import (
    Message,
    Quota,
    QuotaExceededError,
    RedisStore,
    SessionManager,
    Summary,
    Usage,
    Window,
)
from sessionkit_integrations.records.record import now, role_of, tokens_of
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.window.turns import evict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.records.record import Record
    from tests.servers import Server

FIRST_RELEASE = (Path(__file__).parents[1] / "fixtures" / "append-1.lua").read_text(encoding="utf-8")
PREFIX = "releases:"
TURNS = 3


class FirstRelease:
    """A writer of the first release, with a window of so many turns."""

    def __init__(self, server: Server, turns: int, *, archive: bool) -> None:
        self.client = server.client()
        self.turns = turns
        self.archive = archive
        self._operations = 0

    def send_turn(self, number: int) -> None:
        letters, records = "uo", [message(role, number) for role in ("user", "assistant")]
        keys = Keys(PREFIX).all_of("s")[: 3 if self.archive else 2]
        self._operations += 1
        settings = f"{now()} {self.turns} 1000 0 {int(self.archive)} {letters}"
        arguments: list[Any] = [f"first{self._operations}", settings, *records]
        assert self.client.eval(FIRST_RELEASE, len(keys), *keys, *arguments) == 1


def message(role: str, number: int) -> str:
    return f'{{"role":"{role}","content":"{role} {number}","at":{now()}}}'


def turn(number: int) -> list[Message]:
    return [{"role": "user", "content": f"user {number}"}, {"role": "assistant", "content": f"assistant {number}"}]


@pytest.fixture
def old(redis_server: Server, request: pytest.FixtureRequest) -> Iterator[FirstRelease]:
    first = FirstRelease(redis_server, TURNS, archive=getattr(request, "param", False))
    yield first
    first.client.delete(*Keys(PREFIX).all_of("s"))
    first.client.close()


def test_each_applies_its_window_to_what_the_other_wrote(redis_server: Server, old: FirstRelease) -> None:
    window = Window(turns=4, trigger_turns=6, tokens=30, trigger_tokens=40)
    with RedisStore(redis_server.url, key_prefix=PREFIX) as store:
        sessions = SessionManager(window, store, count_tokens=lambda _: 4)
        before: list[Record] = []
        for number in range(40):
            is_new = number % 7 in {1, 2, 3, 5}
            if is_new:
                sessions.send_messages("s", turn(number))
            else:
                old.send_turn(number)
            after = list(store.read("s").records)
            expected, _ = evict([*before, *after[-2:]], window if is_new else Window(TURNS), role_of, tokens_of)
            assert after == expected
            assert store.read("s", start=-2).records[1].endswith(b"}")
            before = after


@pytest.mark.parametrize("old", [True, False], indirect=True, ids=["archive", "no archive"])
def test_what_waits_is_found_again_once_there_is_a_summary(redis_server: Server, old: FirstRelease) -> None:
    given: list[str] = []

    def summarize(previous: str | None, messages: list[Message]) -> str:
        del previous
        given.extend(str(each["content"]) for each in messages if each["role"] == "user")
        return "a summary"

    with RedisStore(redis_server.url, key_prefix=PREFIX, archive=old.archive) as store:
        sessions = SessionManager(TURNS, store, summary=Summary(summarize, every=2, background=False))
        for number in range(TURNS + 2):
            sessions.send_messages("s", turn(number))
        assert given == ["user 0", "user 1"]
        evicted_by_old = []
        for number in range(TURNS + 2, 30):
            if number % 4 == 0:
                old.send_turn(number)
                evicted_by_old.append(f"user {number - TURNS}")
            else:
                sessions.send_messages("s", turn(number))
        sessions.summarize("s")
        expected = [f"user {number}" for number in range(30 - TURNS)]
        # The first release drops what it evicts from a session without an archive, as it always did.
        assert given == (expected if old.archive else [each for each in expected if each not in evicted_by_old])
        summary = sessions.get_summary("s")
        assert summary is not None
        assert (summary.turns, summary.messages) == (len(given), 2 * len(given))


@pytest.mark.parametrize("old", [True], indirect=True, ids=["archive"])
def test_what_was_archived_before_there_were_summaries_does_not_wait(redis_server: Server, old: FirstRelease) -> None:
    given: list[str] = []

    def summarize(previous: str | None, messages: list[Message]) -> str:
        del previous
        given.extend(str(each["content"]) for each in messages if each["role"] == "user")
        return "a summary"

    with RedisStore(redis_server.url, key_prefix=PREFIX, archive=True) as store:
        for number in range(8):
            old.send_turn(number)
        sessions = SessionManager(TURNS, store, summary=Summary(summarize, every=2, background=False))
        for number in range(8, 11):
            sessions.send_messages("s", turn(number))
        assert given == ["user 5", "user 6"]
        old.send_turn(11)
        sessions.send_messages("s", turn(12))
        sessions.summarize("s")
        assert given == [f"user {number}" for number in range(5, 13 - TURNS)]


def test_the_first_release_forgets_usage_and_quota_and_nothing_else(redis_server: Server, old: FirstRelease) -> None:
    usage = {"input": 10, "output": 1}
    reply: Message = {"role": "assistant", "content": "Hi", "usage": usage}
    with RedisStore(redis_server.url, key_prefix=PREFIX) as store:
        sessions = SessionManager(TURNS, store, quota=Quota(messages="1/day"))
        sessions.send_messages("s", [{"role": "user", "content": "Hello"}, reply])
        with pytest.raises(QuotaExceededError):
            sessions.add_user_message("s", "Hello?")
        old.send_turn(1)
        assert [message["content"] for message in sessions.get_session("s")] == ["Hello", "Hi", "user 1", "assistant 1"]
        sessions.send_messages("s", [{"role": "user", "content": "Hello again"}, reply])
        info = sessions.describe("s")
        assert info is not None
        assert (info.turns, info.usage) == (3, (Usage(10, 1),))
        with pytest.raises(QuotaExceededError):
            sessions.add_user_message("s", "Hello?")
