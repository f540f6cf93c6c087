"""Usage of LlamaIndex's messages: one copy for all readers, in the record's ``usage``.

LlamaIndex has the usage of a reply beside its message: in the ``raw`` answer, or as additional keyword arguments of the
response. `with_usage` notes it on the message itself, where nobody but the codec looks.

A `ChatMessage` may also carry the keyword arguments. LlamaIndex's field of the record then has only their names, one
letter each. Usage that another framework stored is not shown: integrations send additional keyword arguments to the
provider, which may refuse them.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.providers.usage import usage_of_response
from sessionkit_integrations.records.unreadable import UnreadableRecordError, brief, expect
from sessionkit_integrations.records.usage import USAGE, is_usage, usage_field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llama_index.core.llms import ChatMessage, ChatResponse

    from sessionkit_integrations.records.fields import Fields

_LETTERS = {
    "prompt_tokens": "p",
    "input_tokens": "i",
    "completion_tokens": "c",
    "output_tokens": "o",
    "total_tokens": "t",
}
_NAMES = {letter: name for name, letter in _LETTERS.items()}
_NOTED = "_sessionkit_usage"


def with_usage(response: ChatResponse) -> ChatMessage:
    """Return the message of a response, with a note of what the provider reported, which is stored with it.

    The note is no field of the message: it is neither dumped nor sent.

    Args:
        response: What ``chat`` of a model of LlamaIndex returned, or the last one of a stream.

    Examples:
        >>> response = llm.chat(memory.get())
        >>> memory.put(with_usage(response))
    """
    usage = usage_of_response(_as_object(response.raw)) or _of_kwargs(response.additional_kwargs)
    if usage is not None:
        vars(response.message)[_NOTED] = usage
    return response.message


def noted_usage(message: ChatMessage) -> Fields:
    """Return the record's ``usage``, under its name, that `with_usage` noted, or nothing."""
    usage = vars(message).get(_NOTED)
    return {} if usage is None else {USAGE: usage}


def take_usage(kwargs: Fields) -> tuple[Fields, Fields, Fields]:
    """Take the usage out of the additional keyword arguments of an assistant's message.

    Returns:
        The record's ``usage``, under its name; what is to be stored under LlamaIndex's field; and the arguments that
        are left. The first two are empty if the message has no usage.
    """
    usage = _of_kwargs(kwargs)
    if usage is None:
        return {}, {}, kwargs
    natural = _natural(usage)
    taken = [name for name, value in natural.items() if type(kwargs.get(name)) is int and kwargs[name] == value]
    letters = "".join(_LETTERS[name] for name in taken)
    return {USAGE: usage}, {USAGE: letters}, {name: value for name, value in kwargs.items() if name not in taken}


def usage_kwargs(fields: Mapping[str, Any], extra: Fields) -> Fields:
    """Return the additional keyword arguments that were taken out.

    Args:
        fields: The record.
        extra: What it says under LlamaIndex's field.

    Raises:
        UnreadableRecordError: It does not say so in letters that are known.
    """
    usage = fields.get(USAGE)
    if USAGE not in extra or not is_usage(usage):
        return {}
    letters = expect(extra[USAGE], str, "names of usage")
    if not _NAMES.keys() >= set(letters):
        raise UnreadableRecordError(f"names of usage have an unknown letter: {brief(letters)}")
    natural = _natural(usage)
    return {_NAMES[letter]: natural[_NAMES[letter]] for letter in letters}


def _of_kwargs(kwargs: Fields) -> dict[str, Any] | None:
    return usage_field(
        kwargs.get("prompt_tokens", kwargs.get("input_tokens")),
        kwargs.get("completion_tokens", kwargs.get("output_tokens")),
    )


def _as_object(raw: Any) -> Any:
    """Return an answer as an object with attributes, as some integrations give it as a dict."""
    if not isinstance(raw, dict):
        return raw
    return SimpleNamespace(**{str(name): _as_object(value) for name, value in raw.items()})


def _natural(usage: Fields) -> Fields:
    tokens_in, tokens_out = usage["input"], usage["output"]
    return {
        "prompt_tokens": tokens_in,
        "input_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "output_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }
