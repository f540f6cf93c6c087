"""Sessions in LangChain."""

from sessionkit_integrations.langchain.history import HistoryFactory, SessionKitChatMessageHistory

__all__ = ["HistoryFactory", "SessionKitChatMessageHistory"]
