"""Usage that is added up in a session's meta by the write itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessionkit_integrations import (
    InMemoryStore,
    InvalidMessageError,
    Message,
    RedisStore,
    SessionManager,
    Store,
    Usage,
    Window,
)
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.stores.totals import add_up, totals_from, totals_text
from sessionkit_integrations.testing.surface import reported
from tests.stores.test_scripted import executed, user

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import StoreMaker
    from tests.servers import Server

_tokens = st.integers(0, 10**9 - 1)
_models = st.none() | st.text(min_size=1, max_size=8).filter(str.isprintable) | st.sampled_from(["gpt-5", "gpt-5-mini"])
usages = st.builds(Usage, _tokens, _tokens, _tokens, _tokens, _models)


def reply(tokens_in: int, tokens_out: int, model: str | None = "gpt-5") -> Message:
    usage: dict[str, Any] = {"input": tokens_in, "output": tokens_out}
    return {"role": "assistant", "content": "Hi", "usage": usage if model is None else {**usage, "model": model}}


class FiveMethods(InMemoryStore):
    """A store that leaves describing to the default."""

    describe = Store.describe
    adescribe = Store.adescribe


def totals(sessions: SessionManager) -> object:
    info = sessions.describe("s")
    return info and info.usage


@pytest.mark.parametrize("archive", [False, True])
def test_usage_outlives_the_messages_that_said_it(
    make_store: StoreMaker, call: Callable[..., Any], archive: bool
) -> None:
    sessions = SessionManager(2, make_store(archive=archive))
    for number in range(1, 5):
        call(sessions, "send_messages", "s", [user("q"), reply(10 * number, number), reply(1, 1, None)])
    expected = (Usage(100, 10, model="gpt-5"), Usage(4, 4))
    assert call(sessions, "describe", "s").usage == expected
    # Edits take nothing back, as the tokens were used, and count nothing.
    call(sessions, "set_system_message", "s", "Be brief.")
    assert call(sessions, "describe", "s").usage == expected
    messages = call(sessions, "get_session", "s")
    assert [message.keys() for message in messages] == [{"role", "content"}] * 7
    call(sessions, "reset_session", "s")
    call(sessions, "send_messages", "s", [user("q"), reply(1, 2, "other")])
    assert call(sessions, "describe", "s").usage == (Usage(1, 2, model="other"),)


def test_usage_is_added_by_prompts_and_once_by_what_is_sent_again(make_store: StoreMaker) -> None:
    sessions = SessionManager(2, make_store())
    for _ in range(3):
        sessions.send_messages("s", [user("q"), reply(10, 1)], idempotency_key="key")
    assert totals(sessions) == (Usage(10, 1, model="gpt-5"),)
    many = [reply(1, 0) for _ in range(64)]

    async def at_once() -> None:
        await asyncio.gather(*(sessions.asend_message("s", message) for message in many))

    asyncio.run(at_once())
    assert totals(sessions) == (Usage(74, 1, model="gpt-5"),)


def test_a_store_of_five_methods_adds_up_what_is_there() -> None:
    sessions = SessionManager(1, FiveMethods())
    for _ in range(2):
        sessions.send_messages("s", [user("q"), reply(10, 1), reply(2, 2, None)])
    assert totals(sessions) == (Usage(10, 1, model="gpt-5"), Usage(2, 2))


@pytest.mark.hypothesis
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(usages, max_size=3), max_size=6))
def test_scripts_add_as_the_pure_function_does(redis_server: Server, batches: list[list[Usage]]) -> None:
    stores = InMemoryStore(), RedisStore(redis_server.url, key_prefix="usages:")
    for store in stores:
        store.delete("s")
        store.append("s", [reported(Usage())], Window(1), "first")
        for number, batch in enumerate(batches):
            store.append("s", [reported(Usage())], Window(1), f"op{number}", usage=add_up(batch))
        info = store.describe("s")
        assert info is not None
        assert info.usage == add_up(usage for batch in batches for usage in batch)
    stores[1].delete("s")
    stores[1].close()


@given(st.lists(usages))
def test_the_text_of_totals_says_them(said: list[Usage]) -> None:
    found = add_up(said)
    assert totals_from(totals_text(found)) == found
    assert sum(found, Usage()) == sum(said, Usage())


def test_usage_costs_no_command(redis_server: Server) -> None:
    counts = []
    with redis_server.client() as client, RedisStore(redis_server.url, key_prefix="usages:") as store:
        sessions = SessionManager(2, store)
        for message in (Message(role="assistant", content="Hi"), reply(10, 1)):
            sessions.reset_session("s")
            for _ in range(3):
                sessions.send_messages("s", [user("q"), message])
            client.config_resetstat()
            sessions.send_messages("s", [user("q"), message])
            counts.append(executed(client))
            client.config_resetstat()
        assert counts == [{"evalsha": 1, "get": 1, "lpop": 1, "rpush": 1, "set": 1}] * 2
        assert b"ugpt-5:40:4:0:0,;" in client.get(Keys("usages:").all_of("s")[1])
        sessions.reset_session("s")


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"input": 1},
        {"input": 1, "output": "2"},
        {"input": 1, "output": True},
        {"input": -1, "output": 2},
        {"input": 1, "output": 10**9},
        {"input": 1, "output": 2, "cached": None},
        {"input": 1, "output": 2, "model": ""},
        {"input": 1, "output": 2, "model": "a\nb"},
        {"input": 1, "output": 2, "model": "m" * 201},
        {"input": 1, "output": 2, "total": 3},
        {"prompt_tokens": 1, "completion_tokens": 2},
        Usage(1, 2),
    ],
)
def test_usage_of_another_shape_is_refused(usage: Any) -> None:
    sessions = SessionManager()
    with pytest.raises(InvalidMessageError, match="usage: must be a dict with the numbers of input and output tokens"):
        sessions.send_message("s", {"role": "assistant", "content": "Hi", "usage": usage})
    assert sessions.describe("s") is None
