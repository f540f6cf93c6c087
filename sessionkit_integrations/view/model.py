"""A session to look at, as data: `reader` makes its messages of records, and renderers take it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from datetime import datetime

    from sessionkit_integrations.records.messages import Role
    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.window.turns import Place


@dataclass(frozen=True)
class Piece:
    """A part of a message.

    Attributes:
        kind: ``text``; ``refusal``; ``reasoning``, what the model thought before it answered; ``media``, an image, a
            sound, a video or a file; or ``other``, a part or fields that this package does not know.
        text: The text. Of media: what they are, with their URL, or their type and size. Of others: JSON.
        label: The kind of media or of part, such as ``image``.
    """

    kind: Literal["text", "refusal", "reasoning", "media", "other"]
    text: str
    label: str = ""


@dataclass(frozen=True)
class Call:
    """A tool call.

    Attributes:
        id: The id that its result answers.
        name: The name of the tool.
        arguments: Its arguments as the model wrote them.
        is_open: Whether it has no result.
    """

    id: str | None
    name: str
    arguments: str
    is_open: bool = False


@dataclass(frozen=True)
class MessageView:
    """A message as it is shown.

    Attributes:
        role: The speaker's role.
        pieces: Everything it says: its content, part by part, and the reasoning before it.
        calls: The tools that it calls.
        name: The name of the speaker or of the tool.
        tool_call_id: The call that it answers.
        is_error: Whether it tells of a tool's failure.
        at: Time of writing, if the record says so.
        summarized_turns: Number of the turns that it stands for, if it is the summary of a session.
        place: The ``preamble``, the ``window``, ``archived``, or ``outside`` the window: still among the active
            messages, because whoever wrote last has a larger window.
    """

    role: Role
    pieces: tuple[Piece, ...]
    calls: tuple[Call, ...] = ()
    name: str | None = None
    tool_call_id: str | None = None
    is_error: bool = False
    at: datetime | None = None
    summarized_turns: int | None = None
    place: Place = "window"


@dataclass(frozen=True)
class Figures:
    """Figures of a session, where its store knows them.

    Attributes:
        tokens: Tokens in the window, if they limit it.
        usage: The tokens that providers reported, by model.
        forked_from: The session that this one is a fork of, if it is one.
        waiting_turns: Number of turns that wait for a summary.
    """

    tokens: int | None = None
    usage: tuple[Usage, ...] = ()
    forked_from: str | None = None
    waiting_turns: int = 0


@dataclass(frozen=True, repr=False)
class SessionData:
    """A session as it was when it was read.

    Attributes:
        session_id: The session.
        window: Most turns in the window that was applied; ``None`` if only tokens limit it.
        messages: Its messages in the order in which they are shown: the preamble, the archive, messages outside the
            window, and those in it.
        earlier: Number of archived messages that were not read, as they are older than those here.
        figures: What is known of the session beside its messages.
    """

    session_id: str
    window: int | None
    messages: tuple[MessageView, ...]
    earlier: int = 0
    figures: Figures = field(default_factory=Figures)

    def at(self, place: Place) -> tuple[MessageView, ...]:
        """Return the messages in a place."""
        return tuple(message for message in self.messages if message.place == place)

    @property
    def turns(self) -> int:
        """Number of turns in the window."""
        return max(number_turns(message.role for message in self.messages if message.place == "window"), default=0)

    @property
    def archived(self) -> int:
        """Number of archived messages, whether they were read or not."""
        return self.earlier + len(self.at("archived"))
