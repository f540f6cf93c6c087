"""Fixtures of the suite, and the abilities of a store that it finds itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations.testing.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessionkit_integrations.stores.base import Store


class Fixtures:
    """Fixtures that the tests are given. Override `make_store`."""

    @pytest.fixture
    def make_store(self) -> Callable[..., Store]:
        """Return a callable that makes a new, empty store, and passes on the options it is called with."""
        raise NotImplementedError("override the fixture make_store")

    @pytest.fixture(params=["sync", "async"])
    def surface(self, request: pytest.FixtureRequest, make_store: Callable[..., Store]) -> Iterator[Any]:
        """Return a callable that makes a `Surface` of a new store, and skips the test if the store lacks an option."""
        loop = asyncio.new_event_loop() if request.param == "async" else None
        made: list[Surface] = []

        def make(**options: Any) -> Surface:
            missing = [option for option, value in options.items() if not takes(make_store, option, value=value)]
            if missing:
                pytest.skip(f"the store takes no {', '.join(missing)}")
            made.append(Surface(make_store(**options), loop))
            return made[-1]

        yield make
        for one in made:
            one.close()
        if loop is not None:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    @pytest.fixture
    def archiving(self, make_store: Callable[..., Store]) -> dict[str, bool]:
        """Return the options of a store that keeps evicted records, if it can."""
        return {"archive": True} if takes(make_store, "archive", value=True) else {}


def takes(make_store: Callable[..., Store], option: str, *, value: object) -> bool:
    """Return whether a store's constructor takes an option.

    Raises:
        TypeError: The constructor raised it for another reason.
    """
    try:
        store = make_store(**{option: value})
    except TypeError as error:
        if f"unexpected keyword argument '{option}'" in str(error):
            return False
        raise
    store.close()
    return True
