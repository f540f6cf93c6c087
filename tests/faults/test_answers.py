"""Answers that no Redis and no Upstash gives, and keys and certificates of somebody else."""

from __future__ import annotations

import http.server
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import RedisStore, SessionManager, StoreError, StoreUnavailableError, UpstashStore
from tests.faults.helpers.answering import Answering
from tests.tls import TLSFront

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers import Server

    Call = Callable[..., Any]

WRITES: dict[str, tuple[str, ...]] = {"add_user_message": ("s", "x"), "reset_session": ("s",)}
READS: dict[str, tuple[str, ...]] = {"get_session": ("s",)}


SHAPES = {
    "nil": b"$-1\r\n",
    "OK": b"+OK\r\n",
    "text": b"$3\r\nabc\r\n",
    "list": b"*1\r\n$1\r\na\r\n",
    "nested": b"*1\r\n*1\r\n*1\r\n:1\r\n",
    "empty list": b"*0\r\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_write_with_an_answer_of_another_shape_is_sent_once(shape: str, call: Call) -> None:
    """The error says that it may have happened."""
    server = Answering(SHAPES[shape])
    sessions = SessionManager(store=RedisStore(f"redis://127.0.0.1:{server.port}?protocol=2"))
    for method, arguments in WRITES.items():
        server.asked = 0
        with pytest.raises(StoreUnavailableError, match="not Redis's") as raised:
            call(sessions, method, *arguments)
        assert (raised.value.may_have_happened, server.asked) == (True, 1)
    call(sessions, "close")
    server.stop()


@pytest.mark.parametrize("answer", [b"$-1\r\n", b"+OK\r\n", b":1\r\n", b"*1\r\n:1\r\n", b"*2\r\n$-1\r\n$-1\r\n"])
def test_a_read_whose_answer_has_another_shape_is_a_typed_error(answer: bytes, call: Call) -> None:
    server = Answering(answer)
    sessions = SessionManager(store=RedisStore(f"redis://127.0.0.1:{server.port}?protocol=2", timeout=2))
    with pytest.raises(StoreUnavailableError, match="not Redis's") as raised:
        call(sessions, "get_session", "s")
    assert raised.value.may_have_happened is False
    with pytest.raises(StoreUnavailableError, match="not Redis's"):
        list(sessions.list_sessions())
    call(sessions, "close")
    server.stop()


class Rest(http.server.BaseHTTPRequestHandler):
    status, body, asked = 200, b"", 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        type(self).asked += 1
        self.send_response(self.status)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def rest() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rest)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"result":null}'),
        (200, b'{"result":true}'),
        (200, b'{"result":"OK"}'),
        (200, b'{"result":{}}'),
        (200, b'{"result":"!"}'),
        (200, b"null"),
        (200, b"<html>"),
        (200, b'{"result":"\xff"}'),
        (200, b'{"result":' + b"[" * 100_000),
        (413, b"<html>Request Entity Too Large</html>"),
        (403, b"<html>Forbidden</html>"),
        (404, b'{"message":"not found"}'),
        (301, b""),
    ],
)
def test_answers_that_are_not_upstash_s_are_typed_errors_and_sent_once(
    rest: str, call: Call, status: int, body: bytes
) -> None:
    Rest.status, Rest.body = status, body
    sessions = SessionManager(store=UpstashStore(rest, "token"))
    for method, arguments in (WRITES | (READS if body != b'{"result":"OK"}' else {})).items():
        Rest.asked = 0
        with pytest.raises(StoreError) as raised:
            call(sessions, method, *arguments)
        assert Rest.asked == 1
        if status != 200:
            assert f"with status {status}" in str(raised.value)
            assert type(raised.value) is StoreError
        else:
            assert isinstance(raised.value, StoreUnavailableError)
            assert raised.value.may_have_happened is (method in WRITES)
    call(sessions, "close")


@pytest.mark.parametrize("decode_responses", [False, True])
def test_keys_that_are_not_utf_8_are_not_listed(redis_server: Server, call: Call, decode_responses: bool) -> None:
    with redis_server.client(decode_responses=decode_responses) as client, redis_server.client() as raw:
        ghosts = [b"ghost:\xff\xfe", b"ghost:caf\xe9", b"{ghost:\xff}:archive"]
        for key in (*ghosts, b"ghost:real"):
            raw.rpush(key, b"x")
        for store in (
            RedisStore(redis_server.url, key_prefix="ghost:"),
            RedisStore(client=client, key_prefix="ghost:"),
        ):
            with SessionManager(store=store) as sessions:
                assert list(sessions.list_sessions()) == ["real"]
        raw.delete(*ghosts, b"ghost:real")


HOSTS: dict[str, Callable[[int, Path], str]] = {
    "rediss": lambda port, authority: f"rediss://127.0.0.1:{port}?ssl_ca_certs={authority}",
    "rediss+cluster": lambda port, authority: f"rediss+cluster://127.0.0.1:{port}?ssl_ca_certs={authority}",
}


@pytest.mark.parametrize("scheme", HOSTS)
def test_a_certificate_of_another_host_is_refused_unless_allowed_by_name(
    scheme: str, redis_server: Server, tmp_path: Path, call: Call
) -> None:
    front = TLSFront(redis_server.port, tmp_path, ("elsewhere.example",))
    url = HOSTS[scheme](front.port, front.authority)
    sessions = SessionManager(store=RedisStore(url, timeout=2))
    with pytest.raises(StoreUnavailableError) as raised:
        call(sessions, "get_session", "s")
    cause: BaseException | None = raised.value
    shown = []
    while cause is not None:
        shown.append(f"{type(cause).__name__} {cause}")
        cause = cause.__cause__ or cause.__context__
    assert any(ssl.SSLCertVerificationError.__name__ in each or "certificate verify failed" in each for each in shown)
    assert front.received == 0
    call(sessions, "close")
    if scheme == "rediss":
        for off in ("ssl_check_hostname=false", "ssl_cert_reqs=none"):
            trusting = SessionManager(store=RedisStore(f"{url}&{off}", timeout=5))
            assert call(trusting, "get_session", "nobody") == []
            call(trusting, "close")
    front.stop()
