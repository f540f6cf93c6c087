"""Sessions to look at: in a notebook, in a terminal, or as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.view.model import Figures, SessionData
from sessionkit_integrations.window.turns import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import RenderableType
    from typing_extensions import Self

    from sessionkit_integrations.view.model import MessageView
    from sessionkit_integrations.window.turns import Place


@dataclass(frozen=True, repr=False)
class SessionView(SessionData):
    """A session as it was when it was read: what the model sees and what it does not. Notebooks show it as a chat.

    In a terminal, ``rich.print(view)`` does (extra ``cli``). Looking at a session loads nothing that its messages name.

    Examples:
        >>> sessions.view("user123")
        SessionView('user123', preamble=0, archived=0, outside=0, window=2)
    """

    @classmethod
    def of(
        cls,
        session_id: str,
        window: int | None,
        messages: Mapping[Place, Iterable[MessageView]],
        *,
        earlier: int = 0,
        figures: Figures | None = None,
    ) -> Self:
        """Return the view of a session.

        Args:
            session_id: The session.
            window: Most turns in the window that was applied; ``None`` if only tokens limit it.
            messages: The messages in each place.
            earlier: Number of archived messages that were not read, as they are older.
            figures: What is known of the session beside its messages.
        """
        placed = (replace(message, place=place) for place in PLACES for message in messages.get(place, ()))
        return cls(session_id, window, tuple(placed), earlier, figures or Figures())

    def __repr__(self) -> str:
        counts = ", ".join(f"{place}={len(self.at(place))}" for place in PLACES)
        return f"SessionView({self.session_id!r}, {counts})"

    def _repr_html_(self) -> str:
        from sessionkit_integrations.view.html import to_html  # noqa: PLC0415 - terminals do without it

        return to_html(self)

    def __rich__(self) -> RenderableType:
        try:
            from sessionkit_integrations.view.terminal import to_panel  # noqa: PLC0415 - rich is optional
        except ImportError as error:
            raise MissingDependencyError("Showing a session in a terminal", "cli") from error
        return to_panel(self)
