"""Conformance suite: everything that a store does, as tests that run on yours.

Subclass `StoreConformance` in a test module of your own, and make your store in a fixture:

```python
import pytest
from sessionkit_integrations.testing import StoreConformance


class TestMyStore(StoreConformance):
    @pytest.fixture
    def make_store(self, tmp_path_factory):
        return lambda **options: MyStore(tmp_path_factory.mktemp("store"), **options)
```

The suite finds out by itself whether your store takes ``ttl`` and ``archive``. Every test runs on the plain methods and
on their ``a`` twins. The pure functions of `sessionkit_integrations.window.turns` are the oracle. It needs pytest and
hypothesis (``pip install "sessionkit-integrations[testing]"``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.errors import MissingDependencyError

try:
    import pytest
    from hypothesis import HealthCheck, settings
    from hypothesis.stateful import run_state_machine_as_test
except ImportError as error:
    raise MissingDependencyError("The conformance suite", "testing") from error

_MODULES = ("appends", "edits", "exchanges", "forks", "lifetimes", "machine", "notices", "reads", "surface")
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _MODULES))

from sessionkit_integrations.testing.appends import AppendConformance  # noqa: E402 - rewritten, as registered above
from sessionkit_integrations.testing.edits import EditConformance  # noqa: E402 - as above
from sessionkit_integrations.testing.exchanges import ExchangeConformance  # noqa: E402 - as above
from sessionkit_integrations.testing.forks import ForkConformance  # noqa: E402 - as above
from sessionkit_integrations.testing.lifetimes import LifetimeConformance  # noqa: E402 - as above
from sessionkit_integrations.testing.machine import StoreMachine  # noqa: E402 - as above
from sessionkit_integrations.testing.notices import NoticeConformance  # noqa: E402 - as above
from sessionkit_integrations.testing.reads import ReadConformance  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.testing.surface import Surface

__all__ = ["StoreConformance"]


class StoreConformance(
    AppendConformance,
    ReadConformance,
    EditConformance,
    ExchangeConformance,
    ForkConformance,
    LifetimeConformance,
    NoticeConformance,
):
    """Tests of everything that a store does. Subclass it, and override `make_store`.

    Examples:
        >>> class TestMyStore(StoreConformance):
        ...     @pytest.fixture
        ...     def make_store(self, tmp_path_factory):
        ...         return lambda **options: SQLiteStore(tmp_path_factory.mktemp("store") / "chats.db", **options)
    """

    examples: int = 20
    """Random sequences of operations that the state machine tries."""

    def test_any_sequence_of_operations(self, surface: Callable[..., Surface], archiving: dict[str, bool]) -> None:
        """Random sequences of operations leave what the oracle says (Hypothesis)."""

        class Machine(StoreMachine):
            def __init__(self) -> None:
                super().__init__(surface(**archiving), archive=bool(archiving))

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=self.examples,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
                print_blob=True,
            ),
        )
