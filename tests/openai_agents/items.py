"""Items of the Responses API: one of each type at least, and any that Hypothesis can think of."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Item = dict[str, Any]


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON, byte for byte."""
    return json.dumps(one) == json.dumps(other)


PNG_URL = "data:image/png;base64,iVBORw0KGgo="
SAMPLES: dict[str, Item] = {
    "question": {"content": "Hi 🧠", "role": "user"},
    "question, role first": {"role": "user", "content": "Hi"},
    "empty question": {"role": "user", "content": ""},
    "developer message": {"role": "developer", "content": "Be brief.", "type": "message"},
    "system message": {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]},
    "question in full": {
        "type": "message",
        "role": "user",
        "status": "completed",
        "content": [
            {"type": "input_text", "text": "See?", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "input_image", "image_url": PNG_URL, "detail": "low"},
            {"type": "input_image", "file_id": "file-1", "detail": "auto"},
            {"type": "input_file", "file_url": "https://example.com/a.pdf"},
            {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"},
            {"type": "input_file", "file_id": "file-2"},
        ],
    },
    "question in parts": {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
    "answer, easy": {"role": "assistant", "content": "Hello", "phase": "final_answer"},
    "answer": {
        "id": "msg_1",
        "content": [{"annotations": [], "text": "Hello", "type": "output_text", "logprobs": []}],
        "role": "assistant",
        "status": "completed",
        "type": "message",
        "phase": "commentary",
    },
    "answer with citations": {
        "id": "msg_2",
        "content": [
            {
                "annotations": [
                    {
                        "type": "url_citation",
                        "url": "https://example.com",
                        "title": "T",
                        "start_index": 0,
                        "end_index": 1,
                    }
                ],
                "text": "A",
                "type": "output_text",
            },
            {"text": "B", "annotations": [], "type": "output_text", "logprobs": [{"token": "B", "logprob": -0.5}]},
        ],
        "role": "assistant",
        "status": "completed",
        "type": "message",
    },
    "refusal": {
        "id": "msg_3",
        "content": [{"refusal": "No.", "type": "refusal"}],
        "role": "assistant",
        "status": "completed",
        "type": "message",
    },
    "answer of nothing": {"id": "msg_4", "content": [], "role": "assistant", "status": "completed", "type": "message"},
    "reasoning": {
        "id": "rs_1",
        "summary": [{"text": "**First**\n\nlook.", "type": "summary_text"}, {"text": "Then", "type": "summary_text"}],
        "type": "reasoning",
        "content": [{"text": "hm", "type": "reasoning_text"}],
        "encrypted_content": "gAAAA",
        "status": "completed",
    },
    "reasoning, encrypted": {"id": "rs_2", "summary": [], "type": "reasoning", "encrypted_content": "gAAAA"},
    "reasoning of another provider": {
        "id": "__fake_id__",
        "summary": [{"text": "hm", "type": "summary_text"}],
        "type": "reasoning",
        "provider_data": {"model": "deepseek/deepseek-reasoner"},
    },
    "function call": {
        "arguments": '{"city": "Paris"}',
        "call_id": "call_1",
        "name": "weather",
        "type": "function_call",
        "id": "fc_1",
        "status": "completed",
        "namespace": "geo",
    },
    "function call, bare": {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": ""},
    "function output": {"call_id": "call_1", "output": "Sunny", "type": "function_call_output"},
    "function output in parts": {
        "type": "function_call_output",
        "call_id": "call_1",
        "output": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": PNG_URL}],
        "status": "completed",
    },
    "custom call": {"call_id": "call_2", "input": "SELECT 1", "name": "sql", "type": "custom_tool_call", "id": "ctc_1"},
    "custom output": {"call_id": "call_2", "output": "1", "type": "custom_tool_call_output"},
    "computer call": {
        "id": "cu_1",
        "call_id": "call_3",
        "pending_safety_checks": [{"id": "s", "code": "c", "message": "m"}],
        "status": "completed",
        "type": "computer_call",
        "action": {"type": "click", "button": "left", "x": 1, "y": 2},
    },
    "computer call of many actions": {
        "id": "cu_2",
        "call_id": "call_3",
        "pending_safety_checks": [],
        "status": "completed",
        "type": "computer_call",
        "actions": [{"type": "wait"}, {"type": "screenshot"}],
    },
    "computer output": {
        "call_id": "call_3",
        "output": {"type": "computer_screenshot", "image_url": PNG_URL},
        "type": "computer_call_output",
        "acknowledged_safety_checks": [{"id": "s"}],
    },
    "computer output by id": {
        "call_id": "call_3",
        "output": {"type": "computer_screenshot", "file_id": "file-3"},
        "type": "computer_call_output",
    },
    "local shell call": {
        "id": "lsh_1",
        "action": {"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": None},
        "call_id": "call_4",
        "status": "completed",
        "type": "local_shell_call",
    },
    "local shell output": {"type": "local_shell_call_output", "id": "call_4", "output": "a.py"},
    "shell call": {
        "id": "sh_1",
        "action": {"commands": ["ls"], "timeout_ms": 10, "max_output_length": 1.5},
        "call_id": "call_5",
        "status": "completed",
        "type": "shell_call",
        "environment": None,
    },
    "shell output": {
        "call_id": "call_5",
        "output": [{"stdout": "a.py", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
        "type": "shell_call_output",
        "max_output_length": 100,
    },
    "patch call": {
        "id": "apc_1",
        "call_id": "call_6",
        "operation": {"type": "update_file", "path": "a.py", "diff": "+x"},
        "status": "completed",
        "type": "apply_patch_call",
    },
    "patch output": {
        "call_id": "call_6",
        "status": "failed",
        "type": "apply_patch_call_output",
        "output": "no such file",
    },
    "patch output of nothing": {"call_id": "call_6", "status": "completed", "type": "apply_patch_call_output"},
    "tool search by us": {
        "type": "tool_search_call",
        "call_id": "call_7",
        "arguments": {"query": "maps"},
        "execution": "client",
        "status": "completed",
    },
    "tool search by the server": {
        "type": "tool_search_call",
        "call_id": None,
        "arguments": {"paths": ["crm"]},
        "execution": "server",
    },
    "found tools": {
        "type": "tool_search_output",
        "call_id": "call_7",
        "execution": "client",
        "tools": [{"type": "function", "name": "f", "parameters": {"b": 1, "a": 2}}],
    },
    "approval request": {
        "id": "mcpr_1",
        "arguments": '{"q":1}',
        "name": "ask",
        "server_label": "wiki",
        "type": "mcp_approval_request",
    },
    "approval": {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True},
    "rejection": {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": False, "reason": "No."},
    "call of a server's tool": {
        "id": "mcp_1",
        "arguments": "{}",
        "name": "ask",
        "server_label": "wiki",
        "type": "mcp_call",
        "approval_request_id": None,
        "error": None,
        "output": "42",
    },
    "tools of a server": {
        "id": "mcpl_1",
        "server_label": "wiki",
        "tools": [{"name": "ask", "input_schema": {"type": "object"}, "annotations": None}],
        "type": "mcp_list_tools",
    },
    "image": {"id": "ig_1", "result": "iVBORw0KGgo=", "status": "completed", "type": "image_generation_call"},
    "image of a format": {
        "id": "ig_2",
        "result": "UklGRg==",
        "status": "completed",
        "type": "image_generation_call",
        "output_format": "webp",
        "revised_prompt": "a cat",
    },
    "image that failed": {"id": "ig_3", "result": None, "status": "failed", "type": "image_generation_call"},
    "code interpreter": {
        "id": "ci_1",
        "code": "print(1)",
        "container_id": "c",
        "outputs": [{"type": "logs", "logs": "1"}],
        "status": "completed",
        "type": "code_interpreter_call",
    },
    "file search": {
        "id": "fs_1",
        "queries": ["q"],
        "status": "completed",
        "type": "file_search_call",
        "results": [{"file_id": "f", "filename": "a", "score": 0.5, "text": "x", "attributes": {}}],
    },
    "web search": {
        "id": "ws_1",
        "action": {"type": "search", "query": "q", "sources": [{"type": "url", "url": "https://example.com"}]},
        "status": "completed",
        "type": "web_search_call",
    },
    "compaction": {"id": "cmp_1", "encrypted_content": "gAAAA", "type": "compaction"},
    "compaction trigger": {"type": "compaction_trigger"},
    "reference": {"id": "msg_1", "type": "item_reference"},
    "reference without a type": {"id": "msg_1"},
    "more tools": {"role": "developer", "tools": [{"type": "web_search"}], "type": "additional_tools"},
    "configuration": {"type": "configuration_update", "reasoning": {"effort": "low"}},
    "program": {"id": "pr_1", "call_id": "call_8", "code": "1", "fingerprint": "x", "type": "program"},
    "output of a program": {
        "id": "po_1",
        "call_id": "call_8",
        "result": "1",
        "status": "completed",
        "type": "program_output",
    },
    "from tomorrow": {"type": "hologram", "frames": [{"z": 1, "a": [True, None, 1.0]}], "name": "Leia"},
}
"""Items by what they are; those with an ``id`` first are as the SDK dumps what the API returned."""
EVERY_KIND: list[list[Item]] = [
    *([item] for item in SAMPLES.values()),
    [SAMPLES["reasoning"], SAMPLES["answer"], SAMPLES["function call"], SAMPLES["custom call"], SAMPLES["image"]],
    [{"role": "user", "content": "half an emoji: \ud83d", "\ud83d": [b"\xff", float("inf"), 2**2000]}],
]
"""The items of each record of the fixtures."""

_KEYS = sorted({key for item in SAMPLES.values() for key in item})
_TYPES = sorted({item["type"] for item in SAMPLES.values() if "type" in item})
_odd_texts = st.sampled_from(["", "x", "\ud83d", "\0", "assistant", "user", "{}", "[]", "NaN", '{"action": 1}'])
_scalars = st.none() | st.booleans() | st.integers() | st.floats() | _odd_texts | st.binary(max_size=3)
_junk: st.SearchStrategy[Any] = st.recursive(
    _scalars | st.sampled_from(list(SAMPLES.values())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS) | _odd_texts, inner, max_size=3),
    max_leaves=6,
)
_roles = st.sampled_from(["user", "assistant", "system", "developer", "tool", "critic"])
_any_item = st.dictionaries(st.sampled_from([*_KEYS, "\ud83d"]), _junk, max_size=5).flatmap(
    lambda rest: st.fixed_dictionaries(
        {}, optional={"type": st.sampled_from(_TYPES) | _junk, "role": _roles | _junk, "content": _junk}
    ).map(lambda first: {**first, **rest})
)


@st.composite
def _changed(draw: st.DrawFn) -> Item:
    """Return an item of a known type with other values in some fields, some missing, and in another order."""
    item = dict(draw(st.sampled_from(list(SAMPLES.values()))))
    for key in draw(st.lists(st.sampled_from(sorted(item)), max_size=2, unique=True)):
        item.pop(key)
        if draw(st.booleans()):
            item[key] = draw(_junk)
    return item


ITEMS = st.sampled_from(list(SAMPLES.values())) | _changed() | _any_item
