from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import llama_index.core
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCAL = {"127.0.0.1", "::1", "localhost", None}


@pytest.fixture(autouse=True)
def only_local_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """LlamaIndex would download a tokenizer where it has none: whatever leaves this machine fails the test."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connect_locally(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in _LOCAL:
            raise AssertionError(f"tried to connect to {address}")
        connect(self, address)

    def look_up_locally(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in _LOCAL:
            raise AssertionError(f"tried to look up {host}")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(llama_index.core, "global_tokenizer", str.split)
    monkeypatch.setattr(socket.socket, "connect", connect_locally)
    monkeypatch.setattr(socket, "getaddrinfo", look_up_locally)


@pytest.fixture
def own_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop that LlamaIndex's synchronous wrappers find and, unlike this one, never close."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    asyncio.set_event_loop(None)
    loop.close()
