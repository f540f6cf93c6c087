"""Shared by the notebooks: a model to talk to, and a way to print messages.

The model is a real one where its key is in the environment, and else the offline model of the
demonstration, which answers by a few rules from nothing but its prompt. For a real one in
LangChain or LlamaIndex, install its integration; for one in the OpenAI Agents SDK that is not
OpenAI's, `openai-agents[litellm]`.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from sessionkit_integrations import providers
from sessionkit_integrations.demo.answers import answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessionkit_integrations import Message


class Real(NamedTuple):
    """A real model, and the classes that speak to it."""

    key: str
    model: str
    langchain: str
    llama_index: str
    openai_agents: str


MODELS = (
    Real(
        "OPENAI_API_KEY",
        "gpt-5.5",
        "langchain_openai:ChatOpenAI",
        "llama_index.llms.openai:OpenAI",
        "gpt-5.5",
    ),
    Real(
        "ANTHROPIC_API_KEY",
        "claude-opus-5-5",
        "langchain_anthropic:ChatAnthropic",
        "llama_index.llms.anthropic:Anthropic",
        "litellm/anthropic/claude-opus-5-5",
    ),
    Real(
        "GEMINI_API_KEY",
        "gemini-3-flash-preview",
        "langchain_google_genai:ChatGoogleGenerativeAI",
        "llama_index.llms.google_genai:GoogleGenAI",
        "litellm/gemini/gemini-3-flash-preview",
    ),
)


def ask(messages: list[Message]) -> Message:
    """Return the model's answer to a session, as a message to add to it."""
    found = _real()
    if found is None:
        return answer(messages)
    key, name, *_ = found
    if key == "OPENAI_API_KEY":
        with import_module("openai").OpenAI() as client:
            return providers.from_openai(
                client.chat.completions.create(model=name, **providers.to_openai(messages))
            )
    if key == "ANTHROPIC_API_KEY":
        with import_module("anthropic").Anthropic() as client:
            kwargs = providers.to_anthropic(messages)
            return providers.from_anthropic(
                client.messages.create(model=name, max_tokens=1024, **kwargs)
            )
    with import_module("google.genai").Client() as client:
        return providers.from_gemini(
            client.models.generate_content(model=name, **providers.to_gemini(messages))
        )


def langchain_model() -> Any:
    """Return a chat model for LangChain."""
    found = _real()
    if found is not None:
        return _made(found.langchain, found.model)
    return import_module("sessionkit_integrations.demo.in_langchain").OfflineChatModel()


def llama_index_model() -> Any:
    """Return an LLM for LlamaIndex."""
    found = _real()
    if found is not None:
        return _made(found.llama_index, found.model)
    return import_module("sessionkit_integrations.demo.in_llama_index").OfflineLLM()


def llama_index_agent_model() -> Any:
    """Return an LLM for agents of LlamaIndex, which calls tools."""
    if _real() is not None:
        return llama_index_model()
    offline = llama_index_model()
    return import_module("llama_index.core.llms.mock").MockFunctionCallingLLM(
        response_generator=lambda messages, **_: offline.chat(messages).message
    )


def openai_agents_model() -> Any:
    """Return a model for the OpenAI Agents SDK, or the name by which the SDK finds it."""
    found = _real()
    if found is not None:
        return found.openai_agents
    return import_module("sessionkit_integrations.demo.in_openai_agents").OfflineModel()


def show(messages: Iterable[Message]) -> None:
    """Print messages, one a line."""
    for message in messages:
        for call in message.get("tool_calls", ()):
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            print(f"{message['role']:>9}  → {name} {arguments}")
        if message["content"]:
            print(f"{message['role']:>9}  {message['content']}")


def _real() -> Real | None:
    return next((model for model in MODELS if os.environ.get(model.key)), None)


def _made(path: str, name: str) -> Any:
    module, _, cls = path.partition(":")
    return getattr(import_module(module), cls)(model=name)
