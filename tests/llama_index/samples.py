"""Messages of every kind that LlamaIndex has, one of each and at random."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from openai.types.chat import ChatCompletionMessageFunctionToolCall
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall
from openai.types.responses import ResponseFunctionWebSearch

PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
OPENAI_CALLS = [{"id": "call_1", "type": "function", "function": {"name": "search", "arguments": '{"q": "é 🧠"}'}}]
OPENAI_OBJECTS = [ChatCompletionMessageFunctionToolCall.model_validate(call) for call in OPENAI_CALLS]
STREAMED_OBJECTS = [ChoiceDeltaToolCall.model_validate({**call, "index": 0}) for call in OPENAI_CALLS]
WEB_SEARCH = ResponseFunctionWebSearch.model_validate(
    {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
)
CALL = ToolCallBlock(tool_call_id="call_1", tool_name="search", tool_kwargs={"q": "é 🧠", "nested": [{"n": None}]})
TEXT_CALL = ToolCallBlock(tool_call_id="call_2", tool_name="run", tool_kwargs="print(1)")
JSON_TEXT_CALL = ToolCallBlock(tool_call_id="call_3", tool_name="run", tool_kwargs='{"q": 1}')
GIVEN_CALL = ToolCallBlock(tool_call_id="call_1", tool_name="search", tool_kwargs='{"q": "é 🧠"}')
PNG_URL = f"data:image/png;base64,{b64encode(PNG).decode()}"


def user(*blocks: Any, **kwargs: Any) -> ChatMessage:
    return ChatMessage(role="user", blocks=list(blocks), additional_kwargs=kwargs)


def assistant(*blocks: Any, **kwargs: Any) -> ChatMessage:
    return ChatMessage(role="assistant", blocks=list(blocks), additional_kwargs=kwargs)


def text(value: str) -> TextBlock:
    return TextBlock(text=value)


EVERY_KIND = {
    **{f"role {role.value}": ChatMessage(role=role, content=f"from {role.value}") for role in MessageRole},
    "odd text": user(text('é 🧠 \u2028 "quoted" \\ \x00')),
    "several texts": user(text("one"), text("two")),
    "no blocks": user(),
    "empty text": user(text("")),
    "image bytes": user(text("what is"), ImageBlock(image=PNG, detail="low"), text("this?")),
    "image url": user(ImageBlock(url="https://example.com/cat.png")),
    "image data URL": user(ImageBlock(url=PNG_URL)),
    "image of another type than it says": user(ImageBlock(image=PNG, image_mimetype="image/jpeg")),
    "image without a type": user(ImageBlock(image=b"?")),
    "image of nothing": user(ImageBlock()),
    "audio url": user(AudioBlock(url="https://example.com/cat.ogg")),
    "audio of no format": user(AudioBlock(audio=b"?")),
    "video bytes": user(VideoBlock(video=b"?", video_mimetype="video/mp4", detail="low")),
    "document url": user(DocumentBlock(url="https://example.com/a.pdf", title="A")),
    "document of text": user(DocumentBlock(data=b"Hello", title="a.txt", document_mimetype="text/plain")),
    "audio": user(AudioBlock(audio=b"\xff\xfb\x90", format="mp3")),
    "video": user(VideoBlock(url="https://example.com/cat.mp4", fps=2)),
    "document": user(DocumentBlock(data=b"%PDF-1.7 \xff", title="Manual")),
    "cache point": user(
        text("long"), CachePoint(cache_control=CacheControl(type="ephemeral", ttl="1h")), text("short")
    ),
    "citable": user(CitableBlock(title="t", source="s", content=[text("cite me"), ImageBlock(image=PNG)])),
    "citable of nothing": user(CitableBlock(title="t", source="s", content=[])),
    "citable between others": user(
        text("a"),
        CitableBlock(title="t", source="s", content=[text("b"), DocumentBlock(data=b"%PDF"), text("c")]),
        text("d"),
        CitableBlock(title="u", source="v", content=[text("e")]),
    ),
    "citation": assistant(
        CitationBlock(cited_content=text("cited"), source="s", title="t", additional_location_info={"page": 3})
    ),
    "thinking": assistant(
        ThinkingBlock(content="hmm", num_tokens=7, additional_information={"signature": "abc", "none": None}),
        text("So:"),
    ),
    "signed thinking": assistant(
        ThinkingBlock(content="hm", additional_information={"signature": "sig"}), text("So:"), CALL
    ),
    "thinking with Gemini's signature": assistant(
        ThinkingBlock(content="hm", additional_information={"thought_signature": b"\x80\x81", "deep": [{"a": b"abc"}]}),
        ThinkingBlock(additional_information={"thought_signature": b"abc"}),
        thought_signatures=[None, b"\x80"],
    ),
    "refusal in kwargs": assistant(text(""), refusal="I would rather not."),
    "thinking without a text": assistant(ThinkingBlock(num_tokens=3), text("So:")),
    "thinking between texts": assistant(
        text("a"), ThinkingBlock(content="hm"), text("b"), ThinkingBlock(content="aha")
    ),
    "thinking alone": assistant(ThinkingBlock(content="hm")),
    "call": assistant(CALL),
    "call after text": assistant(text("Let me see."), CALL),
    "call before text": assistant(CALL, text("Done.")),
    "calls around text and thinking": assistant(CALL, ThinkingBlock(content="hmm"), text("a"), TEXT_CALL, text("b")),
    "call with text arguments": assistant(TEXT_CALL),
    "call whose text is JSON": assistant(CALL, JSON_TEXT_CALL),
    "call without id": assistant(ToolCallBlock(tool_name="search")),
    "tool result": ChatMessage(
        role="tool", content="42", additional_kwargs={"tool_call_id": "call_1", "name": "search"}
    ),
    "function result": ChatMessage(role="function", content="42", additional_kwargs={"name": "search"}),
    "calls in kwargs": assistant(tool_calls=OPENAI_CALLS),
    "calls in kwargs beside text": assistant(text("Let me see."), tool_calls=OPENAI_CALLS),
    "calls in kwargs and in blocks": assistant(CALL, tool_calls=OPENAI_CALLS),
    "calls in kwargs of another shape": assistant(text("x"), tool_calls=[{"name": "search"}]),
    "calls in kwargs and, with other arguments, in blocks": assistant(
        ToolCallBlock(tool_call_id="call_1", tool_name="search", tool_kwargs={"q": 1}), tool_calls=OPENAI_CALLS
    ),
    "objects of OpenAI's in kwargs": assistant(tool_calls=OPENAI_OBJECTS),
    "objects of OpenAI's in kwargs and in blocks": assistant(text("x"), GIVEN_CALL, tool_calls=OPENAI_OBJECTS),
    "streamed objects of OpenAI's": assistant(text("x"), GIVEN_CALL, tool_calls=STREAMED_OBJECTS),
    "objects of OpenAI's Responses API": assistant(
        text("x"), built_in_tool_calls=[WEB_SEARCH], deep={"a": [WEB_SEARCH]}
    ),
    "failed tool result": ChatMessage(
        role="tool", content="no such file", additional_kwargs={"tool_call_id": "call_1", "is_error": True}
    ),
    "tool result that did not fail": ChatMessage(
        role="tool", content="42", additional_kwargs={"tool_call_id": "call_1", "is_error": False}
    ),
    "empty calls in kwargs": assistant(text("x"), tool_calls=[]),
    "nested kwargs": user(text("x"), a={"b": [1, 2.5, None, True, {"c": "é"}]}, at=1, role="r", content="c"),
    "kwargs that are no strings": user(text("x"), name=None, tool_call_id=3),
    "answer that is a tool's result": assistant(text("42"), tool_call_id="call_1"),
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(st.text(max_size=5), json_values, max_size=3)

_mime_types = st.none() | st.sampled_from(
    ["image/png", "audio/mpeg", "video/mp4", "application/pdf", "text/plain", "x"]
)
_urls = st.sampled_from(["https://example.com/a.png", "https://example.com", PNG_URL, "data:,a", "gs://a/b.mp4"])
_texts = st.builds(TextBlock, text=st.text(max_size=20))
_bytes = st.binary(min_size=1, max_size=20) | st.just(PNG)


def _media(cls: Any, data: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{data: _bytes}, **fields) | st.builds(cls, url=_urls, **fields)


_images = _media(ImageBlock, "image", image_mimetype=_mime_types, detail=st.none() | st.text(max_size=5))
_documents = _media(DocumentBlock, "data", title=st.none() | st.text(max_size=5), document_mimetype=_mime_types)
_sounds = _media(AudioBlock, "audio", format=st.sampled_from([None, "mp3", "wav", "ogg", "x/y"]))
_videos = _media(VideoBlock, "video", video_mimetype=_mime_types, fps=st.none() | st.integers())
_calls = st.builds(
    ToolCallBlock,
    tool_call_id=st.none() | st.text(max_size=8) | st.just("call_1"),
    tool_name=st.text(max_size=8) | st.just("search"),
    tool_kwargs=st.just({"q": "é 🧠"})
    | json_objects
    | st.text(max_size=8)
    | st.sampled_from(["{}", '{"a": 1}', "[]", '{"a":1}', "{"]),
)
_thoughts = st.builds(
    ThinkingBlock,
    content=st.none() | st.text(max_size=8),
    num_tokens=st.none() | st.integers(),
    additional_information=json_objects | st.fixed_dictionaries({"signature": json_values | st.binary(max_size=5)}),
)
_citables = st.builds(
    CitableBlock,
    title=st.text(max_size=5),
    source=st.text(max_size=5),
    content=st.lists(_texts | _images | _documents, max_size=2),
)
_citations = st.builds(
    CitationBlock,
    cited_content=_texts | _images,
    source=st.text(max_size=5),
    title=st.text(max_size=5),
    additional_location_info=st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
_others = _sounds | _videos | st.just(CachePoint(cache_control=CacheControl(type="ephemeral")))
_blocks = st.just([text("x"), GIVEN_CALL]) | st.lists(
    _texts | _calls | _images | _documents | _thoughts | _citables | _citations | _others, max_size=5
)
_kwargs = st.fixed_dictionaries(
    {},
    optional={
        "tool_call_id": st.text(max_size=8) | json_values,
        "name": st.text(max_size=8) | json_values,
        "tool_calls": st.sampled_from([OPENAI_CALLS, OPENAI_OBJECTS, STREAMED_OBJECTS]) | json_values,
        "is_error": st.booleans() | json_values,
        "images": st.just([]),
        "refusal": json_values | st.text(max_size=5),
        "thought_signatures": st.lists(st.none() | st.binary(max_size=5), max_size=3),
    },
)
messages = st.builds(
    ChatMessage, role=st.sampled_from(MessageRole), blocks=_blocks, additional_kwargs=_kwargs | json_objects
)
