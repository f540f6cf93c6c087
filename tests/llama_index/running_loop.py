"""Uses Memory's synchronous methods in a running event loop; run as a process, with URLs of stores."""

from __future__ import annotations

import asyncio
import sys

from sessionkit_integrations import SessionManager
from tests.llama_index.test_memory import use


async def main(url: str) -> None:
    use(SessionManager.from_url(url).store)


if __name__ == "__main__":
    for each in sys.argv[1:]:
        asyncio.run(main(each))
        print(each, flush=True)  # noqa: T201 - the test reads it
