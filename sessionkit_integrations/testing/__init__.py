"""The conformance suite: what every store does, as tests that run on yours.

Subclass `StoreConformance` in a test module of your own and say how a store is made:

```python
import pytest
from sessionkit_integrations.testing import StoreConformance


class TestMyStore(StoreConformance):
    options = frozenset({"archive"})  # those of ttl and archive that your store takes

    @pytest.fixture
    def make_store(self, tmp_path_factory):
        return lambda **options: MyStore(tmp_path_factory.mktemp("store"), **options)
```

Every test runs on the plain methods and on their ``a`` twins. The pure functions of `window.py` are the oracle.
It needs pytest and hypothesis (``pip install "sessionkit-integrations[testing]"``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sessionkit_integrations.errors import MissingDependencyError

try:
    import pytest
    from hypothesis import HealthCheck, settings
    from hypothesis.stateful import run_state_machine_as_test
except ImportError as error:
    raise MissingDependencyError("The conformance suite", "testing") from error

pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in ("appends", "edits", "lifetimes", "machine")))

from sessionkit_integrations.testing.appends import AppendConformance  # noqa: E402 - rewritten, as registered above
from sessionkit_integrations.testing.edits import EditConformance  # noqa: E402 - as above
from sessionkit_integrations.testing.lifetimes import LifetimeConformance  # noqa: E402 - as above
from sessionkit_integrations.testing.machine import StoreMachine  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.testing.surface import Surface

__all__ = ["StoreConformance"]


class StoreConformance(AppendConformance, EditConformance, LifetimeConformance):
    """What every store does. Subclass it, and override `make_store` and, where it applies, `options`."""

    examples: ClassVar[int] = 20
    """How many random sequences of operations the state machine tries."""

    def test_any_sequence_of_operations(self, surface: Callable[..., Surface]) -> None:
        """Random sequences of operations leave what the oracle says (Hypothesis)."""
        archive = "archive" in self.options

        class Machine(StoreMachine):
            def __init__(self) -> None:
                super().__init__(surface(**({"archive": True} if archive else {})), archive=archive)

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
