"""The 50 real conversations within budgets: what the model sees on every store is what the pure rules say.

The rules replay each conversation once. What they give is checked by the providers' rules and by the budget; every
store, whoever writes to it, must then give the very same prompts and hand the same turns to the same summaries.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from sessionkit_integrations import (
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionManager,
    Summary,
    Window,
)
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.providers import to_anthropic, to_gemini, to_openai
from sessionkit_integrations.records.codec import PLAIN
from sessionkit_integrations.tokens import approximate_tokens
from sessionkit_integrations.window.turns import evict, number_turns
from tests.conversations import Conversation, flaw, real_conversations, role_of
from tests.providers.rules import anthropic, gemini, openai

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessionkit_integrations.records.codec import Codec
    from tests.backends import StoreMaker

    Call = Callable[..., Any]

SUMMARISED = "both, summarised"
WINDOWS = {
    "tokens": Window(turns=None, tokens=2000),
    "trigger": Window(turns=3, trigger_turns=6),
    SUMMARISED: Window(turns=3, trigger_turns=6, tokens=2000),
}
EVERY = 2
"""Turns that wait for a summary."""
HEADING = "So far:"


class Asked(NamedTuple):
    """A call of the summarizer."""

    previous: str | None
    messages: Conversation


class Script:
    """A summarizer whose texts follow from what it was given, and which remembers that."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def __call__(self, previous: str | None, messages: Any) -> str:
        self.asked.append(Asked(previous, messages))
        return said_of(previous, messages)


def said_of(previous: str | None, messages: Conversation) -> str:
    """Return a text that says how much it stands for, and grows as real ones do."""
    before = previous or ""
    return f"{before}{' and ' * bool(before)}{len(messages)} messages"


class Writer:
    """Writes plain messages, and reads them."""

    codec: Codec[Any] = PLAIN

    def __init__(self, sessions: SessionManager, call: Call) -> None:
        self._sessions, self._call = sessions, call

    def ask(self, session_id: str, message: Any) -> Conversation:
        """Add a user message, and return the prompt."""
        prompt: Conversation = self._call(self._sessions, "prompt", session_id, message["content"])
        return prompt

    def add(self, session_id: str, message: Any) -> None:
        self._call(self._sessions, "send_message", session_id, message)

    def read(self, session_id: str) -> Conversation:
        messages: Conversation = self._call(self._sessions, "get_session", session_id)
        return messages

    def read_archive(self, session_id: str) -> Conversation:
        messages: Conversation = self._call(self._sessions, "get_archive", session_id)
        return messages


class LangChain(Writer):
    """Writes messages of LangChain, and reads plain ones."""

    codec: Codec[Any] = LangChainCodec()

    def ask(self, session_id: str, message: Any) -> Conversation:
        self.add(session_id, message)
        return self.read(session_id)

    def add(self, session_id: str, message: Any) -> None:
        history = SessionKitChatMessageHistory(session_id, self._sessions)
        self._call(history, "add_messages", [self.codec.decode(dict(message))])


class LlamaIndex(LangChain):
    """Writes messages of LlamaIndex, and reads plain ones."""

    codec: Codec[Any] = LlamaIndexCodec()

    def add(self, session_id: str, message: Any) -> None:
        store = SessionKitChatStore(sessions=self._sessions)
        add: Any = SimpleNamespace(add=store.add_message, aadd=store.async_add_message)
        self._call(add, "add", session_id, self.codec.decode(dict(message)))


WRITERS = {"plain": Writer, "LangChain": LangChain, "LlamaIndex": LlamaIndex}


@dataclass
class Session:
    """A session by the pure rules.

    Attributes:
        window: Its window.
        is_summarised: Whether it has a summarizer.
        kept: The messages that the model sees.
        waiting: Those that left and wait for a summary.
        evicted: All that ever left.
        asked: The calls of the summarizer.
    """

    window: Window
    is_summarised: bool
    kept: Conversation = field(default_factory=list)
    waiting: Conversation = field(default_factory=list)
    evicted: Conversation = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def add(self, message: dict[str, Any]) -> None:
        self._cut([*self.kept, message])
        if self.is_summarised and turns_of(self.waiting) >= EVERY:
            self.summarize()

    def summarize(self) -> None:
        previous = said_of(*self.asked[-1]) if self.asked else None
        asked = Asked(previous, self.waiting)
        self.asked.append(asked)
        self.waiting = []
        summary = {"role": "system", "content": f"{HEADING}\n\n{said_of(*asked)}"}
        preamble_end = preamble_of(self.kept)
        preamble = self.kept[: preamble_end - (previous is not None)]
        self._cut([*preamble, summary, *self.kept[preamble_end:]])

    def _cut(self, messages: Conversation) -> None:
        self.kept, left = evict(messages, self.window, role_of, approximate_tokens)  # type: ignore[arg-type]
        self.waiting = [*self.waiting, *left]
        self.evicted += left


def turns_of(messages: Conversation) -> int:
    return max(number_turns(map(role_of, messages)), default=0)


def preamble_of(messages: Conversation) -> int:
    return number_turns(map(role_of, messages)).count(0)


class Replay(NamedTuple):
    """A conversation as the rules replay it.

    Attributes:
        prompts: What the model sees before each of its messages.
        session: The session at the end.
    """

    prompts: list[Conversation]
    session: Session


def replays(mode: str) -> list[Replay]:
    return [replay(number, mode) for number in range(len(real_conversations()))]


def as_plain(codec: Codec[Any], message: dict[str, Any]) -> Any:
    (fields,) = codec.encode([codec.decode(dict(message))])
    return PLAIN.decode(dict(fields))


@cache
def replay(number: int, mode: str, writer: str = "plain") -> Replay:
    """Return a conversation as the rules replay it, given by a writer and read as plain messages."""
    session = Session(WINDOWS[mode], mode == SUMMARISED)
    prompts = []
    for message in [as_plain(WRITERS[writer].codec, each) for each in real_conversations()[number]]:
        if message["role"] == "assistant":
            prompts.append(session.kept)
        session.add(message)
    return Replay(prompts, session)


@pytest.mark.slow
@pytest.mark.parametrize("mode", WINDOWS)
def test_by_the_rules_every_prompt_is_valid_and_within_its_budget(mode: str) -> None:
    prompts = list(chain.from_iterable(each.prompts for each in replays(mode)))
    assert len(prompts) == 642
    for prompt in prompts:
        assert flaw(prompt) is None
        assert is_within(prompt, WINDOWS[mode]) or turns_of(prompt) == 1
    messages: Any
    for messages in prompts[::4]:
        openai.check(dict(to_openai(messages)))
        anthropic.check({**to_anthropic(messages), "max_tokens": 1})
        gemini.check({"contents": [as_sent(content) for content in to_gemini(messages)["contents"]]})


def as_sent(content: dict[str, Any]) -> dict[str, Any]:
    """Return a content as Google's SDK sends it."""
    parts = [gemini.in_camel_case(part) for part in content["parts"]]
    for part in parts:
        if "thoughtSignature" in part:
            part["thoughtSignature"] = urlsafe_b64encode(part["thoughtSignature"]).decode()
    return {**content, "parts": parts}


def is_within(prompt: Conversation, window: Window) -> bool:
    tokens = sum(map(approximate_tokens, prompt))  # type: ignore[arg-type]
    return turns_of(prompt) <= (window.trigger_turns or 999) and tokens <= (window.trigger_tokens or 999_999)


@pytest.mark.parametrize("mode", WINDOWS)
def test_by_the_rules_nothing_is_lost_or_summarised_twice(mode: str) -> None:
    for conversation, (_, session) in zip(real_conversations(), replays(mode), strict=True):
        turns = session.kept[preamble_of(session.kept) :]
        assert [session.kept[0], *session.evicted, *turns] == conversation
        summarised = [message for asked in session.asked for message in asked.messages]
        assert [*summarised, *session.waiting] == session.evicted


IN_FULL = {"memory", "sqlite", "redis-8.2"}
"""Stores that plain writers replay all conversations on; every fifth is what others take."""


@pytest.mark.slow
@pytest.mark.pairwise
@pytest.mark.parametrize("mode", WINDOWS)
@pytest.mark.parametrize("writer", WRITERS)
def test_every_store_gives_what_the_rules_give(
    writer: str, mode: str, make_store: StoreMaker, call: Call, request: pytest.FixtureRequest
) -> None:
    script = Script()
    summary = Summary(script, every=EVERY, background=False, heading=HEADING) if mode == SUMMARISED else None
    archives = mode != SUMMARISED
    through = WRITERS[writer](SessionManager(WINDOWS[mode], make_store(archive=archives), summary=summary), call)
    in_full = writer == "plain" and IN_FULL & set(request.node.callspec.params.values())
    for number in range(0, len(real_conversations()), 1 if in_full else 5):
        session_id, script.asked = f"conversation-{number}", []
        prompts, expected = replay(number, mode, writer)
        assert list(prompted(through, session_id, real_conversations()[number])) == prompts
        assert through.read(session_id) == expected.kept
        assert script.asked == expected.asked
        assert through.read_archive(session_id) == (expected.evicted if archives else expected.waiting)


def prompted(through: Writer, session_id: str, conversation: Conversation) -> Iterator[Conversation]:
    """Write a conversation, and yield what the model sees before each of its messages."""
    prompt: Conversation | None = None
    for message in conversation:
        if message["role"] == "assistant":
            yield through.read(session_id) if prompt is None else prompt
        if message["role"] == "user":
            prompt = through.ask(session_id, message)
        else:
            prompt = None
            through.add(session_id, message)
