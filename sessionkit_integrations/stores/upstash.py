"""Sessions in Upstash Redis, by their public name."""

from sessionkit_integrations.stores.redis.upstash import UpstashStore

__all__ = ["UpstashStore"]
