"""A counter of tokens by a tokenizer of LlamaIndex."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llama_index.core.utils import get_tokenizer

from sessionkit_integrations.records.unreadable import brief
from sessionkit_integrations.tokens.reading import count_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.tokens.counted import CountTokens


def llama_index_counter(tokenizer: Callable[[str], Sized] | None = None) -> CountTokens:
    """Return a counter by a tokenizer of LlamaIndex: texts, tool calls, and a flat figure for images and other media.

    Args:
        tokenizer: A callable from a text to its tokens; without one, LlamaIndex's global tokenizer.

    Raises:
        TypeError: It is not callable.

    Examples:
        >>> sessions = SessionManager(Window(turns=None, tokens=6000), count_tokens=llama_index_counter(str.split))
    """
    if tokenizer is not None and not callable(tokenizer):
        raise TypeError(f"tokenizer must be a callable from a text to its tokens, got {brief(tokenizer)}")
    chosen: Callable[[str], Any] = get_tokenizer() if tokenizer is None else tokenizer
    return _Counter(chosen)


@dataclass(frozen=True)
class _Counter:
    tokenizer: Callable[[str], Sized]

    def __call__(self, message: Message) -> int:
        return count_message(message, self._count_text)

    def _count_text(self, text: str) -> int:
        return len(self.tokenizer(text))
