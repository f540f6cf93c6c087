"""Sessions of all kinds: those that nobody writes on purpose, too."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.providers.answers import PNG

texts = st.sampled_from(["", " \n", "Hello ", "é ☀ ", "x" * 200, "half \ud83d"]) | st.text(
    st.characters(codec="utf-8"), max_size=20
)
ids = st.sampled_from(["", "a", "b", "call_1", "with space|and:more", "y" * 41, "z" * 90, "sessionkit_1"])
names = st.sampled_from(["", "get_weather", "a.b:c", "1st", "mit Leerzeichen", "n" * 200, "<|x|>", "ü"])
urls = st.sampled_from(
    [
        "https://example.com/a.png",
        "http://example.com/b?c=d",
        "https://example.com/paper.pdf",
        "gs://bucket/file",
        "not a url",
        "",
        "https://[",
        f"data:image/png;base64,{PNG}",
        f"data:;base64,{PNG}",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data:image/png;base64,!!!!",
        "data:image/png;base64,",
        "data:image/png;base64,iVBO!Rw0K",
        "data:text/plain;base64,SGVsbG8=",
        "data:text/plain;base64,/w==",
        "data:text/plain;base64,ICA=",
        "data:application/pdf;base64,JVBERi0=",
        "data:application/zip;base64,UEs=",
        "data:audio/ogg;base64,T2dn\nUw==",
        "data:video/mp4;base64,AAAA",
    ]
)
media = st.one_of(
    st.builds(lambda url: {"type": "image_url", "image_url": {"url": url}}, urls),
    st.builds(lambda url: {"type": "image_url", "image_url": {"url": url, "detail": "much"}}, urls),
    st.builds(lambda url: {"type": "audio_url", "audio_url": {"url": url}}, urls),
    st.builds(lambda url: {"type": "video_url", "video_url": {"url": url}}, urls),
    st.builds(lambda url, name: {"type": "file", "file": {"file_data": url, "filename": name}}, urls, names),
    st.builds(
        lambda data, kind: {"type": "input_audio", "input_audio": {"data": data, "format": kind}},
        st.sampled_from(["UklGRg==", "?", ""]),
        st.sampled_from(["wav", "mp3", "flac"]),
    ),
)
junk: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        7,
        1.5,
        "",
        "text",
        "\ud83d",
        PNG,
        "https://example.com/a",
        [],
        [1],
        {},
        {"type": "text"},
        [{"type": 3}],
    ]
)
FIELDS = [
    "text",
    "refusal",
    "content",
    "source",
    "source_type",
    "data",
    "base64",
    "url",
    "file_uri",
    "file_id",
    "file_data",
    "file_url",
    "image_url",
    "id",
    "title",
    "name",
    "filename",
    "mime_type",
    "media_type",
    "mimeType",
    "detail",
    "input",
]
foreign = st.builds(
    lambda kind, fields, source: {"type": kind, **fields, **({"source": source} if source else {})},
    st.sampled_from(
        [
            "input_text",
            "output_text",
            "input_image",
            "input_file",
            "search_result",
            "tool_result",
            "text-plain",
            "document",
            "image",
            "audio",
            "video",
            "file",
            "media",
            "tool_call",
            "thinking",
            "reasoning",
            "container_upload",
        ]
    ),
    st.dictionaries(st.sampled_from(FIELDS), junk, max_size=6),
    st.none()
    | st.dictionaries(st.sampled_from([*FIELDS, "type"]), junk | st.sampled_from(["text", "content"]), max_size=4),
)
odd = foreign | st.sampled_from(
    [
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file"},
        {"type": "image"},
        {"type": ""},
        {"type": "mystery", "mystery": [1]},
        {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        {"type": "thinking", "thinking": "hm"},
        {"type": "refusal", "refusal": "No."},
        {"type": "refusal", "refusal": ""},
        {"type": "refusal"},
        {"type": "audio_url", "audio_url": None},
    ]
)
parts = st.lists(st.one_of(st.builds(lambda text: {"type": "text", "text": text}, texts), media, odd), max_size=4)
contents = texts | parts
arguments = st.sampled_from(
    ["{}", "", '{"a": 1}', "[1]", "null", "{", '{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}', "[" * 100_000]
)
functions = st.builds(
    lambda call_id, name, text: {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}},
    ids,
    names,
    arguments,
)
customs = st.builds(
    lambda call_id, name, text: {"id": call_id, "type": "custom", "custom": {"name": name, "input": text}},
    ids,
    names,
    texts,
)
untyped = st.builds(lambda call_id: {"id": call_id, "function": {"name": "f", "arguments": "{}"}}, ids)
extras: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        "x",
        {"google": {"thought_signature": "Z2VtaW5pLQ=="}},
        {"google": {"thought_signature": "!"}},
        {"google": {"thought_signature": 1}},
        {"google": None},
        {"anthropic": {"content": [{"type": "text", "text": "Hello "}]}},
        {"anthropic": {"content": [{"type": "thinking", "thinking": "", "signature": "claude-1"}]}},
        {"anthropic": {"content": [{}]}},
        {"anthropic": {"content": 1}},
    ]
)
details = st.sampled_from(
    [
        None,
        "x",
        [1],
        [{"type": "reasoning.text", "text": "hm", "signature": "claude-1", "format": "anthropic-claude-v1"}],
        [{"type": "reasoning.text", "signature": "claude-1"}],
        [{"type": "reasoning.text", "text": "hm", "signature": None}],
        [{"type": "reasoning.text", "text": "hm", "signature": "other", "format": "other-v1"}],
        [{"type": "reasoning.encrypted", "data": "claude-1", "format": "anthropic-claude-v1"}],
        [{"type": "reasoning.encrypted", "data": "other", "format": "openai-responses-v1"}],
        [{"type": "reasoning.summary", "summary": "hm"}],
    ]
)
calls = st.lists(
    st.builds(
        lambda call, extra: call if extra is None else {**call, "extra_content": extra},
        functions | customs | untyped,
        extras,
    ),
    max_size=3,
)


def _only_set(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


messages = st.one_of(
    st.builds(_only_set, role=st.just("system"), content=contents, name=st.none() | names),
    st.builds(_only_set, role=st.just("user"), content=contents, name=st.none() | names, color=st.none() | texts),
    st.builds(
        _only_set,
        role=st.just("assistant"),
        content=contents,
        tool_calls=st.none() | calls,
        reasoning_details=details,
        extra_content=extras,
        refusal=st.none() | texts | junk,
        audio=junk | st.just({"transcript": "Hello"}),
        function_call=junk | st.just({"name": "f", "arguments": "{"}),
    ),
    st.builds(
        lambda calls: {"role": "assistant", "content": None, "tool_calls": calls}, st.lists(functions, min_size=1)
    ),
    st.builds(
        _only_set,
        role=st.just("tool"),
        content=contents,
        tool_call_id=st.none() | ids,
        name=st.none() | names,
        is_error=st.none() | st.booleans(),
    ),
)
sessions = st.lists(messages, max_size=8)
