from __future__ import annotations

import pytest

from tests.backends import SEARCHING, SEARCHING_FILE

IN_ONE_WORLD = {"redis-6.2": "sync", "valkey-9": "async", SEARCHING: "sync", SEARCHING_FILE: "sync"}
"""Backends on which the conformance suite runs in one world; on those that do nearly the same, it runs in both."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if isinstance(item, pytest.Function) and _is_left_out(item)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def _is_left_out(item: pytest.Function) -> bool:
    if getattr(item.cls, "__name__", "") != "TestStores" or not hasattr(item, "callspec"):
        return False
    world, server = (str(item.callspec.params.get(name)) for name in ("surface", "make_store"))
    return world != IN_ONE_WORLD.get(server, world)
