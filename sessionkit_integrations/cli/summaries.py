"""``sessionkit summarize``."""

import asyncio
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import parse_qsl

import typer

from sessionkit_integrations.cli.common import Json, Url, note, open_sessions, print_line
from sessionkit_integrations.cli.faults import Exit, without_credentials
from sessionkit_integrations.cli.imported import imported
from sessionkit_integrations.cli.progress import progress, summarize
from sessionkit_integrations.errors import ConflictError, CorruptSessionError, SealError, SummaryError
from sessionkit_integrations.porting.stored import explanation
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.sessions.asking import Summarize
from sessionkit_integrations.sessions.manager import SessionManager
from sessionkit_integrations.sessions.summaries import Summary
from sessionkit_integrations.stores.copies import with_options
from sessionkit_integrations.stores.schemes import BUILT_IN
from sessionkit_integrations.view.text import count

_WITH = "--with"


@dataclass
class Summarized:
    """The outcome of the command.

    Attributes:
        summarized: Number of sessions that were summarised.
        skipped: Number of sessions in which fewer turns wait than were asked for.
        failed: The sessions that could not be summarised, each with the reason; their turns wait.
        missing: The sessions that were asked for and are not there.
    """

    summarized: int = 0
    skipped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @contextmanager
    def one(self, session_id: str) -> Iterator[None]:
        """Count the session that the block summarises."""
        try:
            yield
        except (SummaryError, CorruptSessionError, SealError, ConflictError) as error:  # another session may do better
            self.failed[session_id] = _problem(error)
        else:
            self.summarized += 1


def summarize_sessions(
    url: Url,
    session_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="SESSION", show_default=False, help="The sessions to summarise; all if there is none."),
    ] = None,
    *,
    with_: Annotated[
        str,
        typer.Option(
            _WITH,
            metavar="MODULE:NAME",
            show_default=False,
            help="The summarizer, a callable (previous, messages) -> str, plain or async.",
        ),
    ],
    every: Annotated[
        int, typer.Option("--every", metavar="N", min=1, help="Leave out sessions in which fewer turns wait.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Summarise what left the windows and waits for a summary.

    Give the URL the options of your application, such as its ttl. What is summarised stays in the archive, unless the
    URL says archive=false, as for an application that archives nothing.
    """
    for session_id in session_ids or ():
        check_session_id(session_id)
    summarizer = _imported(with_)
    done = Summarized()
    with open_sessions(_keeping(url), summary=Summary(summarizer, every=None)) as sessions:
        ids = list(dict.fromkeys(session_ids)) if session_ids else sorted(sessions.list_sessions())
        with progress("Summarising", len(ids)) as advance:
            due = _due(sessions, ids, every, done, advance)
            if _is_asynchronous(summarizer):
                asyncio.run(_asummarize_all(sessions, due, done))
            else:
                for session_id in due:
                    with done.one(session_id):
                        sessions.summarize(session_id)
    _report(done, as_json=as_json)
    if done.failed:
        raise typer.Exit(Exit.FAULT)
    if done.missing:
        raise typer.Exit(Exit.NOT_FOUND)


async def _asummarize_all(sessions: SessionManager, due: Iterable[str], done: Summarized) -> None:
    # All in one loop: clients of models stay in the one in which they were used first.
    async with sessions:
        for session_id in due:
            with done.one(session_id):
                await sessions.asummarize(session_id)


def _due(
    sessions: SessionManager, ids: Iterable[str], every: int, done: Summarized, advance: Callable[[int], None]
) -> Iterator[str]:
    """Yield the sessions in which enough turns wait, and count the others."""
    for session_id in ids:
        info = sessions.describe(session_id)
        if info is None:
            done.missing.append(session_id)
        elif not info.waiting or (every > 1 and info.waiting_turns < every):
            done.skipped += 1
        else:
            yield session_id
        advance(1)


def _imported(name: str) -> Summarize:
    """Return the callable that ``module:name`` names."""
    found: Any = imported(name, _WITH)
    if not callable(found):
        raise typer.BadParameter(f"{name!r} is not callable but {type(found).__name__}", param_hint=_WITH)
    return found  # type: ignore[no-any-return]  # what it takes and returns shows when it is called


def _is_asynchronous(summarizer: Summarize) -> bool:
    return inspect.iscoroutinefunction(summarizer) or inspect.iscoroutinefunction(type(summarizer).__call__)


def _keeping(url: str) -> str:
    """Return a URL that says whether the store archives; if it said nothing, nothing shall be lost."""
    says = any(name == "archive" for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True))
    return url if says or url.partition(":")[0].lower() not in BUILT_IN else with_options(url, archive=True)


def _problem(error: Exception) -> str:
    if not isinstance(error, SummaryError) or not isinstance(error.__cause__, Exception):
        return str(error)
    return f"{error}: {without_credentials(explanation(error.__cause__))}"


def _report(done: Summarized, *, as_json: bool) -> None:
    for session_id in done.missing:
        note(f"there is no session {session_id!r}")
    for session_id, problem in done.failed.items():
        note(f"session {session_id!r} was not summarised: {problem}")
    if as_json:
        summarize(vars(done))
    else:
        print_line(f"{count(done.summarized, 'session')} summarised, {done.skipped} skipped, {len(done.failed)} failed")
