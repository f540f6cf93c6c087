"""Messages of frameworks come back as they were written, with both seals at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from sessionkit_integrations import Compress, Encrypt, SessionManager
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.openai_agents.codec import OpenAIAgentsCodec
from sessionkit_integrations.records.codec import decode_all, encode_all
from sessionkit_integrations.records.record import decode
from sessionkit_integrations.records.sealed import is_sealed
from sessionkit_integrations.records.sealing import Sealer
from tests.langchain.messages import BY_CLASS
from tests.langchain.messages import EVERY_KIND as LANGCHAIN
from tests.langchain.test_messages import exact
from tests.llama_index.samples import EVERY_KIND as LLAMA_INDEX
from tests.llama_index.samples import messages
from tests.openai_agents.items import EVERY_KIND as OPENAI_AGENTS

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from llama_index.core.base.llms.types import ChatMessage

    from sessionkit_integrations.records.codec import Codec
    from tests.backends import StoreMaker

M = TypeVar("M")

BOTH: Any = [Compress(0), Encrypt(bytes(range(32)))]
FRAMEWORKS: list[tuple[Any, list[Any]]] = [
    (LangChainCodec(), [*LANGCHAIN]),
    (LlamaIndexCodec(), [*LLAMA_INDEX.values()]),
    (OpenAIAgentsCodec(), [[item] for items in OPENAI_AGENTS for item in items]),
]


def test_every_kind_comes_back_equal_from_every_store(make_store: StoreMaker) -> None:
    plain, sealed = SessionManager(1000), SessionManager(1000, make_store(), seal=BOTH)
    for codec, written in FRAMEWORKS:
        read = []
        for sessions in (plain, sealed):
            chats = sessions.using(codec)
            chats.append("s", written)
            read.append(repr(chats.snapshot("s").messages("preamble", "window")))
        assert read[0] == read[1]
        stored = sealed.store.read("s").records
        assert len(stored) == len(plain.store.read("s").records)
        assert all(is_sealed(decode(record)) for record in stored)
        for sessions in (plain, sealed):
            sessions.reset_session("s")


@settings(deadline=None, max_examples=40)
@given(st.one_of(*BY_CLASS.values()))
def test_any_message_of_langchain_comes_back_equal(message: BaseMessage) -> None:
    (read,) = through_seals(LangChainCodec(), message)
    assert exact(read) == exact(message)


@settings(deadline=None, max_examples=40)
@given(messages)
def test_any_message_of_llama_index_comes_back_equal(message: ChatMessage) -> None:
    assert through_seals(LlamaIndexCodec(), message) == [message]


def through_seals(codec: Codec[M], message: M) -> list[M]:
    """Return what is read of a message after it was sealed and opened."""
    seals = Sealer(BOTH, "sessionkit:", 10_000_000).of("s")
    records = encode_all(codec, [message])
    sealed = [seals.seal(record) for record in records]
    assert all(is_sealed(decode(record)) for record in sealed)
    opened = [seals.open(record) for record in sealed]
    assert opened == records
    return decode_all(codec, opened, "s")
