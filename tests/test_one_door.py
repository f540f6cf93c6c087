"""Records are read from a store, and become messages, in one place."""

from __future__ import annotations

import ast

import pytest

from tests.test_rooms import modules, room_of

DOOR = {"sessions.chat_reads", "sessions.chats", "sessions.snapshot", "sessions.steps"}
HOLD_RECORDS = {"records", "stores", "testing"}
"""Rooms that keep records, or check how they are kept."""
READS = {"read", "aread", "read_both", "aread_both"}
LOOK_AT_SERVERS = {"cli.checks.redis", "cli.checks.upstash"}
"""Modules that read a session that is not there, to find out whether they may."""


def reads_of(tree: ast.AST) -> list[str]:
    """Return the calls in a tree that read a store, and its uses of `decode_all`."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READS:
            place = ast.unparse(node.func.value)
            if place.rpartition(".")[2].endswith("store"):
                found.append(ast.unparse(node.func))
        elif isinstance(node, ast.Name) and node.id == "decode_all":
            found.append(node.id)
    return found


@pytest.mark.slow
def test_only_the_door_reads_records() -> None:
    reading = {
        name: reads
        for name, tree in modules().items()
        if room_of(name) not in HOLD_RECORDS and name not in LOOK_AT_SERVERS and (reads := reads_of(tree))
    }
    assert reading.keys() <= DOOR, reading
    assert reading.keys() == DOOR


def test_the_check_sees_reads() -> None:
    source = "self.sessions.store.read(x)\nawait self._store.aread_both(x)\nchats.read(x)\nfile.read()\ndecode_all(x)\n"
    assert sorted(reads_of(ast.parse(source))) == ["decode_all", "self._store.aread_both", "self.sessions.store.read"]
