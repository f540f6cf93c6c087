"""Summaries by LlamaIndex's LLMs."""

from __future__ import annotations

import asyncio
import pickle
import re
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock, ThinkingBlock
from llama_index.core.llms import MockLLM

from sessionkit_integrations import SessionManager, Summary, SummaryError
from sessionkit_integrations.adapting.summary_prompt import PROMPT, summary_prompt
from sessionkit_integrations.llama_index import summarizer

HELLO: list[Any] = [{"role": "user", "content": "Hello, I am Ada."}, {"role": "assistant", "content": "Hi!"}]


class Model(MockLLM):
    """Says what it was scripted to, and keeps what it is given."""

    answers: list[ChatMessage] = []  # noqa: RUF012 - pydantic copies it
    heard: list[Any] = []  # noqa: RUF012 - pydantic copies it
    awaited: int = 0

    def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        self.heard.append((list(messages), kwargs))
        return ChatResponse(message=self.answers.pop(0))

    async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        self.awaited += 1
        return self.chat(messages, **kwargs)


def model_of(*answers: str | list[Any]) -> Model:
    model = Model(max_tokens=None)
    model.answers = [ChatMessage(role="assistant", content=each) for each in answers]
    return model


def summarize(summarizes: Any, *, asynchronous: bool, previous: str | None = None) -> str:
    returned = asyncio.run(summarizes.asummarize(previous, HELLO)) if asynchronous else summarizes(previous, HELLO)
    assert type(returned) is str
    return returned


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_llm_is_told_what_to_do_and_given_the_conversation_as_data(asynchronous: bool) -> None:
    llm = model_of("Ada greeted.")
    assert summarize(summarizer(llm), asynchronous=asynchronous, previous="So far.") == "Ada greeted."
    told = summary_prompt("So far.", HELLO)
    (((system, user), options),) = llm.heard
    assert (system.role, system.content) == (MessageRole.SYSTEM, PROMPT)
    assert (user.role, user.content) == (MessageRole.USER, told.data)
    assert options == {}
    assert llm.awaited == asynchronous


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ([ThinkingBlock(content="A name."), TextBlock(text="Ada"), TextBlock(text="greeted.")], "Ada\ngreeted."),
        ("<think>A name.</think>\nAda greeted.", "Ada greeted."),
    ],
)
def test_an_answer_is_its_text(answer: Any, text: str) -> None:
    assert summarize(summarizer(model_of(answer)), asynchronous=False) == text


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_llm_that_completes_texts_is_given_both_as_one(asynchronous: bool) -> None:
    heard: list[Any] = []

    def one_text(messages: Any) -> str:
        heard.extend(message.content for message in messages)
        return "x y"

    llm = MockLLM(max_tokens=2, messages_to_prompt=one_text)
    assert summarize(summarizer(llm, prompt="Be short."), asynchronous=asynchronous) == "text text"
    assert heard == ["Be short.", summary_prompt(None, HELLO).data]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_each_summary_is_made_of_the_one_before_and_what_left_since(asynchronous: bool) -> None:
    llm = model_of("First.", "Second.")
    sessions = SessionManager(1, summary=Summary(summarizer(llm), every=1, background=False))
    for text in ("One", "Two", "Three"):
        if asynchronous:
            await sessions.aadd_user_message("s", text)
        else:
            sessions.add_user_message("s", text)
    summary = sessions.get_summary("s")
    assert summary
    assert (summary.text, summary.turns, summary.messages) == ("Second.", 2, 2)
    given = [re.sub("[0-9a-f]{12}", "#", messages[1].content) for messages, _ in llm.heard]
    conversation = "<conversation-#>\nuser:\n  {}\n</conversation-#>\n\nWrite the new summary."
    assert given == [
        conversation.format("One"),
        "<summary-#>\nFirst.\n</summary-#>\n\n" + conversation.format("Two"),
    ]
    assert llm.awaited == 2 * asynchronous


def test_an_answer_without_a_text_makes_no_summary() -> None:
    sessions = SessionManager(1, summary=Summary(summarizer(model_of([ThinkingBlock(content="Hm.")])), every=None))
    sessions.add_user_message("s", "Hello")
    sessions.add_user_message("s", "Hello again")
    with pytest.raises(SummaryError, match="returned an empty text; the turns wait"):
        sessions.summarize("s")
    assert sessions.get_summary("s") is None


def test_it_is_pickled_with_its_llm() -> None:
    copy = pickle.loads(pickle.dumps(summarizer(MockLLM(max_tokens=3), prompt="Be short.")))  # noqa: S301 - our own
    assert summarize(copy, asynchronous=False) == "text text text"
    assert repr(copy) == "summarizer(MockLLM, prompt='Be short.')"
    assert repr(summarizer(MockLLM())) == "summarizer(MockLLM)"


def test_something_else_than_an_llm_is_refused() -> None:
    with pytest.raises(TypeError, match="llm must be an LLM of LlamaIndex, got 'gpt-5'"):
        summarizer("gpt-5")  # type: ignore[arg-type]
