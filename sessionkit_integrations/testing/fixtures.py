"""What a test of the suite is given."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from sessionkit_integrations.testing.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessionkit_integrations.stores.base import Store


class Fixtures:
    """What a subclass says of its store, and what the tests get from that."""

    options: ClassVar[frozenset[str]] = frozenset()
    """Which of ``ttl`` and ``archive`` the store's constructor takes."""

    @pytest.fixture
    def make_store(self) -> Callable[..., Store]:
        """Return what makes a new, empty store, given `options`."""
        raise NotImplementedError("override the fixture make_store")

    @pytest.fixture(params=["sync", "async"])
    def surface(self, request: pytest.FixtureRequest, make_store: Callable[..., Store]) -> Iterator[Any]:
        """Return what makes a `Surface` of a new store, given `options`."""
        loop = asyncio.new_event_loop() if request.param == "async" else None
        made: list[Surface] = []

        def make(**options: Any) -> Surface:
            missing = options.keys() - self.options
            if missing:
                pytest.skip(f"the store takes no {', '.join(sorted(missing))}")
            made.append(Surface(make_store(**options), loop))
            return made[-1]

        yield make
        for one in made:
            one.close()
        if loop is not None:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()
