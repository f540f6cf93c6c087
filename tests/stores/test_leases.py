"""Leases of sessions: one holder at a time, each for a while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import RedisStore, SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import Backends, StoreMaker

LONG = 60.0


@pytest.mark.pairwise
def test_one_holder_has_a_lease(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    store = make_store()

    def lease(*args: Any) -> bool:
        taken = call(store, "lease", *args)
        assert isinstance(taken, bool)
        return taken

    assert lease("s", "summary", "one", LONG)
    assert lease("s", "summary", "one", LONG)
    assert not lease("s", "summary", "two", LONG)
    assert lease("s", "turn", "two", LONG)
    assert lease("t", "summary", "two", LONG)
    assert not lease("s", "summary", "two", 0)
    assert not lease("s", "summary", "two", LONG)
    assert lease("s", "summary", "one", 0)
    assert lease("s", "summary", "two", 0.05)
    assert not lease("s", "summary", "one", LONG)
    time.sleep(0.1)
    assert lease("s", "summary", "one", LONG)
    assert list(store.sessions()) == []
    assert store.describe("s") is None


@pytest.mark.parametrize("backend", ["sqlite", "redis-8.2"])
def test_a_lease_holds_between_stores(backends: Backends, tmp_path: Any, backend: str) -> None:
    def make() -> SQLiteStore | RedisStore:
        if backend == "sqlite":
            return SQLiteStore(tmp_path / "s.db")
        return RedisStore(backends.server(backend).url, key_prefix="leased:")

    with make() as one, make() as two:
        assert one.lease("s", "summary", "one", LONG)
        assert not two.lease("s", "summary", "two", LONG)
        assert one.lease("s", "summary", "one", 0)
        assert two.lease("s", "summary", "two", LONG)
        assert two.lease("s", "summary", "two", 0)
