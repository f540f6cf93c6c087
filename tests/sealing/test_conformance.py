"""The conformance suite on stores that seal, with both seals at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Compress, Encrypt, Store
from sessionkit_integrations.stores.sealed import sealed
from sessionkit_integrations.testing import StoreConformance

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.testing.surface import Surface
    from tests.backends import Backends, StoreMaker

EXAMPLES = {"memory": 30, "redis-8.2": 5, "sqlite": 10, "cluster": 2, "upstash": 2}
"""Random sequences of operations, most where they take least."""


class TestSealedStores(StoreConformance):
    @pytest.fixture(params=["memory", "redis-8.2"])
    def make_store(self, request: pytest.FixtureRequest, backends: Backends) -> StoreMaker:
        self.examples = EXAMPLES[request.param]
        make = backends.maker(request.param)

        def make_sealed(**options: Any) -> Store:
            return sealed(make(**options), [Compress(0), Encrypt(bytes(32))], 10_000_000)

        return make_sealed

    test_any_sequence_of_operations = pytest.mark.hypothesis(StoreConformance.test_any_sequence_of_operations)

    @pytest.mark.hypothesis
    @pytest.mark.parametrize(
        ("make_store", "surface"), [("sqlite", "sync"), ("cluster", "async"), ("upstash", "async")], indirect=True
    )
    def test_any_sequence_on_other_stores(self, surface: Callable[..., Surface], archiving: dict[str, bool]) -> None:
        self.test_any_sequence_of_operations(surface, archiving)
