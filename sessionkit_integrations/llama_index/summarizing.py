"""A summarizer by an LLM of LlamaIndex."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.llms import ChatMessage, MessageRole

from sessionkit_integrations.adapting.summary_prompt import PROMPT, ModelSummarizer, without_thoughts
from sessionkit_integrations.records.unreadable import brief

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.messages import Message


def summarizer(llm: BaseLLM, *, prompt: str = PROMPT) -> LlamaIndexSummarizer:
    """Return a summarizer by an LLM of LlamaIndex, for `Summary`.

    The LLM is told what to do in a system message, and given the conversation as the text of one user message. It is
    given no tools.

    Args:
        llm: The LLM.
        prompt: The instructions; they replace the default, `adapting.summary_prompt.PROMPT`.

    Raises:
        TypeError: ``llm`` is not an LLM, or ``prompt`` is not a text.
        ValueError: ``prompt`` is empty.

    Examples:
        >>> sessions = SessionManager(10, store, summary=Summary(summarizer(OpenAI(model="gpt-5-mini"))))
    """
    if not isinstance(llm, BaseLLM):
        raise TypeError(f"llm must be an LLM of LlamaIndex, got {brief(llm)}")
    return LlamaIndexSummarizer(llm, prompt)


class LlamaIndexSummarizer(ModelSummarizer):
    """A summarizer by an LLM of LlamaIndex; `summarizer` makes one."""

    def __call__(self, previous: str | None, messages: Sequence[Message]) -> str:
        """Return the text of the next summary; see `Summarize`."""
        return _text(self.model.chat(self._request(previous, messages)).message)

    async def asummarize(self, previous: str | None, messages: Sequence[Message]) -> str:
        """See `__call__`."""
        return _text((await self.model.achat(self._request(previous, messages))).message)

    def _request(self, previous: str | None, messages: Sequence[Message]) -> list[ChatMessage]:
        told = self.tell(previous, messages)
        return [
            ChatMessage(role=MessageRole.SYSTEM, content=told.instructions),
            ChatMessage(role=MessageRole.USER, content=told.data),
        ]


def _text(answer: ChatMessage) -> str:
    return without_thoughts(answer.content or "")
