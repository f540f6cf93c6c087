"""The Redis histories of LangChain and LlamaIndex under the same lost commands and replies."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import redis

from sessionkit_integrations import RedisStore, SessionManager
from tests.faults.helpers.appending import append
from tests.faults.helpers.framing import Resp
from tests.faults.helpers.proxy import CUTS, Faults, FaultyProxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import Backends

    History = tuple[Callable[[int, str], object], Callable[[], list[Any]], Callable[[], object]]

SEED = 20251124
EACH = 100 if int(redis.__version__.split(".")[0]) in {6, 7} else 1000  # their default waits a second for each retry


def ours(url: str) -> History:
    sessions = SessionManager(10 * EACH, RedisStore(url))
    sessions.reset_session("s")
    return (
        lambda _, content: sessions.add_user_message("s", content),
        lambda: [each["content"] for each in sessions.get_session("s")],
        sessions.close,
    )


def of_langchain(url: str) -> History:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated
        histories = import_module("langchain_community.chat_message_histories")
        history = histories.RedisChatMessageHistory("s", url)
    return (
        lambda _, content: history.add_user_message(content),
        lambda: [message.content for message in history.messages],
        history.redis_client.close,
    )


def of_llama_index(url: str, **options: Any) -> History:
    stores = import_module("llama_index.storage.chat_store.redis")
    core = import_module("llama_index.core.llms")
    store = stores.RedisChatStore(url, **options)

    def send(_: int, content: str) -> None:
        store.add_message("llama", core.ChatMessage(content=content))

    def read() -> list[Any]:
        return [message.content for message in store.get_messages("llama")]

    return send, read, store._redis_client.close


def of_llama_index_with_a_default_client(url: str) -> History:
    return of_llama_index(url, redis_client=redis.Redis(port=int(url.rpartition(":")[2])))


def test_they_store_messages_twice_or_lose_them(backends: Backends) -> None:
    lines, twice, raised = [f"seed {SEED}"], [], []
    for make in (ours, of_langchain, of_llama_index, of_llama_index_with_a_default_client):
        with backends.server("redis-8.2").client() as client:
            client.delete("message_store:s", "llama")
        faults = Faults(SEED, CUTS)
        with FaultyProxy(backends.server("redis-8.2").port, Resp(), faults) as proxy:
            send, read, close = make(f"redis://127.0.0.1:{proxy.port}")
            outcome = append(send, writers=1, each=EACH, errors=(Exception,))
            faults.active = False
            found = read()
            lines.append(outcome.figures(found, faults, make.__name__))
            twice.append(len(found) - len(set(found)))
            raised.append(len(outcome.raised))
            close()
    print("\n".join(lines))
    assert twice[0] == 0
    assert raised[0] <= EACH // 100
    # Those that raised were lost, unless they are there: then the caller who tries again stores them twice.
    assert min(raised[1:3]) > EACH // 50
    assert twice[3] + raised[3] > EACH // 50
