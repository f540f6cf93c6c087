"""Steps of agents that did not reach the memory, as their run did not end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.agent.workflow import FunctionAgent, ReActAgent
from llama_index.core.llms import ChatMessage, MessageRole

if TYPE_CHECKING:
    from llama_index.core.memory import BaseMemory
    from llama_index.core.workflow import Context

_REASONING = str(ReActAgent.model_fields["reasoning_key"].default)
_SCRATCHPAD = str(FunctionAgent.model_fields["scratchpad_key"].default)


async def save_steps(context: Context[Any]) -> list[ChatMessage]:
    """Store the steps that the agents of a context have taken and not handed to its memory.

    An agent of LlamaIndex keeps its calls and their results in the context, and hands them to the memory when its run
    ends. After a run that raised, was cancelled or reached its most iterations they are missing in the session, and the
    next run in the same context sends them after its own question, with calls that have no result. Call this first.

    Args:
        context: The context of a run that is over.

    Returns:
        The messages that were stored, oldest first. The context does not have them any more.

    Raises:
        InvalidMessageError, StoreError: As from `SessionKitMemory.aput_messages`. The context still has them.

    Examples:
        >>> handler = agent.run("What is the weather?", memory=memory)
        >>> try:
        ...     answer = await handler
        ... except Exception:
        ...     await save_steps(handler.ctx)
        ...     raise
    """
    reasoning = await context.store.get(_REASONING, default=[])
    steps: list[ChatMessage] = await context.store.get(_SCRATCHPAD, default=[])
    if reasoning:  # which `ReActAgent` stores as one message too
        content = "\n".join(step.get_content() for step in reasoning)
        steps = [ChatMessage(role=MessageRole.ASSISTANT, content=content), *steps]
    if steps:
        memory: BaseMemory = await context.store.get("memory")
        await memory.aput_messages(steps)
        await context.store.set(_REASONING, [])
        await context.store.set(_SCRATCHPAD, [])
    return steps
