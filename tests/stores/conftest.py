from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.backends import SEARCHING, SEARCHING_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backends import Backends

IN_ONE_WORLD = {"redis-6.2": "sync", "valkey-9": "async", SEARCHING: "sync", SEARCHING_FILE: "sync"}
"""Backends on which the conformance suite runs in one world; on those that do nearly the same, it runs in both."""


@pytest.fixture
def searching_url(backends: Backends) -> Iterator[str]:
    """A server with a query engine, whose keys are gone afterwards."""
    backends.maker(SEARCHING)
    server = backends.searching()
    yield server.url
    with server.client() as client:
        client.flushall()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if isinstance(item, pytest.Function) and _is_left_out(item)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def _is_left_out(item: pytest.Function) -> bool:
    if getattr(item.cls, "__name__", "") != "TestStores" or not hasattr(item, "callspec"):
        return False
    world, server = (str(item.callspec.params.get(name)) for name in ("surface", "make_store"))
    return world != IN_ONE_WORLD.get(server, world)
