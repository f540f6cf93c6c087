"""Context managers, of one kind and of both, of everything that can be closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class SyncCloseable:
    """A context manager that closes itself at its end."""

    def close(self) -> None:
        """Release what is held open."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncCloseable:
    """An asynchronous context manager that closes itself at its end."""

    async def aclose(self) -> None:
        """Release what is held open."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class Closeable(SyncCloseable, AsyncCloseable):
    """A context manager, of both kinds, that closes itself at its end."""
