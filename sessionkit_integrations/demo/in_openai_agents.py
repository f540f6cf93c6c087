"""The offline model in the OpenAI Agents SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents import Model, ModelResponse, Usage
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from sessionkit_integrations.demo.answers import answer
from sessionkit_integrations.openai_agents.codec import OpenAIAgentsCodec
from sessionkit_integrations.records.codec import PLAIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class OfflineModel(Model):
    """A model that answers from the items it is given."""

    async def get_response(
        self,
        system_instructions: str | None,  # noqa: ARG002 - the SDK's signature
        input: Any,  # noqa: A002
        *_args: Any,
        **_kwargs: Any,
    ) -> ModelResponse:
        """Answer a conversation."""
        items = [{"role": "user", "content": input}] if isinstance(input, str) else input
        reply = answer([PLAIN.decode(fields) for fields in OpenAIAgentsCodec().encode([items])])
        output: list[Any] = [
            ResponseFunctionToolCall(type="function_call", call_id=call["id"], **call["function"])
            for call in reply.get("tool_calls", ())
        ]
        if reply["content"]:
            text = ResponseOutputText(type="output_text", text=str(reply["content"]), annotations=[])
            message = {"id": f"msg_{len(items)}", "type": "message", "role": "assistant", "status": "completed"}
            output.append(ResponseOutputMessage.model_validate({**message, "content": [text]}))
        return ModelResponse(output, Usage(), None)

    def stream_response(self, *_args: Any, **_kwargs: Any) -> AsyncIterator[Any]:
        """Refuse to stream."""
        raise NotImplementedError("the offline model does not stream in the OpenAI Agents SDK")
