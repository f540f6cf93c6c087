"""Sessions in LangChain."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.langchain.history import HistoryFactory, SessionKitChatMessageHistory

if TYPE_CHECKING:
    from sessionkit_integrations.langchain.middleware import SessionKitMiddleware
    from sessionkit_integrations.langchain.recalling import recall_tool
    from sessionkit_integrations.langchain.summarizing import summarizer

__all__ = ["HistoryFactory", "SessionKitChatMessageHistory", "SessionKitMiddleware", "recall_tool", "summarizer"]

if not TYPE_CHECKING:  # where this would make any misspelled name an Any
    _LATER = {"SessionKitMiddleware": "middleware", "recall_tool": "recalling", "summarizer": "summarizing"}

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
        return value
