"""Counters of tokens, each a callable from a message to an integer.

`approximate_tokens` is the default. A counter is called once for each message, when it is written.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.tokens.approximate import approximate_tokens
from sessionkit_integrations.tokens.counted import CountTokens, counted

if TYPE_CHECKING:
    from sessionkit_integrations.langchain.tokens import langchain_counter
    from sessionkit_integrations.llama_index.tokens import llama_index_counter
    from sessionkit_integrations.tokens.vocabulary import tiktoken_counter

__all__ = [
    "CountTokens",
    "approximate_tokens",
    "counted",
    "langchain_counter",
    "llama_index_counter",
    "tiktoken_counter",
]

if not TYPE_CHECKING:  # where this would make any misspelled name an Any
    _MODULES = {
        "langchain_counter": "langchain.tokens",
        "llama_index_counter": "llama_index.tokens",
        "tiktoken_counter": "tokens.vocabulary",
    }
    """Modules of the counters that need other packages; they are imported when they are first used."""

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        package = __name__.partition(".")[0]
        value = globals()[name] = getattr(import_module(f"{package}.{_MODULES[name]}"), name)
        return value
