from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _closes_what_it_opens() -> Iterator[None]:
    """Hold that a test closes its connections, or it fails itself; not one that the garbage collector comes by in."""
    yield
    gc.collect()
