"""A primary that is killed while it is written, and what its replicas must hold afterwards."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING

import redis

from sessionkit_integrations.runtime.retries import SLOW

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.faults.helpers.ledger import Entry, Ledger
    from tests.servers import Server

LOAD_SECONDS = 0.6
LONGEST_SECONDS = 20

RETRY = re.compile(r"\S+: attempt \d+ failed, next in \d+\.\d{3} s: .+", re.DOTALL)
LATE_SUCCESS = re.compile(r"\S+: succeeded after \d+ failed attempts in (\d+\.\d) s")


class Failover:
    """The death of a primary; call it while it is written.

    Args:
        primary: Who dies.
        replicas: How many replicas it has; each must have what is to survive.
        probe: A key that it holds.
        ledgers: What is written to it.
        is_promoted: Whether another has taken its place.
    """

    def __init__(
        self, primary: Server, replicas: int, probe: str, ledgers: Sequence[Ledger], is_promoted: Callable[[], bool]
    ) -> None:
        self._primary = primary
        self._replicas = replicas
        self._probe = probe
        self._ledgers = ledgers
        self._is_promoted = is_promoted
        self._replicated = [0] * len(ledgers)
        self._killed = 0.0
        self._promoted = 0.0

    def __call__(self) -> None:
        """Take note of what is replicated, kill the primary, and wait until all can write again."""
        end = time.monotonic() + LOAD_SECONDS
        with self._primary.client(socket_timeout=5) as client:
            while time.monotonic() < end:
                acknowledged = [len(ledger.entries) for ledger in self._ledgers]
                # WAIT is about what the connection itself has written; the stream to the replicas is in order.
                client.set(self._probe, "x")
                if client.wait(self._replicas, 1000) >= self._replicas:
                    self._replicated = acknowledged
                time.sleep(0.01)
        self._primary.kill()
        self._killed = time.monotonic()
        wait_until(self._is_promoted, "no replica was promoted")
        self._promoted = time.monotonic()
        wait_until(lambda: all(map(self._writes_again, self._ledgers)), "not all writers can write again")

    def check(self, stored: Callable[[Ledger], Sequence[str]]) -> None:
        """Check each ledger against what is stored of it, and print what the failover was like."""
        print(f"promoted {self._promoted - self._killed:.2f} s after the kill")
        for ledger, replicated in zip(self._ledgers, self._replicated, strict=True):
            assert 0 < replicated < len(ledger.entries)
            losable = [entry for entry in ledger.entries[replicated:] if entry.began < self._killed]
            texts = stored(ledger)
            ledger.check(texts, losable)
            again = next(entry for entry in ledger.entries if entry.error is None and entry.began > self._killed)
            maybe = [error for error in ledger.raised if error.may_have_happened]
            print(
                f"{ledger.name}: {len(ledger.entries)} appends, {replicated} replicated before the kill,"
                f" {len({entry.text for entry in losable if entry.error is None} - set(texts))} acknowledged ones lost,"
                f" {len(ledger.raised)} raised ({len(maybe)} of them: may have happened), the longest took"
                f" {ledger.longest:.2f} s, writes again {again.ended - self._promoted:+.2f} s after the promotion"
            )

    def check_log(self, records: Sequence[logging.LogRecord], ledgers: Sequence[Ledger]) -> None:
        """Check that the log tells of each retry, and warns of appends that succeeded late.

        Args:
            records: The log.
            ledgers: Those of stores that send each command once, so that every failure is one of an attempt.
        """
        own = [record for record in records if record.name == "sessionkit_integrations"]
        retries = [record for record in own if RETRY.fullmatch(record.getMessage())]
        assert retries
        assert {record.levelno for record in retries} == {logging.DEBUG}
        assert any(self._killed <= record.created - time.time() + time.monotonic() for record in retries)
        warnings = [record.getMessage() for record in own if record.levelno >= logging.WARNING]
        late = [LATE_SUCCESS.fullmatch(warning) for warning in warnings]
        assert all(match is not None and float(match[1]) >= SLOW for match in late), warnings
        appends = [entry for ledger in ledgers for entry in ledger.entries if entry.error is None]
        waited = [entry for entry in appends if entry.ended - max(entry.began, self._killed) > 2 * SLOW]
        assert len(warnings) >= len([entry for entry in waited if entry.began < self._promoted])
        print(f"{len(retries)} retries and {len(warnings)} late successes in the log")

    def _writes_again(self, ledger: Ledger) -> bool:
        return sum(self._is_later(entry) for entry in ledger.entries) >= 3

    def _is_later(self, entry: Entry) -> bool:
        return entry.error is None and entry.began > self._promoted


def wait_until(condition: Callable[[], bool], problem: str = "it takes too long") -> None:
    """Wait for something to happen."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(0.02)


def is_primary(server: Server) -> bool:
    """Say whether a server is a primary."""
    with server.client(decode_responses=True) as client:
        try:
            return bool(client.info("replication")["role"] == "master")
        except redis.RedisError:
            return False
