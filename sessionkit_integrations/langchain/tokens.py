"""A counter of tokens by a chat model of LangChain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseLanguageModel

from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.records.unreadable import brief
from sessionkit_integrations.tokens.reading import MEDIA_TOKENS, without_media

if TYPE_CHECKING:
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.tokens.counted import CountTokens


def langchain_counter(model: BaseLanguageModel[Any]) -> CountTokens:
    """Return a counter by ``get_num_tokens_from_messages`` of a LangChain chat model, as `trim_messages` counts by.

    The model is given one message at a time, without images and other media; these count as for `approximate_tokens`.
    A model that asks its provider for each count makes each write wait for that, and may refuse a tool's result alone.

    Args:
        model: The model.

    Raises:
        TypeError: It is not a model of LangChain.

    Examples:
        >>> sessions = SessionManager(Window(turns=None, tokens=6000), count_tokens=langchain_counter(model))
    """
    if not isinstance(model, BaseLanguageModel):
        raise TypeError(f"model must be a chat model of LangChain, got {brief(model)}")
    return _Counter(model)


@dataclass(frozen=True)
class _Counter:
    model: BaseLanguageModel[Any]

    def __call__(self, message: Message) -> int:
        fields, media = without_media(message)
        tokens = self.model.get_num_tokens_from_messages([LangChainCodec().decode(fields)])
        return tokens + media * MEDIA_TOKENS
