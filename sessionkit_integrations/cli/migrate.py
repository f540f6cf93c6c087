"""``sessionkit migrate``."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sessionkit_integrations.cli.common import Json, Url, note, note_refused, open_sessions, print_line
from sessionkit_integrations.cli.progress import progress, summarize
from sessionkit_integrations.porting.stored import Outcome
from sessionkit_integrations.sessions.manager import SessionManager
from sessionkit_integrations.stores.sqlite.store import SQLiteStore
from sessionkit_integrations.view.text import count, one_line

if TYPE_CHECKING:
    from sessionkit_integrations.porting.migrating import Migrated


class Package(str, Enum):
    """The packages whose conversations can be migrated."""

    LANGCHAIN_COMMUNITY = "langchain-community"
    LANGCHAIN_REDIS = "langchain-redis"
    LLAMA_INDEX = "llama-index"
    JAVASCRIPT = "javascript"


_WOULD = {
    Outcome.WRITTEN: "write",
    Outcome.OVERWRITTEN: "overwrite",
    Outcome.UNCHANGED: "leave (is there already)",
}


def migrate(
    source_url: Annotated[
        str,
        typer.Argument(metavar="URL", show_default=False, help="The URL of the Redis that holds the conversations."),
    ],
    url: Url,
    *,
    package: Annotated[
        Package,
        typer.Option("--from", metavar="|".join(Package), show_default=False, help="The package that wrote them."),
    ],
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do it; without this option, the command only says what it would do.")
    ] = False,
    key_prefix: Annotated[
        str | None,
        typer.Option(
            "--key-prefix", metavar="PREFIX", show_default=False, help="Beginning of their keys, if you chose one."
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace sessions that are there with other messages, but none that needs a secret of its own.",
        ),
    ] = False,
    skip_corrupt: Annotated[
        bool, typer.Option("--skip-corrupt", help="Leave out only turns that cannot be read, not their sessions.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy the conversations of another package into a store.

    Nothing is changed where they come from. A migration that was interrupted can be repeated: sessions that are there
    already are left as they are.
    """
    from sessionkit_integrations.porting import migrating  # noqa: PLC0415 - needs redis, which others do without

    make = migrating.SOURCES[package.value]
    with closing(make(source_url) if key_prefix is None else make(source_url, key_prefix)) as source:
        ids = sorted(source.ids())
        _note_if_none(ids, package, key_prefix)
        if package is Package.JAVASCRIPT and migrating.is_same_place(source_url, key_prefix, url):
            _nothing_to_do(len(ids), migrating.hidden_by_encoding(ids, url), as_json=as_json)
            return
        planned = []
        with _target(url, dry_run=not yes) as sessions, progress("Migrating", len(ids)) as advance:
            migration = migrating.Migration(source, sessions, not yes, overwrite, skip_corrupt)
            for session, outcome in migration.move(ids):
                advance(1)
                if as_json:
                    verdict = _verdict(outcome)
                    planned.append({"session_id": session.id, "messages": len(session), "outcome": verdict})
                elif not yes:
                    print_line(f"would {_would(outcome)}: {one_line(session.id)} ({count(len(session), 'message')})")
    done = migration.done
    for each in done.unreadable:
        where = "" if each.position is None else f", message {each.position}"
        note(f"session {each.session_id!r}{where}: {each.problem}")
    if yes:
        note_refused(done.reasons)
    if as_json:
        summarize({"dry_run": not yes, **asdict(done), "ignored": source.ignored, "sessions": planned})
    else:
        _conclude(done, source.ignored, yes=yes)
    if done.refused or done.left_out:
        raise typer.Exit(1)


def _would(outcome: Outcome | None) -> str:
    if outcome is None:
        return "leave out (cannot be read)"
    return f"refuse ({outcome.value})" if outcome.is_refusal else _WOULD[outcome]


def _verdict(outcome: Outcome | None) -> str:
    if outcome is None:
        return "left out"
    return "refused" if outcome.is_refusal else outcome.value


def _note_if_none(ids: Sequence[str], package: Package, key_prefix: str | None) -> None:
    if not ids:
        where = "" if key_prefix is None else f" under keys that begin with {key_prefix!r}"
        note(f"no conversations of {package.value} were found{where}: check the database of the URL, and --key-prefix")


def _conclude(done: "Migrated", ignored: int, *, yes: bool) -> None:
    if ignored:
        note(f"passed over {ignored} lists or documents that are not the package's")
    print_line(
        f"{'' if yes else 'dry run: '}{count(done.written, 'session')} {'written' if yes else 'to write'},"
        f" {done.overwritten} {'overwritten' if yes else 'to overwrite'}, {done.unchanged} there already,"
        f" {len(done.refused)} refused, {len(done.left_out)} left out; {count(done.messages, 'message')}"
    )
    if not yes and done.written + done.overwritten:
        print_line("nothing was changed; do it with --yes")


def _nothing_to_do(sessions: int, hidden: Sequence[str], *, as_json: bool) -> None:
    for session_id in hidden:
        note(f"session {session_id!r} has characters in its id that need ?raw_ids=true in the URL of the store")
    if as_json:
        summarize({"nothing_to_do": True, "sessions": sessions, "need_raw_ids": list(hidden)})
    else:
        print_line(f"nothing needs to be done: the store reads and writes the same {count(sessions, 'list')}")


@contextmanager
def _target(url: str, *, dry_run: bool) -> Iterator[SessionManager]:
    """Give the sessions to write to; of an empty store, where a dry run would make a file."""
    with open_sessions(url, must_exist=False) as sessions:
        store = sessions.store
        is_new = isinstance(store, SQLiteStore) and not Path(store.path).exists()
        yield SessionManager() if dry_run and is_new else sessions
