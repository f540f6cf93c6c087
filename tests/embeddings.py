"""Models that turn texts into vectors, for tests: a small real one, and frameworks' objects made of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import wordllama
from langchain_core.embeddings import Embeddings
from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import Field


@cache
def model() -> Any:
    """Return the model, whose weights and vocabulary are in its wheel."""
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True)


def embed(texts: list[str]) -> Any:
    """Return the vectors of texts, as an array."""
    return model().embed(texts)


def one(text: str) -> list[float]:
    """Return the vector of a text, as a list."""
    return [float(each) for each in embed([text])[0]]


class Noting:
    """A function that notes what it is given.

    Args:
        fails: The call that raises, counted from 1; it is noted as well.
    """

    def __init__(self, *, fails: int = 0) -> None:
        self.batches: list[list[str]] = []
        self._fails = fails

    def __call__(self, texts: list[str]) -> Any:
        self.batches.append(texts)
        if len(self.batches) == self._fails:
            raise OSError("the model is out of reach")
        return embed(texts)

    @property
    def texts(self) -> list[str]:
        """All texts that it was given."""
        return [text for batch in self.batches for text in batch]


class WordLlamaEmbeddings(Embeddings):
    """The model as LangChain knows embeddings."""

    model = "wordllama"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [one(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        self.asked.append(text)
        return one(text)


class WordLlamaEmbedding(BaseEmbedding):
    """The model as LlamaIndex knows embeddings."""

    model_name: str = "wordllama"
    asked: list[str] = Field(default_factory=list)

    def _get_text_embedding(self, text: str) -> list[float]:
        return one(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        self.asked.append(query)
        return one(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


WORDLLAMA = WordLlamaEmbeddings()
"""The model, as a command line names it."""
