from __future__ import annotations

import socket
from typing import Any

import llama_index.core
import pytest

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
