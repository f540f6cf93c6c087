"""The conformance suite on every store and server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations.testing import StoreConformance
from tests.backends import ALL

if TYPE_CHECKING:
    from tests.backends import Backends, StoreMaker


class TestStores(StoreConformance):
    @pytest.fixture(params=ALL)
    def make_store(self, request: pytest.FixtureRequest, backends: Backends) -> StoreMaker:
        return backends.maker(request.param)
