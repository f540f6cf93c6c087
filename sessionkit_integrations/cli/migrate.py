"""``sessionkit migrate``."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sessionkit_integrations.cli.common import Json, Url, note, open_sessions, print_line
from sessionkit_integrations.cli.progress import progress, summarize
from sessionkit_integrations.porting.stored import Outcome
from sessionkit_integrations.stores.base import Store
from sessionkit_integrations.stores.memory import InMemoryStore
from sessionkit_integrations.stores.sqlite.store import SQLiteStore
from sessionkit_integrations.view.text import one_line

if TYPE_CHECKING:
    from sessionkit_integrations.porting.migrating import Migrated


class Source(str, Enum):
    """Where conversations come from."""

    LANGCHAIN_COMMUNITY = "langchain-community"
    LANGCHAIN_REDIS = "langchain-redis"
    LLAMA_INDEX = "llama-index"
    JAVASCRIPT = "javascript"


_WOULD = {
    Outcome.WRITTEN: "write",
    Outcome.OVERWRITTEN: "overwrite",
    Outcome.UNCHANGED: "leave (is there already)",
    Outcome.REFUSED: "refuse (is there with other messages; see --overwrite)",
    None: "leave out (cannot be read)",
}


def migrate(
    source_url: Annotated[
        str, typer.Argument(metavar="URL", show_default=False, help="The URL of the Redis that they are in.")
    ],
    url: Url,
    *,
    source: Annotated[Source, typer.Option("--from", show_default=False, help="The package that wrote them.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it; else it is only said what would be done.")] = False,
    key_prefix: Annotated[
        str | None,
        typer.Option("--key-prefix", show_default=False, help="What their keys begin with, where you chose that."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace sessions that are there with other messages.")
    ] = False,
    skip_corrupt: Annotated[
        bool, typer.Option("--skip-corrupt", help="Leave out messages that cannot be read, not their sessions.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the conversations of another package into a store. They stay as they are where they come from.

    What was interrupted can be run again: sessions that are there already are left as they are.
    """
    from sessionkit_integrations.porting import migrating  # noqa: PLC0415 - needs redis, which others do without

    done = migrating.Migrated()
    make = migrating.PEERS[source.value]
    with closing(make(source_url) if key_prefix is None else make(source_url, key_prefix)) as peer:
        ids = sorted(peer.ids())
        if source is Source.JAVASCRIPT and migrating.is_same_place(source_url, key_prefix, url):
            _nothing_to_do(len(ids), migrating.hidden_by_encoding(ids, url), as_json=as_json)
            return
        planned = []
        with _target(url, dry_run=not yes) as store, progress("Migrating", len(ids)) as advance:
            steps = migrating.migrate(
                peer, ids, store, done, dry_run=not yes, overwrite=overwrite, skip_corrupt=skip_corrupt
            )
            for session, outcome in steps:
                advance(1)
                if as_json:
                    verdict = "left out" if outcome is None else outcome.value
                    planned.append({"session_id": session.id, "messages": len(session), "outcome": verdict})
                elif not yes:
                    print_line(f"would {_WOULD[outcome]}: {one_line(session.id)} ({len(session)} messages)")
    for each in done.unreadable:
        where = "" if each.position is None else f", message {each.position}"
        note(f"session {each.session_id!r}{where}: {each.problem}")
    if yes:
        for session_id in done.refused:
            note(f"session {session_id!r} is there with other messages, and was left as it is; see --overwrite")
    if as_json:
        summarize({"dry_run": not yes, **asdict(done), "ignored": peer.ignored, "sessions": planned})
    else:
        _conclude(done, peer.ignored, yes=yes)
    if done.refused or done.left_out:
        raise typer.Exit(1)


def _conclude(done: "Migrated", ignored: int, *, yes: bool) -> None:
    if ignored:
        note(f"passed over {ignored} lists or documents that are none of this package's")
    print_line(
        f"{'' if yes else 'dry run: '}{done.written} sessions {'written' if yes else 'to write'},"
        f" {done.overwritten} {'overwritten' if yes else 'to overwrite'}, {done.unchanged} there already,"
        f" {len(done.refused)} refused, {len(done.left_out)} left out; {done.messages} messages"
    )
    if not yes and done.written + done.overwritten:
        print_line("nothing was changed; do it with --yes")


def _nothing_to_do(sessions: int, hidden: Sequence[str], *, as_json: bool) -> None:
    for session_id in hidden:
        note(f"session {session_id!r} has characters in its id that need ?raw_ids=true in the URL of the store")
    if as_json:
        summarize({"nothing_to_do": True, "sessions": sessions, "need_raw_ids": list(hidden)})
    else:
        print_line(f"nothing needs to be done: the store reads and writes the same {sessions} lists")


@contextmanager
def _target(url: str, *, dry_run: bool) -> Iterator[Store]:
    """Give the store to write to; one that is empty, where a dry run would make a file."""
    with open_sessions(url, must_exist=False) as sessions:
        store = sessions.store
        if dry_run and isinstance(store, SQLiteStore) and not Path(store.path).exists():
            store = InMemoryStore()
        yield store
