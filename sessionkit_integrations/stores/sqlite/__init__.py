"""Sessions in a SQLite file."""

from sessionkit_integrations.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
