"""Sessions for Anthropic's Messages API."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.providers.anthropic_media import to_block
from sessionkit_integrations.providers.contents import (
    arguments_object,
    assistant_message,
    clean_name,
    convert_content,
    leave_out_media,
    tool_name,
)
from sessionkit_integrations.providers.conversation import Turn, alternating, well_formed
from sessionkit_integrations.providers.usage import usage_of_response
from sessionkit_integrations.records.media import Part, text_part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessionkit_integrations.records.messages import Message

Block = dict[str, Any]

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NOT_IN_TOOL_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_LENGTH = 128
_FORMAT = "anthropic-claude-v1"
_THINKING = ("thinking", "redacted_thinking")
_ORDER = {"thinking": 0, "redacted_thinking": 0, "text": 1, "tool_use": 2}
_KNOWN_KEYS = {
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
    "text": {"type", "text"},
    "tool_use": {"type", "id", "name", "input"},
}
"""Keys of a response's blocks, by type, that a message has fields for."""
_DONE = ("end_turn", "stop_sequence", "pause_turn")
_NOTHING = text_part("(no message)")


def to_anthropic(messages: Sequence[Message]) -> dict[str, Any]:
    """Return the keyword arguments for ``anthropic.Anthropic().messages.create(model=…, max_tokens=…, **kwargs)``.

    The request follows the reference (platform.claude.com/docs/en/api/messages, and handle-tool-calls under
    agents-and-tools/tool-use) and the errors that the API returns:

    - All system messages become ``system``, a list of text blocks whose last one can carry a ``cache_control``. So do
      those inside the conversation, as only the newest models take them there. Without any, there is no ``system``.
    - User and assistant alternate, and the user begins. Where an assistant's greeting opens the session, or a user
      said nothing, the user says "(no message)".
    - Each tool call is followed by its result; see `well_formed`. Results come first in a user message. Ids that
      Anthropic would refuse are replaced. In names of tools, characters other than letters, digits, ``_`` and ``-``
      become ``_``. Arguments that are not a JSON object come under ``arguments``.
    - Images (base64 of JPEG, PNG, GIF and WebP, or by https), PDF files and texts are sent. Audio, video and other
      files are left out, and a text says so. Images in the result of a tool that failed come after the results.
    - Thinking goes back unchanged, at the start of its message (build-with-claude/extended-thinking). Thinking of other
      providers, without a signature, or at the end of a message is left out, as the API would refuse it. If thinking
      is enabled while another provider's calls of the current turn are still open, models before adaptive thinking ask
      for a thinking block that does not exist: leave it disabled until that turn is over.
    - If the session ends with a text of the assistant, the model continues that text, without white space at its end.
      Recent models do not support this: add a user message before you ask.

    Args:
        messages: A session. It is not changed.

    Raises:
        InvalidMessageError: No message is from the user or a tool.

    Examples:
        >>> to_anthropic([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}])["system"]
        [{'type': 'text', 'text': 'Be brief.'}]
    """
    system: list[Block] = []
    said: list[Turn] = []
    for message in well_formed(messages, _ID):
        if message["role"] == "system":
            system += convert_content(message, leave_out_media)
        elif message["role"] == "assistant":
            said.append(("assistant", _assistant_blocks(message)))
        else:
            said.append(("user", _result_blocks(message) if message["role"] == "tool" else _user_blocks(message)))
    turns: list[Block] = [
        {"role": role, "content": sorted(blocks, key=lambda block: block["type"] != "tool_result")}
        if role == "user"
        else {"role": role, "content": blocks}
        for role, blocks in alternating(said, _NOTHING)
    ]
    last = turns[-1]["content"][-1]
    if turns[-1]["role"] == "assistant" and last["type"] == "text":
        turns[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}
    return {"system": system, "messages": turns} if system else {"messages": turns}


def from_anthropic(response: Any) -> Message:
    """Return the message to store for a response of the Messages API.

    It has the text, the tool calls, ``usage``, and thinking as ``reasoning_details``. A response that says more, such
    as results of Anthropic's own tools, citations, or blocks in another order than thinking, text and calls, is also
    kept as a whole under ``extra_content``. Anthropic wants it back unchanged, and `to_anthropic` sends it unchanged as
    long as nobody changed the text and the calls of the message.

    Args:
        response: A response of ``messages.create``. For a stream, pass the result of ``stream.get_final_message()`` of
            ``client.messages.stream(…)``.

    Raises:
        InvalidMessageError: It says nothing although the model was not done, as after a refusal or at the token limit.

    Examples:
        >>> kwargs = to_anthropic(sessions.get_session("user123"))
        >>> response = anthropic_client.messages.create(model="claude-opus-5-5", max_tokens=1024, **kwargs)
        >>> sessions.send_message("user123", from_anthropic(response))
    """
    blocks = [_without_nulls(block.to_dict()) for block in response.content]
    extra = None if _is_canonical(blocks) else {"anthropic": {"content": blocks}}
    return _message(blocks, response.stop_reason, extra_content=extra, usage=usage_of_response(response))


def _message(blocks: Sequence[Block], stop_reason: object, **more: Any) -> Message:
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    calls = [
        {
            "id": block["id"],
            "type": "function",
            "function": {"name": block["name"], "arguments": json.dumps(block["input"], ensure_ascii=False)},
        }
        for block in blocks
        if block["type"] == "tool_use"
    ]
    return assistant_message(
        texts[0] if len(texts) == 1 else [text_part(text) for text in texts],
        calls,
        stop_reason,
        finished=stop_reason in _DONE,
        reasoning_details=[_detail(block) for block in blocks if block["type"] in _THINKING],
        **more,
    )


def _detail(block: Block) -> Part:
    if block["type"] == "redacted_thinking":
        return {"type": "reasoning.encrypted", "data": block["data"], "format": _FORMAT}
    signature = block.get("signature")
    return {"type": "reasoning.text", "text": block["thinking"], "signature": signature, "format": _FORMAT}


def _is_canonical(blocks: Sequence[Block]) -> bool:
    order = [_ORDER.get(block["type"], -1) for block in blocks]
    return (
        -1 not in order
        and order == sorted(order)
        and all(block.keys() <= _KNOWN_KEYS[block["type"]] for block in blocks)
    )


def _without_nulls(block: Block) -> Block:
    """Return a block of a response as a request takes it: the API refuses nulls and ids of files that it sent."""
    block = {name: value for name, value in block.items() if value is not None}
    if isinstance(block.get("caller"), dict) and block["caller"].get("type") == "direct":
        del block["caller"]  # the default
    if "citations" in block:
        block["citations"] = [
            {name: value for name, value in citation.items() if name != "file_id"} for citation in block["citations"]
        ]
    return block


def _assistant_blocks(message: Mapping[str, Any]) -> list[Block]:
    blocks = _original(message) or [
        *_thinking(message.get("reasoning_details")),
        *convert_content(message, leave_out_media),
        *map(_call, message.get("tool_calls") or ()),
    ]
    while blocks and blocks[-1]["type"] in _THINKING:
        blocks.pop()
    return blocks


def _original(message: Mapping[str, Any]) -> list[Block] | None:
    """Return the blocks of the response as they were, if they still say the same as the message."""
    calls = message.get("tool_calls") or ()
    try:
        blocks: list[Block] = message["extra_content"]["anthropic"]["content"]
        was = _message(blocks, _DONE[0])
        functions = [call["function"] for call in was.get("tool_calls", ())]
        if was["content"] != message["content"] or functions != [call["function"] for call in calls]:
            return None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    uses = map(_call, calls)
    return [
        {**block, **(next(uses) if block["type"] == "tool_use" else {})}
        for block in blocks
        if block["type"] != "text" or block["text"].strip()
    ]


def _thinking(details: object) -> list[Block]:
    blocks = []
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict):
            continue
        origin = detail.get("format")
        if detail.get("type") == "reasoning.text" and detail.get("signature") and origin in (None, "unknown", _FORMAT):
            blocks.append({"type": "thinking", "thinking": detail.get("text") or "", "signature": detail["signature"]})
        elif detail.get("type") == "reasoning.encrypted" and detail.get("data") and origin == _FORMAT:
            blocks.append({"type": "redacted_thinking", "data": detail["data"]})
    return blocks


def _call(call: Mapping[str, Any]) -> Block:
    name = clean_name(tool_name(call), _NOT_IN_TOOL_NAMES, _NAME_LENGTH)
    return {"type": "tool_use", "id": call["id"], "name": name, "input": arguments_object(call)}


def _user_blocks(message: Mapping[str, Any]) -> list[Block]:
    return convert_content(message, to_block)


def _result_blocks(message: Mapping[str, Any]) -> list[Block]:
    result: Block = {"type": "tool_result", "tool_use_id": message["tool_call_id"]}
    content = convert_content(message, to_block)
    after: list[Block] = []
    if message.get("is_error"):
        # "all content must be type `text` if `is_error` is true"
        after = [block for block in content if block["type"] != "text"]
        content = [block for block in content if block["type"] == "text"]
        result["is_error"] = True
    if content:
        result["content"] = content
    return [result, *after]
