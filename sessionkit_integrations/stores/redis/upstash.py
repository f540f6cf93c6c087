"""Sessions in Upstash Redis over REST: how a command is sent over HTTP, and nothing else."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from sessionkit_integrations.errors import MissingDependencyError, StoreError, StoreUnavailableError
from sessionkit_integrations.runtime.batches import ALONE
from sessionkit_integrations.runtime.redaction import Secret, hidden, kind_of
from sessionkit_integrations.runtime.resources import PerLoop, Shared
from sessionkit_integrations.runtime.retries import DEFAULT_TIMEOUT, Failure
from sessionkit_integrations.stores.copies import StoreUrl
from sessionkit_integrations.stores.options import UrlOptions
from sessionkit_integrations.stores.redis.batching import send_all
from sessionkit_integrations.stores.redis.connections import async_connections, connections
from sessionkit_integrations.stores.redis.notifying import NotifyingStore
from sessionkit_integrations.stores.redis.requests import FindNodes, Send

try:
    import httpx
    from upstash_redis.errors import UpstashError
    from upstash_redis.http import make_headers

    from sessionkit_integrations.runtime.batches import Settle
    from sessionkit_integrations.stores.redis import rest
except ImportError as error:
    raise MissingDependencyError("UpstashStore", "upstash") from error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from datetime import timedelta

    from typing_extensions import Self, Unpack

    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.connections import AsyncConnections, Connections
    from sessionkit_integrations.stores.redis.hearing import AsyncLine, Channel, Line

_ENVIRONMENT = (("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"), ("UPSTASH_URL", "UPSTASH_TOKEN"))

_WAIT_SHARE = 0.4
"""Share of an operation's time that one attempt waits for an answer: there is time for another one."""

_PHASES_OF_CONNECTING = 2
"""Connecting and the handshake of TLS, each of which httpx gives the whole time limit."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

_FIRST_REDIRECTION, _FIRST_REFUSAL, _FIRST_SERVER_ERROR = 300, 400, 500

_WORTH_ANOTHER_ATTEMPT = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY, httpx.codes.TOO_MANY_REQUESTS)
"""Refusals that end by themselves."""

_HINTS: dict[int, str] = {
    httpx.codes.UNAUTHORIZED: "check the token",
    httpx.codes.FORBIDDEN: "check the token, and what stands between here and Upstash",
    httpx.codes.NOT_FOUND: "check the URL",
    httpx.codes.REQUEST_ENTITY_TOO_LARGE: "the messages are larger than what stands between here and Upstash takes",
    httpx.codes.TOO_MANY_REQUESTS: "too many requests",
}


class UpstashOptions(TypedDict, total=False):
    """Options of `UpstashStore.from_env`."""

    key_prefix: str
    ttl: float | timedelta | None
    archive: bool
    raw_ids: bool
    timeout: float
    notify: bool
    batch: bool


class UpstashStore(NotifyingStore):
    """Sessions in Upstash Redis, over its REST API.

    Nothing is connected before the first use. HTTP connections are pooled and shared by all sessions; asynchronous
    ones belong to one event loop each and are closed when it ends. There are at most 100; operations beyond that wait
    for one, within their timeout.

    Args:
        url: REST URL of the database, ``https://….upstash.io``.
        token: Its REST token.
        key_prefix: Beginning of all keys. It ends in ``:`` and has no braces.
        ttl: Time that a session is kept after its last change, in seconds or as a timedelta; for ever if ``None``.
        archive: Whether to keep evicted messages.
        raw_ids: Whether to use session ids in keys as they are; see `RedisStore` for what that gives up.
        timeout: Seconds that an operation may take, with all its attempts. One of them waits at most two fifths of
            that for an answer, so that there is time for another one.
        notify: Whether each write tells those who watch, which is one command more in its script; see `RedisStore`.
        batch: Whether asynchronous operations that are ready at the same moment share a request.

    Raises:
        TypeError: ``url`` or ``token`` is not a string, as where an environment variable is not set.
        ValueError: ``url``, ``token``, ``key_prefix``, ``ttl`` or ``timeout`` is not of that form.

    Examples:
        >>> sessions = SessionManager(store=UpstashStore("https://example.upstash.io", "token", ttl=86_400))
    """

    _names_all = True
    schemes = ("upstash",)
    # upstash-redis supplies the headers and the errors. Its clients are not used: they have no time limit, nor a
    # setting for one. Nor is its decoder, which fails as a whole where one of many texts is not UTF-8.
    _driver_errors = (httpx.HTTPError, httpx.InvalidURL, UpstashError, ValueError, RecursionError)
    _timed_out = httpx.ReadTimeout
    _place = ""

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
        notify: bool = False,
        batch: bool = True,
    ) -> None:
        url, token = hidden(url), hidden(token)
        for name, given in (("url", url), ("token", token)):
            if not isinstance(given, str):
                raise TypeError(f"{name} must be a str, got {kind_of(given)}: is its environment variable set?")
        super().__init__(
            key_prefix=key_prefix,
            ttl=ttl,
            archive=archive,
            raw_ids=raw_ids,
            timeout=timeout,
            wait_share=_WAIT_SHARE,
            notify=notify,
            batch=batch,
        )
        token = hidden(token.strip())
        if not token or not token.isascii() or not token.isprintable():
            raise ValueError("an Upstash token must be a non-empty string of printable ASCII characters")
        if not rest.is_address(url) or token in url:
            raise ValueError("an Upstash URL must be https://<name>.upstash.io, with no user, password or token in it")
        self._url = url
        self._place = f"{httpx.URL(url).scheme}://{httpx.URL(url).netloc.decode()}"
        self._headers = make_headers(token, "base64", allow_telemetry=False)
        self._headers["Authorization"] = Secret(self._headers["Authorization"])
        self._sync_token = ""
        self._shared = Shared(self._open, rest.close)
        self._per_loop = PerLoop(self._open_async, rest.aclose)

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
    def from_env(cls, **options: Unpack[UpstashOptions]) -> Self:
        """Return a store at ``UPSTASH_REDIS_REST_URL`` with ``UPSTASH_REDIS_REST_TOKEN``.

        ``UPSTASH_URL`` and ``UPSTASH_TOKEN`` take their place where they are not set.

        Args:
            options: Other arguments of the constructor.

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
        return f"{type(self).__name__}({self._place!r}, key_prefix={self._keys.prefix!r})"

    def _lines(self, channel: Channel) -> tuple[Line, AsyncLine]:
        from sessionkit_integrations.stores.redis import events  # noqa: PLC0415 - where somebody watches

        return events.lines(channel, self._url, self._headers, self._wait)

    def _open(self) -> Connections[httpx.Client]:
        return connections(httpx.Client(verify=rest.tls(), timeout=self._wait, limits=rest.LIMITS))

    def _open_async(self) -> AsyncConnections[httpx.AsyncClient]:
        return async_connections(httpx.AsyncClient(verify=rest.tls(), timeout=self._wait, limits=rest.LIMITS))

    def _send(self, own: Connections[httpx.Client], step: Send | FindNodes) -> Any:
        if isinstance(step, FindNodes):
            return (None,)
        response = own.client.post(self._url, headers=self._all_headers(), json=rest.words(step.command))
        if rest.is_unknown_script(step.command, response):
            words = rest.words(step.command, by_text=True)
            response = own.client.post(self._url, headers=self._all_headers(), json=words)
        return self._reply(response)

    async def _asend(self, own: AsyncConnections[httpx.AsyncClient], step: Send | FindNodes) -> Any:
        if isinstance(step, FindNodes):
            return (None,)
        post = self._poster(own, self._url, step.deadline)
        response = await post(headers=self._all_headers(), json=rest.words(step.command))
        if rest.is_unknown_script(step.command, response):
            response = await post(headers=self._all_headers(), json=rest.words(step.command, by_text=True))
        return self._reply(response)

    async def _asend_all(self, own: AsyncConnections[httpx.AsyncClient], steps: Sequence[Send], settle: Settle) -> None:
        pipeline = f"{self._url.rstrip('/')}/pipeline"
        post = self._poster(own, pipeline, min(step.deadline for step in steps))

        async def send(steps: Sequence[Send], by_text: Collection[int], settle: Settle) -> None:
            words = [rest.words(step.command, by_text=index in by_text) for index, step in enumerate(steps)]
            response = await post(headers=self._all_headers(), json=words)
            for index, outcome in enumerate(self._outcomes(response, len(steps))):
                settle(index, outcome)

        await send_all(steps, send, settle, rest.is_of_unknown_script)

    def _poster(
        self, own: AsyncConnections[httpx.AsyncClient], url: str, deadline: float
    ) -> Callable[..., Awaitable[httpx.Response]]:
        # httpcore leaves the socket of a handshake open that is cancelled, so its own time limit has to come first.
        connect = min(self._wait, max(deadline - time.monotonic(), 0) / _PHASES_OF_CONNECTING)
        return partial(own.client.post, url, timeout=httpx.Timeout(self._wait, connect=connect))

    def _explain(self, error: Exception, command: Command[Any]) -> Failure:
        if isinstance(error, UpstashError):
            return Failure(StoreError(f"Upstash refused {command.name}: {error}"), final=True)
        if isinstance(error, httpx.HTTPStatusError):
            return self._explain_status(error.response, command)
        message = f"{self._place} gave no answer of Upstash to {command.name} ({type(error).__name__})"
        if isinstance(error, httpx.TimeoutException):
            message = f"{self._place} did not answer within the timeout of {self.timeout:g} s ({type(error).__name__})"
        elif isinstance(error, _NOT_SENT):
            message = f"{self._place} cannot be reached ({error}): check the URL and the network"
        # An answer that came once comes again; a transport may do better the next time.
        final = not isinstance(error, httpx.HTTPError)
        may_have_happened = command.writes and not isinstance(error, _NOT_SENT)
        return Failure(StoreUnavailableError(message, may_have_happened=may_have_happened), final=final)

    def _explain_status(self, response: httpx.Response, command: Command[Any]) -> Failure:
        status = response.status_code
        hint = "check the URL" if status < _FIRST_REFUSAL else _HINTS.get(status, "")
        message = f"{self._place} answered {command.name} with status {status}{': ' if hint else ''}{hint}"
        if status < _FIRST_SERVER_ERROR and status not in _WORTH_ANOTHER_ATTEMPT:
            return Failure(StoreError(message), final=True)
        may_have_happened = command.writes and status != httpx.codes.TOO_MANY_REQUESTS
        return Failure(StoreUnavailableError(message, may_have_happened=may_have_happened), pause=rest.pause(response))

    def _all_headers(self) -> dict[str, str]:
        # Databases with replicas read what the same client wrote by the token of its last answer.
        return {**self._headers, "Upstash-Sync-Token": self._sync_token}

    def _reply(self, response: httpx.Response) -> Any:
        self._accept(response)
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            if response.status_code >= _FIRST_REDIRECTION:
                response.raise_for_status()
            raise
        if response.status_code >= _FIRST_REDIRECTION and not rest.is_answer(answer):
            response.raise_for_status()
        return rest.result_of(answer)

    def _outcomes(self, response: httpx.Response, count: int) -> list[Any]:
        self._accept(response)
        if response.status_code >= _FIRST_REDIRECTION:
            # It was refused as a whole, and nothing was done: as it was too large, or for the sake of one of them.
            return [ALONE] * count
        answers = response.json()
        if not isinstance(answers, list) or len(answers) != count:
            raise ValueError("not an answer to each command")
        return [rest.outcome_of(answer) for answer in answers]

    def _accept(self, response: httpx.Response) -> None:
        """Raise `httpx.HTTPStatusError` for an answer after which another attempt may do better."""
        if response.status_code >= _FIRST_SERVER_ERROR or response.status_code in _WORTH_ANOTHER_ATTEMPT:
            response.raise_for_status()
        self._sync_token = response.headers.get("Upstash-Sync-Token", self._sync_token)
