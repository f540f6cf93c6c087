"""A summarizer by a chat model of LangChain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable

from sessionkit_integrations.adapting.summary_prompt import PROMPT, ModelSummarizer, without_thoughts
from sessionkit_integrations.records.unreadable import brief

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.runnables import RunnableConfig

    from sessionkit_integrations.records.messages import Message


def summarizer(model: Runnable[Any, Any], *, prompt: str = PROMPT) -> LangChainSummarizer:
    """Return a summarizer by a chat model of LangChain, for `Summary`.

    The model is told what to do in a system message, and given the conversation as the text of one user message. It is
    given no tools, and its tokens appear in no stream of the run in which a summary happens to be made.

    Args:
        model: A chat model, or any other runnable that takes messages and returns a message or a text.
        prompt: The instructions; they replace the default, `adapting.summary_prompt.PROMPT`.

    Raises:
        TypeError: ``model`` is not a runnable, or ``prompt`` is not a text.
        ValueError: ``prompt`` is empty.

    Examples:
        >>> sessions = SessionManager(10, store, summary=Summary(summarizer(ChatOpenAI(model="gpt-5-mini"))))
    """
    if not isinstance(model, Runnable):
        raise TypeError(
            f"model must be a chat model of LangChain, or a runnable that takes messages, got {brief(model)}"
        )
    return LangChainSummarizer(model, prompt)


class LangChainSummarizer(ModelSummarizer):
    """A summarizer by a chat model of LangChain; `summarizer` makes one."""

    def __call__(self, previous: str | None, messages: Sequence[Message]) -> str:
        """Return the text of the next summary; see `Summarize`."""
        return _text(self.model.invoke(self._request(previous, messages), _config()))

    async def asummarize(self, previous: str | None, messages: Sequence[Message]) -> str:
        """See `__call__`."""
        return _text(await self.model.ainvoke(self._request(previous, messages), _config()))

    def _request(self, previous: str | None, messages: Sequence[Message]) -> list[BaseMessage]:
        told = self.tell(previous, messages)
        return [SystemMessage(told.instructions), HumanMessage(told.data)]


def _config() -> RunnableConfig:
    # Without callbacks of its own, a run inside another one reports to that one's, and so into its streams.
    return {"run_name": "sessionkit_summary", "callbacks": []}


def _text(answer: object) -> str:
    if isinstance(answer, BaseMessage):
        return without_thoughts(str(answer.text))
    if isinstance(answer, str):
        return without_thoughts(answer)
    raise TypeError(f"the model must return a message or a text, got {type(answer).__name__}")
