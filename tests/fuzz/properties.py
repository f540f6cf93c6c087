"""Properties of reading any bytes at all."""

from __future__ import annotations

from itertools import chain
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from pydantic import ValidationError

from sessionkit_integrations import CorruptSessionError, InvalidMessageError
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.openai_agents.codec import OpenAIAgentsCodec
from sessionkit_integrations.records.codec import Codec, PlainCodec, decode_all, encode_all

CODECS: dict[str, Codec[Any]] = {
    "plain": PlainCodec(),
    "LangChain": LangChainCodec(),
    "LlamaIndex": LlamaIndexCodec(),
    "OpenAI Agents SDK": OpenAIAgentsCodec(),
}
_CALLS = (
    rb'[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},'
    rb'{"id":"2","type":"custom","custom":{"name":"g","input":"x"}}]'
)
_PARTS = b'[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"https://example.com/c.png"}}]'
PLAIN_RECORDS = (
    b'{"role":"user","content":"Hello","at":1763800000000}',
    b'{"role":"user","content":%b}' % _PARTS,
    b'{"role":"assistant","content":null,"tool_calls":%b,"at":1763800000000}' % _CALLS,
    b'{"role":"tool","content":"y","tool_call_id":"1","name":"f","at":1763800000000}',
)
"""Records that no framework wrote; the second is of a writer that notes no time."""


def check(codec: Codec[Any], data: bytes) -> None:
    """Fail unless bytes among good records are a message that can be used, or are said to be corrupt."""
    try:
        message = decode_all(codec, [PLAIN_RECORDS[0], data], "s")[1]
    except CorruptSessionError as error:
        assert (error.session_id, error.position) == ("s", 1)  # noqa: PT017 - and nothing else is raised
        return
    assert repr(message)
    if not isinstance(message, (dict, list)):
        message.model_dump(warnings="none" if _has_invalid_blocks(message) else "error")
    try:
        records = encode_all(codec, [message])
    except InvalidMessageError:
        return
    read = decode_all(codec, records, "s")
    if isinstance(message, list):  # of items, which may be grouped in another way
        assert list(chain.from_iterable(read)) == message
    else:
        assert read == [message]


def _has_invalid_blocks(message: Any) -> bool:
    """Return whether a block of LlamaIndex holds what its class refuses, as one may to which that was assigned."""
    for block in message.blocks if isinstance(message, ChatMessage) else ():  # LangChain's may have any field
        try:
            type(block).model_validate(block.model_dump(warnings=False))
        except ValidationError:
            return True
    return False
