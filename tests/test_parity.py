"""Every method that does I/O has an asynchronous twin with the same parameters."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from sessionkit_integrations import (
    InMemoryStore,
    RedisStore,
    SessionKitAsyncChatStore,
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionManager,
    SQLiteStore,
    Store,
    UpstashStore,
)
from sessionkit_integrations.sessions.chats import Chats

PACKAGE = "sessionkit_integrations"
DOES_NO_IO = {"using", "decode", "describe_url", "model_post_init", "survey", "notices", "take_snapshot", "turn"}
LOOKED_AT = {"ask", "nodes"}
"""Methods with which the doctor looks at a server; no application does."""

OTHERWISE_NAMED = {"messages": "aget_messages", "add_message": "async_add_message"}
"""Twins whose names the frameworks chose."""


def io_members(cls: type) -> dict[str, Any]:
    return {
        name: member
        for base in reversed(cls.__mro__)
        if base.__module__.startswith(PACKAGE)
        for name, member in vars(base).items()
        if not name.startswith("_") and name not in DOES_NO_IO and inspect.isfunction(member)
    }


def parameters(function: Any) -> list[tuple[str, Any]]:
    return [(each.name, each.default) for each in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize(
    ("cls", "pairs"),
    [
        (SessionManager, 25),
        (Chats, 12),
        (Store, 14),
        (InMemoryStore, 14),
        (SQLiteStore, 15),
        (RedisStore, 15),
        (UpstashStore, 14),
        (SessionKitChatStore, 8),
        (SessionKitChatMessageHistory, 3),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_method_has_its_twin_with_the_same_parameters(cls: type, pairs: int) -> None:
    members = io_members(cls)
    twins = {name: twin for name in members for twin in (f"a{name}", OTHERWISE_NAMED.get(name, "")) if twin in members}
    assert len(twins) == pairs
    assert members.keys() - twins.keys() - set(twins.values()) <= {"aget_messages"} | LOOKED_AT
    for name, twin in twins.items():
        assert parameters(members[name]) == parameters(members[twin]), name


def test_a_history_reads_its_messages_either_way() -> None:
    assert isinstance(SessionKitChatMessageHistory.messages, property)
    assert inspect.iscoroutinefunction(SessionKitChatMessageHistory.aget_messages)


def test_the_asynchronous_chat_store_is_asynchronous_throughout() -> None:
    methods = io_members(SessionKitAsyncChatStore).values()
    assert len(methods) == 11
    assert all(inspect.iscoroutinefunction(method) for method in methods)
