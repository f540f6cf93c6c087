"""TLS: a server whose certificate is not its own gets no password, on any transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import RedisStore, SessionManager, Store, StoreUnavailableError, UpstashStore
from tests.tls import TLSFront
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.backends import Backends

    Call = Callable[..., Any]

NAMES = {
    "its own": ("localhost", "127.0.0.1"),
    "of another host": ("example.org",),
}


@pytest.fixture(params=["redis", "upstash"])
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def front_for(
    transport: str, backends: Backends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], TLSFront]]:
    """Make TLS fronts of a server, whose authority clients trust."""
    port = (
        int(backends.upstash().url.rpartition(":")[2]) if transport == "upstash" else backends.server("redis-8.2").port
    )
    fronts: list[TLSFront] = []

    def make(certificate: str) -> TLSFront:
        fronts.append(TLSFront(port, tmp_path, NAMES[certificate]))
        monkeypatch.setenv("SSL_CERT_FILE", str(fronts[-1].authority))
        return fronts[-1]

    yield make
    for front in fronts:
        front.stop()


def store_on(transport: str, front: TLSFront) -> Store:
    if transport == "upstash":
        return UpstashStore(f"https://localhost:{front.port}", TOKEN, timeout=2)
    return RedisStore(f"rediss://localhost:{front.port}?ssl_ca_certs={front.authority}", timeout=2)


def test_a_certificate_of_its_own_is_accepted(transport: str, front_for: Callable[[str], TLSFront], call: Call) -> None:
    front = front_for("its own")
    with SessionManager(store=store_on(transport, front)) as sessions:
        call(sessions, "reset_session", "s")
        call(sessions, "add_user_message", "s", "Hello")
        assert call(sessions, "get_session", "s") == [{"role": "user", "content": "Hello"}]
        call(sessions, "close")
    assert front.received > 0


def test_a_certificate_of_another_host_is_refused_and_nothing_is_sent(
    transport: str, front_for: Callable[[str], TLSFront], call: Call
) -> None:
    front = front_for("of another host")
    with SessionManager(store=store_on(transport, front)) as sessions:
        with pytest.raises(StoreUnavailableError) as raised:
            call(sessions, "add_user_message", "s", "Hello")
        call(sessions, "close")
    assert not raised.value.may_have_happened
    assert transport == "upstash" or "ssl_check_hostname=false" in str(raised.value)
    assert front.received == 0


@pytest.mark.parametrize("transport", ["redis"])
def test_a_cluster_with_a_certificate_of_another_host_is_sent_nothing(
    front_for: Callable[[str], TLSFront], call: Call
) -> None:
    front = front_for("of another host")
    url = f"rediss+cluster://localhost:{front.port}?ssl_ca_certs={front.authority}"
    with SessionManager(store=RedisStore(url, timeout=2)) as sessions:
        with pytest.raises(StoreUnavailableError, match="ssl_check_hostname=false") as raised:
            call(sessions, "add_user_message", "s", "Hello")
        call(sessions, "close")
    assert not raised.value.may_have_happened
    assert front.received == 0
