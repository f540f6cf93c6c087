"""LlamaIndex's agents on a scripted language model, each prompt of which must be valid."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from llama_index.core.agent.workflow import FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.memory import Memory
from llama_index.core.tools import FunctionTool

from sessionkit_integrations import SessionKitAsyncChatStore, SessionKitMemory, SessionManager
from sessionkit_integrations.window.turns import Window, evict
from tests.llama_index.engines import split
from tests.llama_index.samples import assistant, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence


class DownError(Exception):
    """The language model is away."""


class Script:
    """A language model that says messages, streams of them, and errors, in turn. It keeps its prompts."""

    def __init__(self, *replies: ChatMessage | Exception | Callable[[], AsyncIterator[ChatMessage]]) -> None:
        self.replies = list(replies)
        self.prompts: list[list[ChatMessage]] = []
        self.llm = MockFunctionCallingLLM(response_generator=self._reply, is_chat_model=True)

    def _reply(self, messages: Sequence[ChatMessage], **_: Any) -> Any:
        self.prompts.append(deepcopy(list(messages)))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, ChatMessage) else reply()

    @property
    def flaws(self) -> list[str]:
        """Reasons for which a chat API would refuse a prompt."""
        return [found for found in map(flaw, self.prompts) if found is not None]

    @property
    def said(self) -> list[list[str]]:
        """The texts of each prompt, and the calls in it."""
        return [list(map(brief, prompt)) for prompt in self.prompts]


def flaw(prompt: Sequence[ChatMessage]) -> str | None:
    """Return what a chat API would refuse a prompt for, if anything."""
    roles = [message.role.value for message in prompt]
    if next((role for role in roles if role != "system"), None) != "user":
        return f"does not open with a user message: {roles}"
    open_calls: set[str | None] = set()
    for message in prompt:
        if message.role == "tool":
            call_id = message.additional_kwargs.get("tool_call_id")
            if call_id not in open_calls:
                return f"has a result whose call is not before it: {call_id}"
            open_calls.remove(call_id)
        elif open_calls:
            break
        else:
            open_calls = {block.tool_call_id for block in message.blocks if isinstance(block, ToolCallBlock)}
    return f"has calls without results: {open_calls}" if open_calls else None


def brief(message: ChatMessage) -> str:
    calls = [f"{block.tool_name}({block.tool_call_id})" for block in message.blocks if isinstance(block, ToolCallBlock)]
    return " ".join(filter(None, [message.content, *calls]))


def calls(*ids: str, tool: str = "look") -> ChatMessage:
    """Return a message that calls a tool as often as there are ids."""
    blocks = [ToolCallBlock(tool_call_id=each, tool_name=tool, tool_kwargs={"q": each}) for each in ids]
    return assistant(*blocks)


def hand_off(to: str, *also: str) -> ChatMessage:
    """Return a message that hands off to another agent, and calls `look`."""
    block = ToolCallBlock(tool_call_id="h", tool_name="handoff", tool_kwargs={"to_agent": to, "reason": "of it"})
    return assistant(block, *calls(*also).blocks)


def says(said: str) -> ChatMessage:
    return assistant(text(said))


def result(call_id: str, content: str) -> ChatMessage:
    return ChatMessage(role="tool", content=content, additional_kwargs={"tool_call_id": call_id})


async def look(q: str) -> str:
    """Look something up."""
    if q.startswith("bad"):
        raise ValueError(f"no {q}")
    return f"found {q}"


async def show(q: str) -> str:
    """Show something."""
    return f"shown {q}"


TOOLS = (look, FunctionTool.from_defaults(async_fn=show, return_direct=True))


def function_agent(script: Script, *tools: Any, **options: Any) -> FunctionAgent:
    return FunctionAgent(llm=script.llm, tools=[*TOOLS, *tools], **{"streaming": False, **options})


def react_agent(script: Script, *tools: Any, **options: Any) -> ReActAgent:
    return ReActAgent(llm=script.llm, tools=[look, *tools], streaming=False, **options)


def own_memory(sessions: SessionManager, **options: Any) -> SessionKitMemory:
    return SessionKitMemory.from_defaults(session_id="s", sessions=sessions, tokenizer_fn=split, **options)


def plain_memory(sessions: SessionManager, **options: Any) -> Memory:
    store = SessionKitAsyncChatStore(sessions=sessions)
    return Memory.from_defaults(session_id="s", chat_store=store, tokenizer_fn=split, **options)


MEMORIES = (own_memory, plain_memory)


def in_window(messages: list[ChatMessage], turns: int) -> list[ChatMessage]:
    """Return what the oracle keeps."""
    return evict(messages, Window(turns), lambda message: message.role.value)[0]
