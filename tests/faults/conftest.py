from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def _keeps_what_others_left() -> None:
    """Let the garbage collector pass over what was there before a module, or each collection takes 0.2 seconds."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _closes_what_it_opens() -> Iterator[None]:
    """Hold that a test closes its connections, or it fails itself; not one that the garbage collector comes by in."""
    yield
    gc.collect()
