"""Sessions in LlamaIndex."""

from sessionkit_integrations.llama_index.chat_stores import SessionKitAsyncChatStore, SessionKitChatStore
from sessionkit_integrations.llama_index.memory import SessionKitMemory

__all__ = ["SessionKitAsyncChatStore", "SessionKitChatStore", "SessionKitMemory"]
