"""Counters of tokens, each a callable from a message to an integer.

`approximate_tokens` is the default. A counter is called once for each message, when it is written.
"""

from sessionkit_integrations.tokens.approximate import approximate_tokens
from sessionkit_integrations.tokens.counted import CountTokens, counted

__all__ = ["CountTokens", "approximate_tokens", "counted"]
