"""A server of the tests that speaks three languages, refuses what the APIs refuse, and answers what it is asked for.

The name of the model is the answer: one of those in `tests.providers.answers`, and a text for any other.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.providers import answers
from tests.providers.rules import anthropic, gemini, openai
from tests.providers.rules.shapes import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator


class ProviderServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.taken = 0
        self.last: dict[str, Any] = {}
        """The request that was taken last."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    disable_nagle_algorithm = True
    server: ProviderServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.partition("?")[0]
        if path == "/v1/chat/completions":
            self.answer(body, openai, answers.OPENAI, body.pop("model"), openai_error)
        elif path == "/v1/messages":
            self.answer(body, anthropic, answers.ANTHROPIC, body.pop("model"), anthropic_error)
        else:
            model = path.rpartition("/")[2].partition(":")[0]
            self.answer(body, gemini, answers.GEMINI, model, gemini_error)

    def answer(self, body: dict[str, Any], rules: Any, known: dict[str, Any], model: str, error: Any) -> None:
        try:
            rules.check(body)
        except RefusedError as refused:
            self.send(400, "application/json", json.dumps(error(str(refused))))
            return
        self.server.taken += 1
        self.server.last = body
        answer = known.get(model, known["text"])
        if isinstance(answer, str):  # a stream
            self.send(200, "text/event-stream", answer)
        else:
            self.send(200, "application/json", json.dumps(answer))

    def send(self, status: int, content_type: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class has it
        pass


def openai_error(problem: str) -> dict[str, Any]:
    return {"error": {"message": problem, "type": "invalid_request_error", "param": None, "code": None}}


def anthropic_error(problem: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": problem}}


def gemini_error(problem: str) -> dict[str, Any]:
    return {"error": {"code": 400, "message": problem, "status": "INVALID_ARGUMENT"}}


@contextmanager
def provider_server() -> Iterator[ProviderServer]:
    with ProviderServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
