"""Models that turn texts into vectors: functions, and the objects of frameworks."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from llama_index.core import MockEmbedding

from sessionkit_integrations import Embed, EmbeddingError, InMemoryStore, SessionManager, StoreError
from sessionkit_integrations.sessions.embedding import EmbedAll
from tests.embeddings import WordLlamaEmbedding, WordLlamaEmbeddings, embed, one

if TYPE_CHECKING:
    from collections.abc import Callable

STORE = InMemoryStore()
TEXTS = ["I am allergic to peanuts.", "My order is late."]


async def aembed(texts: list[str]) -> Any:
    await asyncio.sleep(0)
    return embed(texts)


def returning_an_awaitable(texts: list[str]) -> Any:
    return aembed(texts)


def vectors(made: list[bytes]) -> Any:
    return np.stack([np.frombuffer(each, "<f4") for each in made])


MODELS = (embed, aembed, returning_an_awaitable, WordLlamaEmbeddings(), WordLlamaEmbedding())


@pytest.mark.parametrize("model", MODELS, ids=["function", "coroutine", "awaitable", "LangChain", "LlamaIndex"])
def test_any_model_serves_both_worlds(model: Any, call: Callable[..., Any]) -> None:
    chosen = Embed(model, name="wordllama")
    expected = embed(TEXTS)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    made = call(EmbedAll(chosen, TEXTS), "perform", STORE)
    assert np.allclose(vectors(made), expected, atol=1e-6)
    assert call(EmbedAll(chosen, TEXTS[:1], is_query=True), "perform", STORE) == pytest.approx(made[:1])


@pytest.mark.parametrize("model", MODELS[3:], ids=["LangChain", "LlamaIndex"])
def test_a_query_is_embedded_as_one(model: Any, call: Callable[..., Any]) -> None:
    model.asked.clear()
    call(EmbedAll(Embed(model), TEXTS), "perform", STORE)
    assert model.asked == []
    call(EmbedAll(Embed(model), ["nuts"], is_query=True), "perform", STORE)
    assert model.asked == ["nuts"]


async def test_no_event_loop_waits_for_a_plain_function() -> None:
    threads = []

    def noting(texts: list[str]) -> Any:
        threads.append(threading.current_thread())
        return embed(texts)

    await EmbedAll(Embed(noting, name="x"), TEXTS).aperform(STORE)
    assert [(thread.name, thread.daemon) for thread in threads] == [("sessionkit-embedding", True)]


async def test_an_asynchronous_model_is_awaited_in_a_loop() -> None:
    loops = []

    async def noting(texts: list[str]) -> Any:
        loops.append(asyncio.get_running_loop())
        return await aembed(texts)

    step = EmbedAll(Embed(noting, name="x"), TEXTS)
    await step.aperform(STORE)
    step.perform(STORE)
    assert loops[0] is asyncio.get_running_loop() is not loops[1]


def test_the_objects_of_frameworks_name_their_model() -> None:
    assert Embed(WordLlamaEmbeddings()).name == "wordllama"
    assert Embed(WordLlamaEmbedding()).name == "wordllama"
    assert Embed(WordLlamaEmbedding(model_name="other")).name == "other"
    assert Embed(WordLlamaEmbeddings(), name="mine").name == "mine"
    assert Embed(DeterministicFakeEmbedding(size=8), name="fake").batch == 64
    assert SessionManager(embed=WordLlamaEmbeddings())._embed.name == "wordllama"  # type: ignore[union-attr]
    chosen = Embed(WordLlamaEmbedding())
    assert SessionManager(embed=chosen)._embed is chosen


@pytest.mark.parametrize("model", [embed, DeterministicFakeEmbedding(size=8), MockEmbedding(embed_dim=4)])
def test_a_model_without_a_name_is_an_error_that_says_what_to_do(model: Any) -> None:
    with pytest.raises(ValueError, match=r"give the model a name, as in Embed\(model, name=…\)"):
        Embed(model)
    with pytest.raises(ValueError, match="give the model a name"):
        SessionManager(embed=model)


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ({"model": "text-embedding-3-small"}, TypeError, "model must be a function .*, got str"),
        ({"model": WordLlamaEmbeddings}, TypeError, "got the class WordLlamaEmbeddings"),
        ({"model": None}, TypeError, "got NoneType"),
        ({"name": 7}, TypeError, "name must be a string, got int"),
        ({"batch": 2.0}, TypeError, "batch must be a number of texts, got float"),
        ({"batch": 0}, ValueError, "batch must be at least 1, got 0"),
        ({"min_similarity": "high"}, TypeError, "min_similarity must be a number, got str"),
        ({"min_similarity": True}, TypeError, "got bool"),
        ({"min_similarity": 1.1}, ValueError, "min_similarity must be from -1 to 1, got 1.1"),
        ({"min_similarity": float("nan")}, ValueError, "got nan"),
    ],
)
def test_wrong_arguments_are_said_at_once(arguments: dict[str, Any], error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        Embed(**{"model": embed, "name": "x", **arguments})


def test_a_model_that_raises_is_an_error_with_its_own_as_the_cause(call: Callable[..., Any]) -> None:
    def failing(texts: list[str]) -> Any:
        raise OSError("secret")

    with pytest.raises(EmbeddingError, match=r"^embedding with 'x' raised OSError$") as caught:
        call(EmbedAll(Embed(failing, name="x"), TEXTS), "perform", STORE)
    assert isinstance(caught.value.__cause__, OSError)
    assert isinstance(caught.value, StoreError)


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (
            lambda texts: embed(texts)[:1],
            "embedding with 'x': the model must return a vector for each text, got 1 for 2",
        ),
        (lambda texts: embed(texts) * float("inf"), "a number that is not finite"),
        (lambda texts: [[1.0], [1.0, 2.0]], "vectors of one length"),
    ],
)
def test_what_are_no_vectors_is_an_error(model: Any, problem: str, call: Callable[..., Any]) -> None:
    with pytest.raises(EmbeddingError, match=problem):
        call(EmbedAll(Embed(model, name="x"), TEXTS), "perform", STORE)


def test_the_vector_of_a_query_is_checked_as_well(call: Callable[..., Any]) -> None:
    class Wrong(WordLlamaEmbeddings):
        def embed_query(self, text: str) -> Any:
            return [one(text)]

    with pytest.raises(EmbeddingError, match="got a list of float64 with 3 dimensions"):
        call(EmbedAll(Embed(Wrong()), ["nuts"], is_query=True), "perform", STORE)
