from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.backends import ALL, REDIS_SERVERS, SCRIPTED, Backends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessionkit_integrations import Store
    from tests.backends import StoreMaker
    from tests.servers import Server


@pytest.fixture(scope="session")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    started = Backends(tmp_path_factory.mktemp("backends"))
    yield started
    started.stop()


@pytest.fixture(params=ALL)
def make_store(request: pytest.FixtureRequest, backends: Backends) -> Iterator[StoreMaker]:
    """Makes new, empty stores, on each backend in turn, and closes them."""
    yield from _closing(backends.maker(request.param))


@pytest.fixture(params=SCRIPTED)
def make_scripted_store(request: pytest.FixtureRequest, backends: Backends) -> Iterator[StoreMaker]:
    """The same, on each backend that runs the Lua scripts."""
    yield from _closing(backends.maker(request.param))


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    return make_store()


@pytest.fixture(params=REDIS_SERVERS)
def server(request: pytest.FixtureRequest, backends: Backends) -> Server:
    return backends.server(request.param)


@pytest.fixture
def redis_server(backends: Backends) -> Server:
    """One Redis, for what does not depend on its version."""
    return backends.server("redis-8.2")


def _closing(make: StoreMaker) -> Iterator[StoreMaker]:
    made: list[Store] = []

    def make_and_remember(**options: Any) -> Store:
        made.append(make(**options))
        return made[-1]

    yield make_and_remember
    for one in made:
        one.close()


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Calls a method of an object, or its ``a`` twin in one event loop."""
    if request.param == "sync":
        yield lambda target, method, *args, **kwargs: getattr(target, method)(*args, **kwargs)
        return
    loop = asyncio.new_event_loop()

    def acall(target: object, method: str, *args: Any, **kwargs: Any) -> Any:
        return loop.run_until_complete(getattr(target, f"a{method}")(*args, **kwargs))

    yield acall
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
