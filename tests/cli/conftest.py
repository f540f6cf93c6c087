from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.running import Place, place
from tests.tls import TLSFront

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.backends import Backends


@pytest.fixture(params=["sqlite", "redis-8.2", "cluster", "upstash"])
def anywhere(request: pytest.FixtureRequest, backends: Backends, tmp_path: Path) -> Iterator[Place]:
    """An empty store, on each backend in turn."""
    if request.param != "upstash":
        yield place(request.param, backends, None, tmp_path)
        return
    # URLs of Upstash mean HTTPS, which the endpoint of the tests does not speak.
    front = TLSFront(int(backends.upstash().url.rpartition(":")[2]), tmp_path)
    yield place("upstash", backends, front, tmp_path)
    front.stop()


@pytest.fixture
def here(backends: Backends, tmp_path: Path) -> Place:
    """An empty SQLite file that is there."""
    made = place("sqlite", backends, None, tmp_path)
    with made.sessions() as sessions:
        sessions.get_session("nobody")
    return made


@pytest.fixture
def on_redis(backends: Backends, tmp_path: Path) -> Place:
    """An empty part of a Redis server."""
    return place("redis-8.2", backends, None, tmp_path)
