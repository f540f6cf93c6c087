"""The providers' own SDKs, each asked in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import anthropic
import openai
from google import genai
from google.genai.errors import ClientError

from sessionkit_integrations.providers import (
    from_anthropic,
    from_gemini,
    from_openai,
    to_anthropic,
    to_gemini,
    to_openai,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations import Message


@dataclass(frozen=True)
class Provider:
    """One provider: how its SDK is asked, and what we have for it."""

    request: Callable[[Any], dict[str, Any]]
    message: Callable[[Any], Message]
    ask: Callable[[str, dict[str, Any]], Any]
    aask: Callable[[str, dict[str, Any]], Any]


class Clients:
    """A client of each SDK, sync and async.

    Attributes:
        refusals: What each SDK raises where the API refuses a request, by the name of the provider.
    """

    refusals: ClassVar[dict[str, type[Exception]]] = {
        "openai": openai.BadRequestError,
        "anthropic": anthropic.BadRequestError,
        "gemini": ClientError,
    }

    def __init__(self, url: str) -> None:
        self._openai = openai.OpenAI(base_url=f"{url}/v1", api_key="key", max_retries=0)
        self._anthropic = anthropic.Anthropic(base_url=url, api_key="key", max_retries=0)
        self._gemini = genai.Client(api_key="key", http_options={"base_url": url})
        self._url = url

    def provider(self, name: str) -> Provider:
        return {
            "openai": Provider(to_openai, from_openai, self.ask_openai, self.aask_openai),
            "anthropic": Provider(to_anthropic, from_anthropic, self.ask_anthropic, self.aask_anthropic),
            "gemini": Provider(to_gemini, from_gemini, self.ask_gemini, self.aask_gemini),
        }[name]

    def ask_openai(self, model: str, kwargs: dict[str, Any]) -> Any:
        if model != "stream":
            return self._openai.chat.completions.create(model=model, **kwargs)
        with self._openai.chat.completions.stream(model=model, **kwargs) as stream:
            return stream.get_final_completion()

    def ask_anthropic(self, model: str, kwargs: dict[str, Any]) -> Any:
        if model != "stream":
            return self._anthropic.messages.create(model=model, max_tokens=100, **kwargs)
        with self._anthropic.messages.stream(model=model, max_tokens=100, **kwargs) as stream:
            return stream.get_final_message()

    def ask_gemini(self, model: str, kwargs: dict[str, Any]) -> Any:
        if model != "stream":
            return self._gemini.models.generate_content(model=model, **kwargs)
        return list(self._gemini.models.generate_content_stream(model=model, **kwargs))

    async def aask_openai(self, model: str, kwargs: dict[str, Any]) -> Any:
        async with openai.AsyncOpenAI(base_url=f"{self._url}/v1", api_key="key", max_retries=0) as client:
            return await client.chat.completions.create(model=model, **kwargs)

    async def aask_anthropic(self, model: str, kwargs: dict[str, Any]) -> Any:
        async with anthropic.AsyncAnthropic(base_url=self._url, api_key="key", max_retries=0) as client:
            return await client.messages.create(model=model, max_tokens=100, **kwargs)

    async def aask_gemini(self, model: str, kwargs: dict[str, Any]) -> Any:
        with genai.Client(api_key="key", http_options={"base_url": self._url}) as client:
            async with client.aio as aio:
                return await aio.models.generate_content(model=model, **kwargs)

    def close(self) -> None:
        self._openai.close()
        self._anthropic.close()
        self._gemini.close()
