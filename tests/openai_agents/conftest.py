"""Runs that trace nothing: the SDK would send traces to OpenAI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from agents import set_tracing_disabled

from sessionkit_integrations import SessionManager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backends import Backends


@pytest.fixture(autouse=True, scope="session")
def no_traces() -> None:
    set_tracing_disabled(disabled=True)


@pytest.fixture(params=["memory", "sqlite", "redis-8.2", "cluster", "upstash"])
def sessions(request: pytest.FixtureRequest, backends: Backends) -> Iterator[SessionManager]:
    """Sessions of two turns on each kind of store."""
    with SessionManager(2, backends.maker(request.param)()) as manager:
        yield manager


@pytest.fixture
def in_memory() -> SessionManager:
    return SessionManager(2)
