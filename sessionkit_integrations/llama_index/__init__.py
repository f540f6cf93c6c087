"""Sessions in LlamaIndex."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.llama_index.async_chat_store import SessionKitAsyncChatStore
from sessionkit_integrations.llama_index.chat_stores import SessionKitChatStore
from sessionkit_integrations.llama_index.memory import SessionKitMemory

if TYPE_CHECKING:
    from sessionkit_integrations.llama_index.recalling import recall_tool
    from sessionkit_integrations.llama_index.steps import save_steps
    from sessionkit_integrations.llama_index.summarizing import summarizer
    from sessionkit_integrations.llama_index.usage import with_usage

__all__ = [
    "SessionKitAsyncChatStore",
    "SessionKitChatStore",
    "SessionKitMemory",
    "recall_tool",
    "save_steps",
    "summarizer",
    "with_usage",
]

if not TYPE_CHECKING:  # where this would make any misspelled name an Any
    _MODULES = {  # few use them
        "recall_tool": "recalling",
        "save_steps": "steps",
        "summarizer": "summarizing",
        "with_usage": "usage",
    }

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value
