"""Sessions in Redis, Valkey and Upstash. `RedisStore` is imported when it is first used, as it needs redis-py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessionkit_integrations.stores.redis.store import RedisStore

__all__ = ["RedisStore"]


if not TYPE_CHECKING:  # where it would make any misspelled name an Any

    def __getattr__(name: str) -> Any:
        if name != "RedisStore":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from sessionkit_integrations.stores.redis.store import RedisStore  # noqa: PLC0415 - imports the driver

        return RedisStore
