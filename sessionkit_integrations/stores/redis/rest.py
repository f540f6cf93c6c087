"""Upstash's REST API: commands as JSON, and replies in base64."""

from __future__ import annotations

import os
from base64 import b64decode
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
from upstash_redis.errors import UpstashError

from sessionkit_integrations.stores.redis import commands
from sessionkit_integrations.stores.redis.connections import MAX_CONNECTIONS

if TYPE_CHECKING:
    import ssl

    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.connections import AsyncConnections, Connections

LOCK_ONLY_OUR_KEYS = "#!lua flags=allow-key-locking\n"
"""Without this first line, a script locks the whole database: https://upstash.com/docs/redis/features/key-locking"""

# httpx compares all idle connections with each other at each request: 100 of them take three times the CPU of 20.
LIMITS = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=20)


def tls() -> ssl.SSLContext:
    """Return what checks certificates, by the authorities of certifi or those that the environment names.

    All clients share it, as reading the authorities takes 30 ms: for a client of its own, each event loop would.
    """
    return _read_authorities(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _read_authorities(*_places: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()


def close(own: Connections[httpx.Client]) -> None:
    """Close a client."""
    own.client.close()


async def aclose(own: AsyncConnections[httpx.AsyncClient]) -> None:
    """See `close`."""
    await own.client.aclose()


def is_address(url: str) -> bool:
    """Return whether a URL names a server, and nothing else."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    extra = parts.userinfo or parts.query or parts.fragment
    return parts.scheme in {"https", "http"} and bool(parts.host) and not extra


def decode(result: Any) -> Any:
    """Return a result with its texts as bytes; all but OK come in base64."""
    if isinstance(result, list):
        return [decode(item) for item in result]
    if isinstance(result, str):
        return b"OK" if result == "OK" else b64decode(result, validate=True)
    return result


def is_answer(answer: Any) -> bool:
    """Return whether what a server sent is Upstash's answer to a command."""
    return isinstance(answer, dict) and bool(answer.keys() & {"result", "error"})


def result_of(answer: Any) -> Any:
    """Return the result that an answer holds.

    Raises:
        UpstashError: The command was refused.
        ValueError: It is no answer, or its texts are not in base64.
        RecursionError: It is nested too deeply.
    """
    if not is_answer(answer):
        raise ValueError("neither a result nor an error")
    if "result" not in answer or answer.get("error"):
        raise UpstashError(str(answer["error"]))
    return decode(answer["result"])


def outcome_of(answer: Any) -> Any:
    """Return the result that one of many answers holds, or the exception that `result_of` raises."""
    try:
        return result_of(answer)
    except (UpstashError, ValueError, RecursionError) as error:
        return error


def pause(response: httpx.Response) -> float:
    """Return the seconds that a server asks to be left alone; it may name a date instead, which is not looked at."""
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else 0.0


def words(command: Command[Any], *, by_text: bool = False) -> list[str | int]:
    """Return a command as the words to send; see `commands.words`."""
    own = commands.words(command, by_text=by_text, first_line=LOCK_ONLY_OUR_KEYS)
    return [word.decode() if isinstance(word, bytes) else word for word in own]


def is_unknown_script(command: Command[Any], response: httpx.Response) -> bool:
    """Return whether the server lacks a command's script."""
    if not command.is_script or b"NOSCRIPT" not in response.content:
        return False
    try:
        reply = response.json()
    except ValueError:
        return False
    # A message that is returned may hold the word as well.
    return isinstance(reply, dict) and "NOSCRIPT" in str(reply.get("error"))


def is_of_unknown_script(outcome: Any) -> bool:
    """Return whether an outcome is that the server lacks a command's script."""
    return isinstance(outcome, UpstashError) and "NOSCRIPT" in str(outcome)
