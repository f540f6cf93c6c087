"""Usage of LangChain's messages: one copy for all readers, and what LangChain says more.

The record's ``usage`` holds the figures that a message has in ``usage_metadata``, and the model that it names in
``response_metadata``. Under LangChain's field are left the parts of these two that ``usage`` does not say, such as the
tokens written to a cache. To read a message, the parts are put back, so that it comes back equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.unreadable import expect
from sessionkit_integrations.records.usage import USAGE, is_usage, usage_field

if TYPE_CHECKING:
    from sessionkit_integrations.records.fields import Fields

_METADATA, _RESPONSE = "usage_metadata", "response_metadata"
_MODELS = ("model_name", "model")
"""Names under which integrations have the model in the metadata of a response."""
MODEL_IN = "model_in"
"""Name under LangChain's field for the one of them, where it is not the first."""


def take_usage(extra: Fields) -> Fields:
    """Take the usage out of what an assistant's message says under LangChain's field.

    Args:
        extra: What it says; less is left there. Its values are not changed.

    Returns:
        The record's ``usage``, under its name, or nothing if the message has none.
    """
    said = extra.get(_METADATA)
    if not isinstance(said, dict):
        return {}
    response = extra.get(_RESPONSE)
    if not isinstance(response, dict):
        response = {}
    place = next((name for name in _MODELS if name in response), None)
    usage = usage_field(
        said.get("input_tokens"),
        said.get("output_tokens"),
        cached=_detail(said, "input_token_details", "cache_read"),
        reasoning=_detail(said, "output_token_details", "reasoning"),
        model=response[place] if place else None,
    )
    if usage is None:
        return {}
    extra[_METADATA] = _beyond(said, _natural(usage))
    if not extra[_METADATA]:
        del extra[_METADATA]
    if "model" in usage:
        extra[_RESPONSE] = {name: value for name, value in response.items() if name != place}
        if not extra[_RESPONSE]:
            del extra[_RESPONSE]
        if place != _MODELS[0]:
            extra[MODEL_IN] = place
    return {USAGE: usage}


def put_usage(values: Fields, fields: Fields, extra: Fields) -> None:
    """Put the usage of a record back into the fields of a message that is made of it.

    Args:
        values: The fields of the message.
        fields: The record.
        extra: What the record says under LangChain's field.
    """
    usage = fields.get(USAGE)
    if not is_usage(usage) or fields["role"] != "assistant":
        return
    natural = _natural(usage)
    more = expect(values.get(_METADATA) or {}, dict, _METADATA)
    for name, value in more.items():
        natural[name] = _merged(natural.get(name), value)
    values[_METADATA] = natural
    if "model" in usage:
        place = expect(extra.get(MODEL_IN, _MODELS[0]), str, MODEL_IN)
        values[_RESPONSE] = {**expect(values.get(_RESPONSE, {}), dict, _RESPONSE), place: usage["model"]}


def _natural(usage: Fields) -> Fields:
    """Return the metadata that say no more than a record's usage."""
    tokens_in, tokens_out = usage["input"], usage["output"]
    natural: Fields = {
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }
    if "cached" in usage:
        natural["input_token_details"] = {"cache_read": usage["cached"]}
    if "reasoning" in usage:
        natural["output_token_details"] = {"reasoning": usage["reasoning"]}
    return natural


def _beyond(said: Fields, natural: Fields) -> Fields:
    """Return what metadata say other than the natural ones, or more."""
    more = {}
    for name, value in said.items():
        known = natural.get(name)
        if isinstance(value, dict) and isinstance(known, dict):
            details = {key: each for key, each in value.items() if key not in known}
            if details:
                more[name] = details
        elif type(value) is not int or value != known:
            more[name] = value
    return more


def _merged(natural: Any, more: Any) -> Any:
    return {**natural, **more} if isinstance(natural, dict) and isinstance(more, dict) else more


def _detail(said: Fields, name: str, key: str) -> object:
    details = said.get(name)
    return details.get(key) if isinstance(details, dict) else None
