"""Counters by the vocabularies of OpenAI's models."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import MissingDependencyError, VocabularyError
from sessionkit_integrations.records.unreadable import brief
from sessionkit_integrations.tokens.reading import count_message

try:
    import tiktoken
    from tiktoken import registry
except ImportError as error:
    raise MissingDependencyError("tiktoken_counter", "tokens") from error

if TYPE_CHECKING:
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.tokens.counted import CountTokens

_LONGEST = 10_000
"""Characters that are encoded at once. A word of a million letters, or as many spaces, is more than tiktoken stands."""
_LOADER = "load_tiktoken_bpe"
"""Function of tiktoken that its definitions of encodings load a vocabulary with."""


def tiktoken_counter(encoding: str = "o200k_base") -> CountTokens:
    """Return a counter by a vocabulary of OpenAI's models, loaded once in a process.

    Its file comes with llama-index-core, or from tiktoken's cache; else tiktoken downloads it.

    Args:
        encoding: The name of the vocabulary: ``o200k_base`` for GPT-4o and later, ``cl100k_base`` for GPT-4 and
            GPT-3.5, or another one that tiktoken knows.

    Raises:
        MissingDependencyError: tiktoken is not installed.
        ValueError: There is no such encoding.
        VocabularyError: The file is neither here nor can it be downloaded.

    Examples:
        >>> count = tiktoken_counter()
        >>> count({"role": "user", "content": "What is the weather in Paris?"})
        11
    """
    _load(encoding)
    return _Counter(encoding)


@dataclass(frozen=True)
class _Counter:
    """A counter; it is pickled by name."""

    encoding: str

    def __call__(self, message: Message) -> int:
        return count_message(message, self._count_text)

    def _count_text(self, text: str) -> int:
        encode = _load(self.encoding).encode_ordinary  # special tokens in a text are text
        if len(text) <= _LONGEST:
            return len(encode(text))
        return sum(len(encode(text[start : start + _LONGEST])) for start in range(0, len(text), _LONGEST))


@cache
def _load(name: str) -> tiktoken.Encoding:
    names = tiktoken.list_encoding_names()
    if name not in names:
        raise ValueError(f"encoding must be one of {', '.join(sorted(names))}, got {brief(name)}")
    folder = _installed_files()
    try:
        if folder is None or name in registry.ENCODINGS:
            return tiktoken.get_encoding(name)
        return _load_from(folder, name)
    except Exception as error:
        raise VocabularyError(name) from error


def _load_from(folder: Path, name: str) -> tiktoken.Encoding:
    """Return an encoding with its vocabulary from a folder of files that are named as in tiktoken's cache.

    tiktoken takes the folder of its cache from the environment, which all threads share, and may write into it. So its
    definition of the encoding is called with another loader instead of its own.
    """
    define = (registry.ENCODING_CONSTRUCTORS or {})[name]
    names = getattr(define, "__globals__", {})
    load = names.get(_LOADER)
    if not isinstance(define, FunctionType) or load is None:
        return tiktoken.get_encoding(name)

    def load_from_folder(url: str, expected_hash: str | None = None) -> dict[bytes, int]:
        file = folder / hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()
        content = file.read_bytes() if file.exists() else b""
        if hashlib.sha256(content).hexdigest() != expected_hash:
            ranks: dict[bytes, int] = load(url, expected_hash)
            return ranks
        return {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, content.splitlines())}

    return tiktoken.Encoding(**FunctionType(define.__code__, {**names, _LOADER: load_from_folder})())


def _installed_files() -> Path | None:
    """Return the folder of the vocabularies that are installed with LlamaIndex, which is not imported for that."""
    try:
        spec = find_spec("llama_index")
    except (ImportError, ValueError):
        return None
    places = spec.submodule_search_locations if spec is not None else None
    folders = (Path(place, "core", "_static", "tiktoken_cache") for place in places or ())
    return next((folder for folder in folders if folder.is_dir()), None)
