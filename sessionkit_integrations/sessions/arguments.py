"""Arguments of a manager, checked before anything is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.stores.base import Store

if TYPE_CHECKING:
    from sessionkit_integrations.sessions.embedding import Embed, Model
    from sessionkit_integrations.sessions.quotas import Quota
    from sessionkit_integrations.tokens import CountTokens


def checked_counter(count_tokens: CountTokens | None) -> CountTokens | None:
    """Return a counter of tokens, or raise `TypeError` if it is not one."""
    if count_tokens is not None and not callable(count_tokens):
        raise TypeError(f"count_tokens must be a callable, got {type_name(count_tokens)}")
    return count_tokens


def checked_embed(embed: Embed | Model | None) -> Embed | None:
    """Return the model that embeds, as an `Embed`, or raise `TypeError` if it is not one."""
    if embed is None:
        return None
    # Imported where meaning counts.
    from sessionkit_integrations.sessions.embedding import Embed  # noqa: PLC0415

    return Embed.of(embed)


def checked_quota(quota: Quota | None) -> Quota | None:
    """Return a quota, or raise `TypeError` if it is not one."""
    if quota is None:
        return None
    # Imported where there is one.
    from sessionkit_integrations.sessions.quotas import Quota  # noqa: PLC0415

    if not isinstance(quota, Quota):
        raise TypeError(f'quota must be a Quota, got {type_name(quota)}; make one with Quota(messages="20/minute")')
    return quota


def check_store(memory_window: object, store: object) -> None:
    """Raise `TypeError` unless a store is one, or ``None``, and is not in the place of the window."""
    # Only the types are named: a URL in a wrong place may hold a password.
    if isinstance(memory_window, Store):
        raise TypeError(
            f"memory_window must be a number of turns or a Window, got {type_name(memory_window)}; pass it as store="
        )
    if store is not None and not isinstance(store, Store):
        hint = "; from_url takes the URL of one" if isinstance(store, str) else ""
        raise TypeError(f"store must be an instance of a Store, got {type_name(store)}{hint}")


def type_name(value: object) -> str:
    """Return the name of a value's type, for an error."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
