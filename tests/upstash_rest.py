"""An Upstash REST endpoint over a real Redis: https://upstash.com/docs/redis/features/restapi.

Single commands in the body or in the path, ``/pipeline`` and ``/multi-exec``, bearer tokens (also as ``_token``), a
read-only token, base64 encoding, error objects, status codes, and server-sent events of ``/subscribe`` and
``/psubscribe``. Scripts whose first line is Upstash's flag for
key locking are taken as Upstash takes them; Redis knows no such flag, so that it gets them without the line.
"""

from __future__ import annotations

import base64
import hashlib
import json
import select
import socket
import threading
from http import HTTPStatus
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError, RedisError

TOKEN = "the-token"  # noqa: S105 - of the tests
READ_ONLY_TOKEN = "the-read-only-token"  # noqa: S105 - of the tests
MAX_REQUEST_BYTES = 10 * 1024 * 1024

_CODES = {NoScriptError: "NOSCRIPT", OutOfMemoryError: "OOM", ReadOnlyError: "READONLY"}
_FLAGS = "#!lua flags=allow-key-locking\n"
_READ_COMMANDS = frozenset(
    {"GET", "LRANGE", "LLEN", "LINDEX", "EXISTS", "TTL", "PTTL", "TYPE", "PING", "STRLEN", "MGET"}
)


class UpstashEndpoint:
    """The endpoint; ``requests`` counts what it was sent.

    Args:
        port: The port of the Redis behind it.
    """

    def __init__(self, port: int) -> None:
        self.redis = redis.Redis(port=port, protocol=2)
        self.redis.response_callbacks.clear()  # replies as they are
        self.requests = 0
        self.global_locks = 0
        self.scripts: dict[str, str] = {}
        self.streams: dict[str, socket.socket] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.endpoint = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """The REST URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> UpstashEndpoint:
        """Start serving."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.redis.close()

    def cut(self) -> int:
        """End all streams of events, and return their number."""
        streams = list(self.streams.values())
        for stream in streams:
            stream.shutdown(socket.SHUT_RDWR)
        return len(streams)

    def translate(self, words: list[Any]) -> list[Any]:
        """Return the command that Redis is to execute for one of Upstash."""
        if not words or not all(isinstance(word, (str, int, float)) for word in words):
            raise ValueError("ERR Command is not available: invalid command")
        name = str(words[0]).upper()
        if name == "EVAL":
            text = str(words[1])
            self.scripts[_sha1(text)] = text.removeprefix(_FLAGS)
            self.global_locks += not text.startswith(_FLAGS)
            return ["EVAL", text.removeprefix(_FLAGS), *words[2:]]
        if name == "EVALSHA":
            known = self.scripts.get(str(words[1]))
            if known is None:
                raise ValueError("NOSCRIPT No matching script. Please use EVAL.")
            return ["EVALSHA", _sha1(known), *words[2:]]
        if name == "SCRIPT" and str(words[1]).upper() == "FLUSH":
            self.scripts.clear()
        return words


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # tests connect many clients at once
    endpoint: UpstashEndpoint


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    disable_nagle_algorithm = True
    raw_requestline: bytes  # of the base class, whose stub leaves it out

    def parse_request(self) -> bool:
        """Read the request's line and headers; the base class parses them as those of an e-mail, which takes long."""
        self.requestline = self.raw_requestline.decode("latin-1").rstrip("\r\n")
        self.command, self.path, self.request_version = self.requestline.split(" ")
        self.headers = HTTPMessage()
        while (line := self.rfile.readline().decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            self.headers[name] = value.strip()
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        return True

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def do_GET(self) -> None:
        self._answer(b"")

    def do_DELETE(self) -> None:
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "ERR method not allowed"})

    def log_message(self, *_args: Any) -> None:
        pass

    @property
    def _endpoint(self) -> UpstashEndpoint:
        endpoint: UpstashEndpoint = self.server.endpoint  # type: ignore[attr-defined]
        return endpoint

    def _answer(self, body: bytes) -> None:
        self._endpoint.requests += 1
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ") or query.pop("_token", "")
        if token not in {TOKEN, READ_ONLY_TOKEN}:
            self._send(HTTPStatus.UNAUTHORIZED, {"error": "Unauthorized"})
        elif len(body) > MAX_REQUEST_BYTES:
            error = f"ERR max request size exceeded. Limit: {MAX_REQUEST_BYTES} bytes, Actual: {len(body)} bytes"
            self._send(HTTPStatus.BAD_REQUEST, {"error": error})
        elif parts.path.startswith(("/subscribe/", "/psubscribe/")):
            self._stream(*(unquote(word) for word in parts.path.split("/")[1:]))
        elif parts.path in {"/pipeline", "/multi-exec"}:
            self._batch(json.loads(body), token, atomic=parts.path == "/multi-exec")
        else:
            path = [unquote(word) for word in parts.path.split("/")[1:] if word]
            options = [word for pair in query.items() for word in pair]
            words = [*path, *([body.decode()] if body else []), *options] if path else json.loads(body or b"[]")
            result = self._execute(words, token)
            self._send(HTTPStatus.BAD_REQUEST if "error" in result else HTTPStatus.OK, result)

    def _stream(self, verb: str, channel: str) -> None:
        self.send_response_only(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        streams, name = self._endpoint.streams, str(self.client_address)
        with self._endpoint.redis.pubsub() as pubsub:
            (pubsub.psubscribe if verb == "psubscribe" else pubsub.subscribe)(channel)
            streams[name] = self.connection
            try:
                while not select.select([self.connection], [], [], 0)[0]:  # the client sends no more, but goes
                    message = pubsub.get_message(timeout=0.02)
                    if message is not None:
                        self._send_event(message)
            finally:
                del streams[name]

    def _send_event(self, message: dict[str, Any]) -> None:
        parts = [message["type"], message["pattern"], message["channel"], message["data"]]
        texts = [part.decode() if isinstance(part, bytes) else str(part) for part in parts if part is not None]
        self.wfile.write(f"data: {','.join(texts)}\n\n".encode())
        self.wfile.flush()

    def _batch(self, commands: list[list[Any]], token: str, *, atomic: bool) -> None:
        if not atomic:
            self._send(HTTPStatus.OK, [self._execute(words, token) for words in commands])
            return
        with self._endpoint.redis.pipeline(transaction=True) as pipeline:
            try:
                for words in commands:
                    self._check_token(words, token)
                    pipeline.execute_command(*self._endpoint.translate(words))
                replies = pipeline.execute(raise_on_error=False)
            except (ValueError, RedisError) as error:
                self._send(HTTPStatus.BAD_REQUEST, {"error": _message(error)})
                return
        self._send(
            HTTPStatus.OK,
            [
                {"error": _message(reply)} if isinstance(reply, Exception) else {"result": self._encode(reply)}
                for reply in replies
            ],
        )

    def _execute(self, words: list[Any], token: str) -> dict[str, Any]:
        try:
            self._check_token(words, token)
            return {"result": self._encode(self._endpoint.redis.execute_command(*self._endpoint.translate(words)))}
        except (ValueError, RedisError) as error:
            return {"error": _message(error)}

    def _check_token(self, words: list[Any], token: str) -> None:
        if token == READ_ONLY_TOKEN and str(words[0]).upper() not in _READ_COMMANDS:
            raise ValueError(f"NOPERM this user has no permissions to run the '{str(words[0]).lower()}' command")

    def _encode(self, reply: Any) -> Any:
        if isinstance(reply, list):
            return [self._encode(item) for item in reply]
        if isinstance(reply, bytes):
            if reply != b"OK" and self.headers.get("Upstash-Encoding") == "base64":
                return base64.b64encode(reply).decode()
            return reply.decode(errors="replace")
        return {"error": _message(reply)} if isinstance(reply, Exception) else reply

    def _send(self, status: HTTPStatus, payload: Any) -> None:
        body = json.dumps(payload).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Upstash-Sync-Token", str(self._endpoint.requests))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _message(error: Exception) -> str:
    """Return an error's text as Redis sent it: redis-py makes classes of some codes, and takes them off the text."""
    text = str(error)
    code = next((code for cls, code in _CODES.items() if isinstance(error, cls)), "ERR")
    return text if text.split(" ", 1)[0].isupper() else f"{code} {text}"
