"""LangChain's content blocks for the tests: one of each shape, and strategies for any of each shape."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

PNG = "iVBORw0KGgo="
WAV = "UklGRiQAAABXQVZF"
PDF = "JVBERi0xLjc="
URL = "https://example.com/a"
DATA_URL = f"data:image/png;base64,{PNG}"

SHAPES: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "text": "Look: 🧠"},
    "text with annotations": {
        "type": "text",
        "text": "It rains.",
        "id": "lc_1",
        "index": 0,
        "annotations": [{"type": "citation", "url": URL, "cited_text": "rain", "start_index": 0, "end_index": 9}],
    },
    "text with Anthropic's citations": {"type": "text", "text": "x", "citations": [{"type": "char_location", "n": 1}]},
    "text to cache": {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}},
    "refusal": {"type": "refusal", "refusal": "I would rather not."},
    "OpenAI image": {"type": "image_url", "image_url": {"url": DATA_URL, "detail": "low"}},
    "OpenAI image by URL": {"type": "image_url", "image_url": {"url": URL}, "cache_control": {"type": "ephemeral"}},
    "image URL as text": {"type": "image_url", "image_url": URL},
    "image data URL as text": {"type": "image_url", "image_url": DATA_URL},
    "OpenAI audio": {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
    "OpenAI file": {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "a.pdf"}},
    "OpenAI file by id": {"type": "file", "file": {"file_id": "file-1"}},
    "OpenRouter file by URL": {"type": "file", "file": {"file_data": URL, "filename": "a.pdf"}},
    "vLLM video": {"type": "video_url", "video_url": {"url": URL}},
    "vLLM audio": {"type": "audio_url", "audio_url": {"url": URL}},
    "image by URL": {"type": "image", "url": URL, "mime_type": "image/png", "id": "lc_2"},
    "image in base64": {"type": "image", "base64": PNG, "mime_type": "image/png", "extras": {"detail": "high"}},
    "image in base64 of no type": {"type": "image", "base64": PNG},
    "image by id": {"type": "image", "file_id": "file-1"},
    "audio by URL": {"type": "audio", "url": URL, "mime_type": "audio/ogg"},
    "audio in base64": {"type": "audio", "base64": WAV, "mime_type": "audio/x-wav", "index": 1},
    "audio of no type": {"type": "audio", "base64": WAV},
    "video by URL": {"type": "video", "url": URL},
    "video in base64": {"type": "video", "base64": PNG, "mime_type": "video/mp4"},
    "file by URL": {"type": "file", "url": URL, "extras": {"filename": "a.pdf", "title": "A"}},
    "file in base64": {"type": "file", "base64": PDF, "mime_type": "application/pdf", "filename": "a.pdf"},
    "file by id": {"type": "file", "file_id": "file-1"},
    "plain text": {"type": "text-plain", "text": "x", "mime_type": "text/plain", "title": "T", "context": "C"},
    "plain text by URL": {"type": "text-plain", "url": URL, "mime_type": "text/plain"},
    "v0 image by URL": {"type": "image", "source_type": "url", "url": URL},
    "v0 image": {"type": "image", "source_type": "base64", "data": PNG, "mime_type": "image/png", "metadata": {}},
    "v0 audio": {"type": "audio", "source_type": "base64", "data": WAV, "mime_type": "audio/wav"},
    "v0 file by id": {"type": "file", "source_type": "id", "id": "file-1"},
    "v0 file of text": {"type": "file", "source_type": "text", "text": "x"},
    "Anthropic image": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    "Anthropic image by URL": {"type": "image", "source": {"type": "url", "url": URL}},
    "Anthropic document": {
        "type": "document",
        "title": "A",
        "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
        "citations": {"enabled": True},
    },
    "Anthropic document by URL": {"type": "document", "source": {"type": "url", "url": URL}},
    "Anthropic document by id": {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
    "Anthropic text document": {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "x"},
        "context": "C",
    },
    "Gemini media": {"type": "media", "mime_type": "video/mp4", "data": PNG},
    "Gemini media by URI": {"type": "media", "mime_type": "application/pdf", "file_uri": URL},
    "reasoning": {"type": "reasoning", "reasoning": "hm", "id": "lc_3", "extras": {"signature": "sig", "more": 1}},
    "reasoning of nothing": {"type": "reasoning"},
    "OpenAI reasoning": {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}],
        "encrypted_content": "abc",
    },
    "OpenAI reasoning without a summary": {"type": "reasoning", "id": "rs_1", "summary": []},
    "Anthropic thinking": {"type": "thinking", "thinking": "hm", "signature": "sig", "index": 0},
    "Anthropic redacted thinking": {"type": "redacted_thinking", "data": "abc"},
    "tool call": {"type": "tool_call", "id": "call_1", "name": "weather", "args": {"city": "Zürich"}},
    "Anthropic tool use": {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Zürich"}},
    "streamed Anthropic tool use": {
        "type": "tool_use",
        "id": "call_1",
        "name": "weather",
        "input": {},
        "partial_json": '{"city": "Zürich"}',
        "index": 1,
    },
    "invalid tool call": {"type": "invalid_tool_call", "id": "1", "name": "f", "args": "{", "error": "cut off"},
    "server tool call": {"type": "server_tool_call", "id": "s1", "name": "web_search", "args": {"q": "rain"}},
    "server tool result": {"type": "server_tool_result", "tool_call_id": "s1", "status": "success", "output": [1]},
    "Anthropic server tool use": {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"q": "rain"}},
    "OpenAI web search": {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    "Gemini code": {"type": "executable_code", "executable_code": "1+1", "language": "PYTHON"},
    "non-standard": {"type": "non_standard", "value": {"a": 1}},
    "Bedrock cache point": {"cachePoint": {"type": "default"}},
    "no type": {"text": "x"},
    "type of no text": {"type": None, "text": "x"},
    "nothing": {},
}

_names = st.text(max_size=8)
_sizes = st.integers(0, 3)


def blocks(json_values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for blocks of all shapes: some as they are, some with fields that are other, more or gone."""
    more = st.sampled_from(["id", "index", "extras", "mime_type", "filename", "title", "signature", "source", "type"])

    def varied(block: dict[str, Any], added: dict[str, Any], dropped: int) -> dict[str, Any]:
        kept = list(block)[dropped:] if dropped else list(block)
        return {**{name: block[name] for name in kept}, **added}

    added = st.dictionaries(more | _names, json_values, max_size=2)
    shapes = st.sampled_from(list(SHAPES.values()))
    replaced = shapes.flatmap(
        lambda block: st.fixed_dictionaries(
            {name: st.just(value) | json_values if name != "type" else st.just(value) for name, value in block.items()}
        )
    )
    return shapes | replaced | st.builds(varied, shapes | replaced, added, _sizes)
