"""When a failed operation is tried again, and what is said when it is not."""

from __future__ import annotations

import random
import time

from sessionkit_integrations.errors import StoreError, StoreUnavailableError

DEFAULT_TIMEOUT = 5.0
"""How long one attempt may take, and until when another one may begin, in seconds."""

MAX_RETRIES = 4
FIRST_DELAY = 0.02
LONGEST_DELAY = 0.5


class Attempts:
    """The attempts at one operation.

    Writes carry ids by which a store knows a retry, so that any of them may be sent again after a lost reply (and
    deleting twice is deleting once). They are, up to `MAX_RETRIES` times with a growing, random delay, as long as
    ``timeout`` seconds have not passed since the first attempt began.

    Args:
        timeout: Seconds.
    """

    def __init__(self, timeout: float) -> None:
        self._deadline = time.monotonic() + timeout
        self._failures = 0
        self._may_have_happened = False

    def delay_after(self, failure: StoreError, cause: Exception) -> float:
        """Return how many seconds to wait before the next attempt.

        Args:
            failure: What to raise where there is to be none.
            cause: The driver's exception.

        Raises:
            StoreError: The operation is not to be tried again.
        """
        if not isinstance(failure, StoreUnavailableError):
            if self._may_have_happened:
                message = f"{failure}; an attempt before had no reply"
                raise StoreUnavailableError(message, may_have_happened=True) from cause
            raise failure from cause
        self._may_have_happened |= failure.may_have_happened
        delay: float = min(LONGEST_DELAY, FIRST_DELAY * 2**self._failures) * random.uniform(0.5, 1)  # noqa: S311 - no secret
        self._failures += 1
        if self._failures > MAX_RETRIES or time.monotonic() + delay >= self._deadline:
            failure.may_have_happened = self._may_have_happened
            raise failure from cause
        return delay
