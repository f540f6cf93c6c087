"""Usage that responses of the providers' SDKs report, in the shape in which messages carry it."""

from __future__ import annotations

from typing import Any

from sessionkit_integrations.records.usage import usage_field


def usage_of_response(response: Any) -> dict[str, Any] | None:
    """Return the usage that a response reports, for the ``usage`` of a message; ``None`` if it reports none.

    Input tokens include what came from a prompt cache, and output tokens include reasoning, whoever counted them.

    Args:
        response: A response of OpenAI's chat completions or Responses API, of Anthropic's Messages API, or of
            Gemini's ``generate_content``.

    Examples:
        >>> response = client.responses.create(model=model, input=messages)
        >>> message = {"role": "assistant", "content": response.output_text, "usage": usage_of_response(response)}
    """
    said = getattr(response, "usage", None)
    if said is None:
        return _of_gemini(response)
    if hasattr(said, "prompt_tokens"):
        tokens_in, tokens_out = said.prompt_tokens, getattr(said, "completion_tokens", None)
        cached = _detail(said, "prompt_tokens_details", "cached_tokens")
        reasoning = _detail(said, "completion_tokens_details", "reasoning_tokens")
    else:
        tokens_in, tokens_out = getattr(said, "input_tokens", None), getattr(said, "output_tokens", None)
        cached = _detail(said, "input_tokens_details", "cached_tokens")
        reasoning = _detail(said, "output_tokens_details", "reasoning_tokens")
        if hasattr(
            said, "cache_read_input_tokens"
        ):  # Anthropic counts what it read from a cache, or wrote there, apart
            cached = said.cache_read_input_tokens
            tokens_in = _sum(tokens_in, cached, getattr(said, "cache_creation_input_tokens", None))
            reasoning = _detail(said, "output_tokens_details", "thinking_tokens")
    model = getattr(response, "model", None)
    return usage_field(tokens_in, tokens_out, cached=cached, reasoning=reasoning, model=model)


def _of_gemini(response: Any) -> dict[str, Any] | None:
    said = getattr(response, "usage_metadata", None)
    thoughts = getattr(said, "thoughts_token_count", None)
    return usage_field(
        _sum(getattr(said, "prompt_token_count", None), getattr(said, "tool_use_prompt_token_count", None)),
        _sum(getattr(said, "candidates_token_count", None), thoughts),
        cached=getattr(said, "cached_content_token_count", None),
        reasoning=thoughts,
        model=getattr(response, "model_version", None),
    )


def _detail(said: Any, name: str, count: str) -> Any:
    details = getattr(said, name, None)
    # An SDK that is older than a field keeps it as plain data.
    return details.get(count) if isinstance(details, dict) else getattr(details, count, None)


def _sum(*counts: int | None) -> int | None:
    """Return the sum of those counts that a response has, or ``None`` if it has none of them."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
