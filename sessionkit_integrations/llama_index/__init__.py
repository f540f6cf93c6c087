"""Sessions in LlamaIndex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.llama_index.chat_stores import SessionKitAsyncChatStore, SessionKitChatStore
from sessionkit_integrations.llama_index.memory import SessionKitMemory

if TYPE_CHECKING:
    from sessionkit_integrations.llama_index.summarizing import summarizer

__all__ = ["SessionKitAsyncChatStore", "SessionKitChatStore", "SessionKitMemory", "summarizer"]

if not TYPE_CHECKING:  # where this would make any misspelled name an Any

    def __getattr__(name: str) -> Any:
        if name != "summarizer":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from sessionkit_integrations.llama_index.summarizing import summarizer  # noqa: PLC0415 - few summarise

        globals()[name] = summarizer
        return summarizer
