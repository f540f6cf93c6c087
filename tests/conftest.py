from __future__ import annotations

import asyncio
import gc
import sys
from collections import defaultdict
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from redis.exceptions import RedisError

from tests.backends import ALL, LOCAL, REDIS_SERVERS, SCRIPTED, SEARCHING_FILE, Backends
from tests.pairwise import cover
from tests.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import ModuleType

    from sessionkit_integrations import Store
    from tests.backends import StoreMaker


LEFT_OVER = 200
"""Keys of earlier tests that a server may have."""

STARTERS = ("subprocess", "multiprocessing", "NotebookClient")

# No deadline, which a busy machine passes. The same values in each run, so that a failure is of the change that is
# tested and not of a draw; `make explore` draws others, and more.
settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=60)
settings.register_profile("explore", deadline=None, max_examples=200)
settings.load_profile("repeatable")


@pytest.hookimpl(tryfirst=True)  # before options leave out some by their names or marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that `make test-quick` leaves out, and leave out the cases of pairwise tests that show no more."""
    _mark(items)
    left_out = _left_out(items)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))


def _left_out(items: list[pytest.Item]) -> dict[pytest.Item, None]:
    """Return the cases of tests with the mark `pairwise` that a cover can do without."""
    tests: dict[str, list[pytest.Function]] = defaultdict(list)
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("pairwise"):
            tests[item.nodeid.partition("[")[0]].append(item)
    left_out: dict[pytest.Item, None] = {}
    for cases in tests.values():
        chosen = set(cover([{name: repr(value) for name, value in case.callspec.params.items()} for case in cases]))
        left_out.update(dict.fromkeys(case for number, case in enumerate(cases) if number not in chosen))
    return left_out


def _mark(items: list[pytest.Item]) -> None:
    """Mark tests by what they use: servers, files of SQLite, and processes."""
    for item in items:
        if isinstance(item, pytest.Function):
            if _uses_server(item):
                item.add_marker("server")
            if _parameters(item) & {"sqlite", SEARCHING_FILE}:
                item.add_marker("disk")
            if any(map(_starts_processes, _homes(item.module))):
                item.add_marker("process")


def _uses_server(item: pytest.Function) -> bool:
    return "api" in item.fixturenames or (
        "backends" in item.fixturenames and _parameters(item).isdisjoint({*LOCAL, SEARCHING_FILE})
    )


def _parameters(item: pytest.Function) -> set[str]:
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return {parameter for parameter in parameters if isinstance(parameter, str)}


def _homes(module: ModuleType) -> list[str]:
    """Return a module of tests and the conftest of its folder, by name."""
    return [module.__name__, f"{module.__name__.rpartition('.')[0]}.conftest"]


@cache
def _starts_processes(name: str) -> bool:
    """Say whether a module of the tests, or one that it imports from, imports what starts processes."""
    values = vars(sys.modules.get(name, object))
    homes = {str(getattr(value, "__module__", None)) for value in values.values()} - {name, Server.__module__}
    return any(each in values for each in STARTERS) or any(map(_starts_processes, filter(_is_ours, homes)))


def _is_ours(name: str) -> bool:
    return name.startswith("tests.")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Import without the garbage collector, and let it pass over all that was made, which is much and stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold that no test starts a server without the mark."""
    Server.is_allowed = item.get_closest_marker("server") is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Remove what tests left on servers as soon as it is much: listings of later tests would walk through it."""
    backends = getattr(item, "funcargs", {}).get("backends")
    result = yield
    if backends is not None:
        with suppress(RedisError):  # those of a server that a test left unusable are for the tests on it to raise
            backends.empty(more_than=LEFT_OVER)
    return result


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


@pytest.fixture
def empty_server(redis_server: Server) -> Server:
    """The same, without a key in its first database."""
    with redis_server.client() as client:
        client.flushdb()
    return redis_server


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
    with _new_loop() as loop:

        def acall(target: object, method: str, *args: Any, **kwargs: Any) -> Any:
            return loop.run_until_complete(getattr(target, f"a{method}")(*args, **kwargs))

        yield acall


@pytest.fixture
def own_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop that LlamaIndex's synchronous wrappers find and, unlike this one, never close."""
    with _new_loop() as loop:
        asyncio.set_event_loop(loop)
        yield loop
        asyncio.set_event_loop(None)


@contextmanager
def _new_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
