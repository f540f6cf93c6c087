"""The conformance suite on stores that seal, with both seals at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Compress, Encrypt, Store
from sessionkit_integrations.stores.sealed import sealed
from sessionkit_integrations.testing import StoreConformance

if TYPE_CHECKING:
    from tests.backends import Backends, StoreMaker

EXAMPLES = {"memory": 30, "redis-8.2": 5}


class TestSealedStores(StoreConformance):
    @pytest.fixture(params=EXAMPLES)
    def make_store(self, request: pytest.FixtureRequest, backends: Backends) -> StoreMaker:
        self.examples = EXAMPLES[request.param]
        make = backends.maker(request.param)

        def make_sealed(**options: Any) -> Store:
            return sealed(make(**options), [Compress(0), Encrypt(bytes(32))], 10_000_000)

        return make_sealed

    test_any_sequence_of_operations = pytest.mark.hypothesis(StoreConformance.test_any_sequence_of_operations)
