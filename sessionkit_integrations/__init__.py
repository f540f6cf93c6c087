"""Chat sessions that remember their last turns, for any chat API and inside frameworks.

Names are imported when they are first used, so that importing the package imports no framework and no driver. A star
import takes the names that the installed extras allow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessionkit_integrations.errors import (
        ConflictError,
        CorruptSessionError,
        EmbeddingError,
        InvalidMessageError,
        InvalidSessionIdError,
        MissingDependencyError,
        QuotaExceededError,
        RemovedClassError,
        SealError,
        SessionBusyError,
        SessionKitError,
        StoreError,
        StoreUnavailableError,
        SummaryError,
        VocabularyError,
    )
    from sessionkit_integrations.langchain.history import SessionKitChatMessageHistory
    from sessionkit_integrations.langchain.middleware import SessionKitMiddleware
    from sessionkit_integrations.llama_index.async_chat_store import SessionKitAsyncChatStore
    from sessionkit_integrations.llama_index.chat_stores import SessionKitChatStore
    from sessionkit_integrations.llama_index.memory import SessionKitMemory
    from sessionkit_integrations.openai_agents.session import SessionKitSession
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.sealing import Compress, Encrypt
    from sessionkit_integrations.records.summaries import SessionSummary
    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.search.hits import Hit, Hits
    from sessionkit_integrations.search.snippets import Snippet
    from sessionkit_integrations.sessions.embedding import Embed
    from sessionkit_integrations.sessions.live import Change
    from sessionkit_integrations.sessions.manager import SessionManager
    from sessionkit_integrations.sessions.quotas import Quota
    from sessionkit_integrations.sessions.resealing import Resealed
    from sessionkit_integrations.sessions.summaries import Summary
    from sessionkit_integrations.sessions.turns import Turn
    from sessionkit_integrations.stores.base import Store
    from sessionkit_integrations.stores.memory import InMemoryStore
    from sessionkit_integrations.stores.redis.store import RedisStore
    from sessionkit_integrations.stores.redis.upstash import UpstashStore
    from sessionkit_integrations.stores.sqlite.store import SQLiteStore
    from sessionkit_integrations.stores.state import SessionState
    from sessionkit_integrations.stores.values import (
        Appended,
        AppendOptions,
        Covered,
        Edit,
        Exchange,
        SessionInfo,
        Snapshot,
    )
    from sessionkit_integrations.view.session import SessionView
    from sessionkit_integrations.window.turns import Window

__version__ = "1.0.0rc1"

_MODULES = {
    "errors": (
        "ConflictError",
        "CorruptSessionError",
        "EmbeddingError",
        "InvalidMessageError",
        "InvalidSessionIdError",
        "MissingDependencyError",
        "RemovedClassError",
        "SealError",
        "SessionBusyError",
        "SessionKitError",
        "StoreError",
        "StoreUnavailableError",
        "VocabularyError",
        "SummaryError",
        "QuotaExceededError",
    ),
    "langchain.history": ("SessionKitChatMessageHistory",),
    "langchain.middleware": ("SessionKitMiddleware",),
    "llama_index.async_chat_store": ("SessionKitAsyncChatStore",),
    "llama_index.chat_stores": ("SessionKitChatStore",),
    "llama_index.memory": ("SessionKitMemory",),
    "openai_agents.session": ("SessionKitSession",),
    "search.hits": ("Hit", "Hits"),
    "search.snippets": ("Snippet",),
    "sessions.embedding": ("Embed",),
    "sessions.live": ("Change",),
    "sessions.manager": ("SessionManager",),
    "sessions.quotas": ("Quota",),
    "sessions.resealing": ("Resealed",),
    "sessions.summaries": ("Summary",),
    "sessions.turns": ("Turn",),
    "records.sealing": ("Compress", "Encrypt"),
    "records.summaries": ("SessionSummary",),
    "records.messages": ("Message",),
    "records.record": ("Record",),
    "records.usage": ("Usage",),
    "stores.base": ("Store",),
    "stores.values": ("Appended", "AppendOptions", "Covered", "Edit", "Exchange", "SessionInfo", "Snapshot"),
    "stores.memory": ("InMemoryStore",),
    "stores.redis.store": ("RedisStore",),
    "stores.sqlite.store": ("SQLiteStore",),
    "stores.state": ("SessionState",),
    "stores.redis.upstash": ("UpstashStore",),
    "view.session": ("SessionView",),
    "window.turns": ("Window",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

if TYPE_CHECKING:
    __all__ = [
        "AppendOptions",
        "Appended",
        "Change",
        "Compress",
        "ConflictError",
        "CorruptSessionError",
        "Covered",
        "Edit",
        "Embed",
        "EmbeddingError",
        "Encrypt",
        "Exchange",
        "Hit",
        "Hits",
        "InMemoryStore",
        "InvalidMessageError",
        "InvalidSessionIdError",
        "Message",
        "MissingDependencyError",
        "Quota",
        "QuotaExceededError",
        "Record",
        "RedisStore",
        "RemovedClassError",
        "Resealed",
        "SQLiteStore",
        "SealError",
        "SessionBusyError",
        "SessionInfo",
        "SessionKitAsyncChatStore",
        "SessionKitChatMessageHistory",
        "SessionKitChatStore",
        "SessionKitError",
        "SessionKitMemory",
        "SessionKitMiddleware",
        "SessionKitSession",
        "SessionManager",
        "SessionState",
        "SessionSummary",
        "SessionView",
        "Snapshot",
        "Snippet",
        "Store",
        "StoreError",
        "StoreUnavailableError",
        "Summary",
        "SummaryError",
        "Turn",
        "UpstashStore",
        "Usage",
        "VocabularyError",
        "Window",
    ]

else:  # where this would make any misspelled name an Any

    def __getattr__(name: str) -> Any:
        if name == "__all__":  # for a star import, which takes what the installed extras allow
            return [each for each in sorted(_HOME) if _is_available(each)]
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = _load(name)
        return value


def _load(name: str) -> Any:
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def _is_available(name: str) -> bool:
    from sessionkit_integrations.errors import MissingDependencyError  # noqa: PLC0415 - imported when it is first used

    try:
        _load(name)
    except MissingDependencyError:
        return False
    return True


def __dir__() -> list[str]:
    return sorted({name for name in globals() if name.startswith("__")} | set(_HOME) | {"__all__"})
