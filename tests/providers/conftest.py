from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.providers.server import ProviderServer, provider_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.providers.clients import Clients, Provider

PROVIDERS = ("openai", "anthropic", "gemini")


@pytest.fixture(scope="session")
def api() -> Iterator[ProviderServer]:
    with provider_server() as started:
        yield started


@pytest.fixture(scope="session")
def clients(api: ProviderServer) -> Iterator[Clients]:
    from tests.providers.clients import Clients  # noqa: PLC0415 - imports three SDKs, which takes seconds

    made = Clients(api.url)
    yield made
    made.close()


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest, clients: Clients) -> Provider:
    return clients.provider(request.param)
