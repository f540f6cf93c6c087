"""Notices heard over Upstash's server-sent events, on an HTTP connection of their own.

https://upstash.com/docs/redis/features/restapi: ``POST /subscribe/<channel>`` answers with a stream of lines such as
``data: message,<channel>,<payload>``.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from sessionkit_integrations.stores.notices import Mailbox
from sessionkit_integrations.stores.redis import rest
from sessionkit_integrations.stores.redis.hearing import AsyncLine, Line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sessionkit_integrations.stores.redis.hearing import Channel


def lines(channel: Channel, url: str, headers: Mapping[str, str], wait: float) -> tuple[Line, AsyncLine]:
    """Return the two lines of a store.

    Args:
        channel: What they hear.
        url: The URL of the REST API.
        headers: The headers of a request.
        wait: Seconds that the server may take to answer.
    """
    events = _Events(channel, url, headers, wait)
    return _EventLine(events), _AsyncEventLine(events)


class _Events:
    """The request for events, and its answer."""

    def __init__(self, channel: Channel, url: str, headers: Mapping[str, str], wait: float) -> None:
        verb = "psubscribe" if channel.is_pattern else "subscribe"
        self.url = f"{url.rstrip('/')}/{verb}/{quote(channel.name, safe='')}"
        self.headers = {"Authorization": headers["Authorization"], "Accept": "text/event-stream"}
        self.wait = wait
        self.timeout = httpx.Timeout(wait, read=None)
        self._channel = channel
        self.begin()

    def begin(self) -> None:
        """Forget what an earlier stream said."""
        self.mailbox = Mailbox()
        self.error: Exception | None = None

    def read(self, line: str) -> None:
        """Read a line of the stream."""
        kind, _, rest = line.removeprefix("data:").strip().partition(",")
        if not line.startswith("data:"):
            return
        if kind in ("subscribe", "psubscribe"):
            self.mailbox.put(None)
        elif kind in ("message", "pmessage"):
            channel = rest.removeprefix(f"{self._channel.name},") if kind == "pmessage" else rest
            for session_id in self._channel.heard(channel.rpartition(",")[0]):
                self.mailbox.put(session_id)

    def end(self, error: Exception | None = None) -> None:
        """Note the end of the stream."""
        self.error = error or httpx.RemoteProtocolError("the stream ended")
        self.mailbox.put(None)

    def begun(self, heard: Collection[str | None]) -> None:
        """Raise an error unless what was heard first is that there is a subscription."""
        if self.error is not None:
            raise self.error
        if not heard:
            raise httpx.ReadTimeout("no answer to SUBSCRIBE")

    def heard(self, heard: Collection[str | None]) -> Collection[str | None]:
        """Return what was heard, or raise the error that ended the stream."""
        if self.error is not None:
            raise self.error
        return heard


class _EventLine(Line):
    def __init__(self, events: _Events) -> None:
        self._events = events
        self._held = ExitStack()

    def connect(self) -> None:
        """See `Line.connect`."""
        events = self._events
        events.begin()
        client = self._held.enter_context(httpx.Client(verify=rest.tls(), timeout=events.timeout))
        response = self._held.enter_context(client.stream("POST", events.url, headers=events.headers))
        response.raise_for_status()
        thread = threading.Thread(target=_read, args=[events, response], name="sessionkit-watch", daemon=True)
        thread.start()
        self._held.callback(thread.join)
        self._held.callback(_shut_down, response)
        events.begun(events.mailbox.take(events.wait))

    def receive(self, seconds: float) -> Collection[str | None]:
        """See `Line.receive`."""
        return self._events.heard(self._events.mailbox.take(seconds))

    def close(self) -> None:
        """See `Line.close`."""
        self._held.close()


class _AsyncEventLine(AsyncLine):
    def __init__(self, events: _Events) -> None:
        self._events = events
        self._held = AsyncExitStack()

    async def connect(self) -> None:
        """See `Line.connect`."""
        events = self._events
        events.begin()
        client = await self._held.enter_async_context(httpx.AsyncClient(verify=rest.tls(), timeout=events.timeout))
        response = await self._held.enter_async_context(client.stream("POST", events.url, headers=events.headers))
        response.raise_for_status()
        task = asyncio.ensure_future(_aread(events, response))
        self._held.push_async_callback(_cancel, task)
        events.begun(await events.mailbox.atake(events.wait))

    async def receive(self, seconds: float) -> Collection[str | None]:
        """See `Line.receive`."""
        return self._events.heard(await self._events.mailbox.atake(seconds))

    async def close(self) -> None:
        """See `Line.close`."""
        await self._held.aclose()


def _read(events: _Events, response: httpx.Response) -> None:
    try:
        for line in response.iter_lines():
            events.read(line)
    except httpx.HTTPError as error:
        events.end(error)
    else:
        events.end()


async def _aread(events: _Events, response: httpx.Response) -> None:
    try:
        async for line in response.aiter_lines():
            events.read(line)
    except httpx.HTTPError as error:
        events.end(error)
    else:
        events.end()


def _shut_down(response: httpx.Response) -> None:
    """Wake the thread that reads a response."""
    with suppress(OSError):
        response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)


async def _cancel(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
