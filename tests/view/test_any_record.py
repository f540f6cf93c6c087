"""Whatever another writer stored is shown and exported, or is a typed error."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sessionkit_integrations import CorruptSessionError, Edit, InMemoryStore, SessionManager
from sessionkit_integrations.porting.exporting import Exported, export_sessions
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.view.terminal import to_lines, to_panel

NAMES = (
    "id",
    "type",
    "function",
    "name",
    "arguments",
    "text",
    "url",
    "image_url",
    "custom",
    "input",
    "turns",
    "messages",
)
FIELDS = (
    *("content", "tool_calls", "tool_call_id", "name", "is_error", "reasoning_details", "refusal", "at"),
    *("tokens", "summary", "langchain", "llama_index", "extra_content", "audio"),
)
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
roles = st.sampled_from(["system", "user", "assistant", "tool", "developer"])
records = st.fixed_dictionaries({"role": roles}, optional=dict.fromkeys(FIELDS, junk))


@settings(deadline=None)
@given(st.lists(records, min_size=1, max_size=4))
def test_any_record_is_shown_and_exported_or_a_typed_error(fields: list[dict[str, Any]]) -> None:
    sessions = SessionManager(store=InMemoryStore())
    sessions.store.replace("s", Edit(tuple(Record(json.dumps(each).encode()) for each in fields)), None, "1")
    with suppress(CorruptSessionError):
        view = sessions.view("s")
        assert view._repr_html_()
        assert to_panel(view)
        assert to_lines(view.messages)
    for fine_tuning_data in (False, True):
        done = Exported()
        list(export_sessions(sessions, ["s"], done, fine_tuning_data=fine_tuning_data, skip_corrupt=True))
        assert done.messages + done.corrupt.get("s", 0) + done.without_assistant * len(fields) >= len(fields)
