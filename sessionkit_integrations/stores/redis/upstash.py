"""Sessions in Upstash Redis over REST: how a command is sent over HTTP, and nothing else."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import MissingDependencyError, StoreError, StoreUnavailableError
from sessionkit_integrations.runtime.redaction import Secret, hidden
from sessionkit_integrations.runtime.resources import PerLoop, Shared
from sessionkit_integrations.runtime.retries import DEFAULT_TIMEOUT, Failure, within
from sessionkit_integrations.stores.copies import StoreUrl
from sessionkit_integrations.stores.options import UrlOptions
from sessionkit_integrations.stores.redis import commands
from sessionkit_integrations.stores.redis.requests import FindNodes, Send
from sessionkit_integrations.stores.redis.scripted import ScriptedStore

try:
    import httpx
    from upstash_redis.errors import UpstashError
    from upstash_redis.http import format_response, make_headers
except ImportError as error:
    raise MissingDependencyError("UpstashStore", "upstash") from error

if TYPE_CHECKING:
    from datetime import timedelta

    from typing_extensions import Self

    from sessionkit_integrations.stores.redis.commands import Command

LOCK_ONLY_OUR_KEYS = "#!lua flags=allow-key-locking\n"
"""Without this first line, a script locks the whole database: https://upstash.com/docs/redis/features/key-locking"""

_ENVIRONMENT = (("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"), ("UPSTASH_URL", "UPSTASH_TOKEN"))
_FIRST_SERVER_ERROR = 500
_WAIT_SHARE = 0.4
"""Share of an operation's time that one attempt waits for an answer: there is time for another one."""
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class UpstashStore(ScriptedStore):
    """Sessions in Upstash Redis, over its REST API.

    Nothing is connected before the first use. HTTP connections are pooled and shared by all sessions; asynchronous
    ones belong to one event loop each and are closed when it ends.

    Args:
        url: The REST URL of the database, ``https://….upstash.io``.
        token: Its REST token.
        key_prefix: What all keys begin with. It ends in ``:`` and has no braces.
        ttl: How long a session is kept after its last change, in seconds or as a timedelta; for ever if ``None``.
        archive: Whether to keep evicted messages.
        raw_ids: Whether to use session ids in keys as they are; see `RedisStore` for what that gives up.
        timeout: How long an operation may take, with all its attempts, in seconds. One of them waits at most two
            fifths of that for an answer, so that there is time for another.

    Raises:
        ValueError: ``url``, ``token``, ``key_prefix`` or ``ttl`` is not of that form.
    """

    schemes = ("upstash",)
    # upstash-redis supplies what goes over the wire (headers, encoding, errors). Its clients are not used:
    # they have no time limit, nor a setting for one.
    _driver_errors = (httpx.HTTPError, httpx.InvalidURL, UpstashError, ValueError)
    _timed_out = httpx.ReadTimeout
    _url = ""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        key_prefix: str = "sessionkit:",
        ttl: float | timedelta | None = None,
        archive: bool = False,
        raw_ids: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        url, token = hidden(url), hidden(token)
        super().__init__(
            key_prefix=key_prefix,
            ttl=ttl,
            archive=archive,
            raw_ids=raw_ids,
            timeout=timeout,
            wait_share=_WAIT_SHARE,
        )
        if not _is_address(url):
            raise ValueError("an Upstash URL is https://<name>.upstash.io, with no user or password in it")
        token = hidden(token.strip())
        if not token or not token.isascii() or not token.isprintable():
            raise ValueError("an Upstash token is a non-empty string of printable ASCII characters")
        self._url = str(url)
        self._headers = make_headers(token, "base64", allow_telemetry=False)
        self._headers["Authorization"] = Secret(self._headers["Authorization"])
        self._sync_token = ""
        self._shared = Shared(lambda: httpx.Client(timeout=self._wait), httpx.Client.close)
        self._per_loop = PerLoop(lambda: httpx.AsyncClient(timeout=self._wait), httpx.AsyncClient.aclose)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """See `Store.from_url`; the token is taken from the environment."""
        url, token = hidden(url), hidden(os.environ.get("UPSTASH_REDIS_REST_TOKEN") or os.environ.get("UPSTASH_TOKEN"))
        if not token:
            raise ValueError("set UPSTASH_REDIS_REST_TOKEN in the environment")
        options = UrlOptions(url)
        own = options.of_server()
        options.check_rest()
        place = Secret(url.partition("://")[2].partition("?")[0].partition("/")[0])
        return cls(Secret(f"https://{place}"), token, **own)

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """Return a store at ``UPSTASH_REDIS_REST_URL`` with ``UPSTASH_REDIS_REST_TOKEN``.

        ``UPSTASH_URL`` and ``UPSTASH_TOKEN`` are looked at where those are unset.

        Args:
            options: Any of the constructor's keyword arguments.

        Raises:
            ValueError: Neither pair of variables is set.
        """
        for url, token in _ENVIRONMENT:
            if os.environ.get(url) and os.environ.get(token):
                return cls(os.environ[url], os.environ[token], **options)
        raise ValueError("set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN in the environment")

    def describe_url(self) -> StoreUrl | None:
        """See `Store.describe_url`; the process that unpickles the store takes the token from its environment."""
        scheme, _, host = self._url.partition("://")
        place = host.rstrip("/")
        return None if scheme != "https" or "/" in place else StoreUrl(self._with_options(f"upstash://{place}"))

    def __repr__(self) -> str:
        return f"UpstashStore({self._url!r}, key_prefix={self._keys.prefix!r})"

    def _perform(self, step: Send | FindNodes) -> Any:
        if isinstance(step, FindNodes):
            return (None,)
        with self._shared.use() as http:
            response = http.post(self._url, headers=self._all_headers(), json=_words(step.command))
            if _is_unknown_script(step.command, response):
                words = _words(step.command, whole=True)
                response = http.post(self._url, headers=self._all_headers(), json=words)
        return self._reply(response)

    async def _aperform(self, step: Send | FindNodes) -> Any:
        return (None,) if isinstance(step, FindNodes) else await within(step.deadline, partial(self._asend, step))

    async def _asend(self, step: Send) -> Any:
        async with self._per_loop.use() as http:
            if http is None:
                return await asyncio.to_thread(self._perform, step)
            response = await http.post(self._url, headers=self._all_headers(), json=_words(step.command))
            if _is_unknown_script(step.command, response):
                words = _words(step.command, whole=True)
                response = await http.post(self._url, headers=self._all_headers(), json=words)
        return self._reply(response)

    def _explain(self, error: Exception, command: Command[Any]) -> Failure:
        if isinstance(error, UpstashError):
            return Failure(StoreError(f"Upstash refused {command.name}: {error}"), final=True)
        if isinstance(error, UnicodeError):
            message = f"{self._url} holds something for {command.name} that is not UTF-8 ({error})"
            return Failure(StoreError(message), final=True)
        pause, may_have_happened = 0.0, command.writes
        if isinstance(error, httpx.HTTPStatusError):
            message = f"{self._url} answered {command.name} with status {error.response.status_code}"
            if error.response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                message = f"{message}: too many requests"
                pause, may_have_happened = _pause(error.response), False
        elif isinstance(error, httpx.TimeoutException):
            message = f"{self._url} did not answer within the timeout of {self._timeout:g} s ({type(error).__name__})"
        elif isinstance(error, _NOT_SENT):
            message = f"{self._url} cannot be reached ({error}): check the URL and the network"
        else:
            message = f"{self._url} gave no answer of Upstash ({type(error).__name__}): check that it is a REST URL"
        may_have_happened &= not isinstance(error, _NOT_SENT)
        return Failure(StoreUnavailableError(message, may_have_happened=may_have_happened), pause=pause)

    def _all_headers(self) -> dict[str, str]:
        # Databases with replicas read what the same client wrote by the token of its last answer.
        return {**self._headers, "Upstash-Sync-Token": self._sync_token}

    def _reply(self, response: httpx.Response) -> Any:
        if response.status_code >= _FIRST_SERVER_ERROR or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            response.raise_for_status()
        self._sync_token = response.headers.get("Upstash-Sync-Token", self._sync_token)
        answer = response.json()
        if not isinstance(answer, dict) or not answer.keys() & {"result", "error"}:
            raise ValueError("this is no answer of Upstash")
        return format_response(answer, "base64")


def _is_address(url: str) -> bool:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parts.scheme in {"https", "http"} and bool(parts.host) and not parts.userinfo


def _pause(response: httpx.Response) -> float:
    """Return how many seconds a server wants to be left alone; it may name a date instead, which ours do not."""
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else 0.0


def _words(command: Command[Any], *, whole: bool = False) -> list[str | int]:
    words = commands.words(command, whole=whole, first_line=LOCK_ONLY_OUR_KEYS)
    return [word.decode() if isinstance(word, bytes) else word for word in words]


def _is_unknown_script(command: Command[Any], response: httpx.Response) -> bool:
    # Our scripts answer with numbers, so that only an error can hold the word.
    return command.is_script and b"NOSCRIPT" in response.content
