"""A model that says what it was told to say, as OpenAI's API would."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from agents import Agent, Model, ModelResponse, Usage, function_tool
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseReasoningItem,
)
from openai.types.responses.response_reasoning_item import Summary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Output = list[Any]


class Scripted(Model):
    """Gives one output after the other, or raises it.

    Attributes:
        prompts: What it was asked each time.
    """

    def __init__(self, *outputs: Output | Exception) -> None:
        self._outputs = list(outputs)
        self.prompts: list[list[Any]] = []

    async def get_response(self, system_instructions: Any, input: Any, *_: Any, **__: Any) -> ModelResponse:  # noqa: A002
        self.prompts.append(copy.deepcopy(input))
        output = self._outputs.pop(0)
        if isinstance(output, Exception):
            raise output
        return ModelResponse(output, Usage(), f"resp_{len(self.prompts)}")

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        response = await self.get_response(*args, **kwargs)
        completed = Response(
            id=response.response_id or "",
            created_at=0,
            model="scripted",
            object="response",
            output=response.output,
            parallel_tool_calls=True,
            tool_choice="auto",
            tools=[],
        )
        yield ResponseCompletedEvent(response=completed, sequence_number=0, type="response.completed")


def says(text: str) -> ResponseOutputMessage:
    part = ResponseOutputText(annotations=[], text=text, type="output_text", logprobs=[])
    return ResponseOutputMessage(id=f"msg_{text}", content=[part], role="assistant", status="completed", type="message")


def thinks(text: str) -> ResponseReasoningItem:
    summary = [Summary(text=text, type="summary_text")]
    return ResponseReasoningItem(id=f"rs_{text}", summary=summary, type="reasoning", encrypted_content="gAAAA")


def calls(call_id: str, name: str = "look", arguments: str = "{}") -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        arguments=arguments,
        call_id=call_id,
        name=name,
        type="function_call",
        id=f"fc_{call_id}",
        status="completed",
    )


@function_tool
def look() -> str:
    """Look around."""
    return "a cat"


def agent(model: Scripted, **options: Any) -> Agent[Any]:
    return Agent("Ada", model=model, tools=[look], **options)
