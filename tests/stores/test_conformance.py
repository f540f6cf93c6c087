"""The conformance suite on every store and server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import SessionManager
from sessionkit_integrations.testing import StoreConformance
from tests.backends import ALL, SEARCHING, SEARCHING_FILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import Backends, StoreMaker


EXAMPLES = {"memory": 60, "redis-6.2": 10, "valkey-9": 10, "cluster": 4, "upstash": 4, SEARCHING: 4, SEARCHING_FILE: 10}
"""Random sequences of operations, most where they take least: all that run the scripts run the same ones."""


class TestStores(StoreConformance):
    @pytest.fixture(params=[*ALL, SEARCHING, SEARCHING_FILE])
    def make_store(self, request: pytest.FixtureRequest, backends: Backends) -> StoreMaker:
        self.examples = EXAMPLES.get(request.param, self.examples)
        return backends.maker(request.param)

    test_any_sequence_of_operations = pytest.mark.hypothesis(StoreConformance.test_any_sequence_of_operations)


def test_the_stores_of_the_package_tell_every_figure(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    store = make_store(ttl=60)
    call(SessionManager(store=store), "add_user_message", "s", "Hello")
    info = call(store, "describe", "s")
    assert (info.turns, info.messages, info.archived, info.appended) == (1, 1, 0, 1)
    assert info.created is not None
    assert info.created <= info.updated < info.expires <= info.updated + timedelta(seconds=61)
