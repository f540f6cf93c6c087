"""Sessions in LlamaIndex."""

from sessionkit_integrations.llama_index.chat_stores import SessionKitAsyncChatStore, SessionKitChatStore

__all__ = ["SessionKitAsyncChatStore", "SessionKitChatStore"]
