"""Models that turn texts into vectors: functions, and the embeddings of LangChain and LlamaIndex."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from sessionkit_integrations.errors import EmbeddingError
from sessionkit_integrations.runtime.calling import acall, call
from sessionkit_integrations.search.vectors import checked_vectors
from sessionkit_integrations.sessions.steps import StoreStep

if TYPE_CHECKING:
    from sessionkit_integrations.stores.base import Store

EmbedTexts = Callable[["list[str]"], "Any | Awaitable[Any]"]
"""A function that returns a vector for each of some texts, plain or asynchronous."""


class LangChainEmbeddings(Protocol):
    """An ``Embeddings`` of LangChain."""

    def embed_documents(self, texts: list[str], /) -> Any:
        """Return the vectors of texts that are searched."""

    def embed_query(self, text: str, /) -> Any:
        """Return the vector of a query."""


class LlamaIndexEmbedding(Protocol):
    """A ``BaseEmbedding`` of LlamaIndex."""

    def get_text_embedding_batch(self, texts: list[str], /) -> Any:
        """Return the vectors of texts that are searched."""

    def get_query_embedding(self, query: str, /) -> Any:
        """Return the vector of a query."""


Model: TypeAlias = "EmbedTexts | LangChainEmbeddings | LlamaIndexEmbedding"
"""A model that turns texts into vectors."""

_METHODS = (
    ("embed_documents", "embed_query"),  # LangChain's
    ("get_text_embedding_batch", "get_query_embedding"),  # LlamaIndex's
)
"""Methods of the embeddings of frameworks: for texts that are searched, and for a query. Each has an ``a`` twin."""
_NAMES = ("model_name", "model", "model_id")
"""Attributes in which they name their model."""
_UNNAMED = "unknown"
"""The name of a model of LlamaIndex that was given none."""


@dataclass(frozen=True)
class Embed:
    """A model that turns texts into vectors, with which a search finds what a query means; see `SessionManager`.

    Args:
        model: A function that returns a vector, a list of numbers or an array, for each of a list of texts; plain or
            asynchronous. Or an ``Embeddings`` of LangChain, or a ``BaseEmbedding`` of LlamaIndex.
        name: The name of the model. Vectors are kept under it, and vectors of different names are never compared, so
            change it with whatever changes the vectors. ``None`` takes the one that LangChain's or LlamaIndex's object
            has.
        batch: Most texts that the model is given at once.
        min_similarity: Cosine above which a text counts as near, from -1 to 1. It depends on the model.

    Raises:
        MissingDependencyError: NumPy is not installed.
        TypeError: ``model`` is none of these, or another argument has a wrong type.
        ValueError: The model has no name, or another argument has a wrong value.

    Examples:
        >>> sessions = SessionManager(embed=Embed(OpenAIEmbeddings(model="text-embedding-3-small")))
    """

    model: Model
    name: str = field(default="", kw_only=True)
    batch: int = field(default=64, kw_only=True)
    min_similarity: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.model, type) or not (callable(self.model) or _methods_of(self.model)):
            kind = f"the class {self.model.__name__}" if isinstance(self.model, type) else type(self.model).__name__
            raise TypeError(
                f"model must be a function of a list of texts, or an Embeddings of LangChain or a BaseEmbedding of"
                f" LlamaIndex, got {kind}"
            )
        if not isinstance(self.name, str):
            raise TypeError(f"name must be a string, got {type(self.name).__name__}")
        if type(self.batch) is not int:
            raise TypeError(f"batch must be a number of texts, got {type(self.batch).__name__}")
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1, got {self.batch}")
        if isinstance(self.min_similarity, bool) or not isinstance(self.min_similarity, (int, float)):
            raise TypeError(f"min_similarity must be a number, got {type(self.min_similarity).__name__}")
        if not -1 <= self.min_similarity <= 1:
            raise ValueError(f"min_similarity must be from -1 to 1, got {self.min_similarity}")
        if not self.name:
            object.__setattr__(self, "name", _name_of(self.model))

    @classmethod
    def of(cls, value: Embed | Model) -> Embed:
        """Return a value as an `Embed`, which it is or is made into."""
        return value if isinstance(value, Embed) else cls(value)


@dataclass(frozen=True)
class EmbedAll(StoreStep["list[bytes]"]):
    """Turns texts into vectors.

    Attributes:
        embed: The model.
        texts: The texts.
        is_query: Whether they are the one text of a query, which some models treat otherwise.

    Raises:
        EmbeddingError: The model raised, or returned what are no vectors.
    """

    embed: Embed
    texts: Sequence[str]
    is_query: bool = False

    def perform(self, store: Store) -> list[bytes]:
        """See `StoreStep.perform`."""
        del store
        function = self._function("")
        try:
            returned = call(function)
        except Exception as error:
            raise self._failed(error) from error
        return self._checked(returned)

    async def aperform(self, store: Store) -> list[bytes]:
        """See `StoreStep.perform`."""
        del store
        function = self._function("a")
        try:
            is_coroutine = inspect.iscoroutinefunction(function.func)
            returned = await acall(function, is_coroutine=is_coroutine, thread="sessionkit-embedding")
        except Exception as error:
            raise self._failed(error) from error
        return self._checked(returned)

    def _function(self, prefix: str) -> partial[Any]:
        model: Any = self.embed.model
        methods = _methods_of(model)
        if methods is None:
            return partial(model, list(self.texts))
        name = methods[self.is_query]
        method = getattr(model, f"{prefix}{name}", None) or getattr(model, name)
        return partial(method, self.texts[0] if self.is_query else list(self.texts))

    def _checked(self, returned: Any) -> list[bytes]:
        if self.is_query and _methods_of(self.embed.model):
            returned = [returned]
        try:
            return checked_vectors(returned, len(self.texts))
        except EmbeddingError as error:
            raise EmbeddingError(f"embedding with {self.embed.name!r}: {error}") from error.__cause__

    def _failed(self, error: Exception) -> EmbeddingError:
        return EmbeddingError(f"embedding with {self.embed.name!r} raised {type(error).__name__}")


def _methods_of(model: object) -> tuple[str, str] | None:
    """Return the names of the methods of a framework's object; ``None`` if it is not one."""
    for methods in _METHODS:
        if all(callable(getattr(model, each, None)) for each in methods):
            return methods
    return None


def _name_of(model: object) -> str:
    if _methods_of(model):
        for attribute in _NAMES:
            name = getattr(model, attribute, None)
            if isinstance(name, str) and name and name != _UNNAMED:
                return name
    raise ValueError(
        f"give the model a name, as in Embed(model, name=…): {type(model).__name__} has none, and without one nobody"
        " notices that the vectors that are kept are another model's"
    )
