"""``sessionkit reseal``."""

import shlex
from dataclasses import asdict
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from sessionkit_integrations.cli.common import ALL_TURNS, Json, Url, describe, note, open_sessions, print_line
from sessionkit_integrations.cli.faults import Exit
from sessionkit_integrations.cli.progress import progress, summarize
from sessionkit_integrations.records.encryption import VARIABLE, Encrypt
from sessionkit_integrations.records.sealing import Compress
from sessionkit_integrations.sessions.manager import SessionManager
from sessionkit_integrations.sessions.resealing import Resealed
from sessionkit_integrations.view.text import count

if TYPE_CHECKING:
    from sessionkit_integrations.records.sealing import Seal

_TO = "--to"


class Kind(str, Enum):
    """The ways in which records may be sealed."""

    PLAIN = "plain"
    COMPRESS = "compress"
    ENCRYPT = "encrypt"
    BOTH = "both"


def reseal(
    url: Url,
    session_id: Annotated[
        str | None,
        typer.Argument(metavar="SESSION", show_default=False, help="The session to seal again; all if there is none."),
    ] = None,
    *,
    to: Annotated[
        Kind,
        typer.Option(
            _TO,
            metavar="|".join(Kind),
            show_default=False,
            help=f"Seal like this. 'encrypt' and 'both' take the newest key of {VARIABLE}.",
        ),
    ],
    after: Annotated[
        str, typer.Option(metavar="SESSION", help="Go on with the sessions whose ids come after this one.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Rewrite records as encrypted, compressed or plain ones.

    Records are opened with all keys of SESSIONKIT_KEYS, and encrypted with the newest. Others may write meanwhile:
    first give your application the seal, with the older keys, so that it seals what it writes in the same way. If it is
    stopped, call it again.
    """
    keys = Encrypt.from_environment()
    with open_sessions(url) as opened, progress("Sealing", None) as advance:
        if session_id is not None:
            describe(opened, session_id)
        sessions = SessionManager(ALL_TURNS, opened.store, seal=_seal(to, keys))
        last = Resealed()

        def show(done: Resealed) -> None:
            last.last = done.last
            advance(1)

        try:
            done = sessions.reseal(session_id, read_with=keys, after=after, progress=show)
        except BaseException:
            if last.last:
                note(f"done up to {last.last!r}; go on with --after {shlex.quote(last.last)}")
            raise
    if as_json:
        summarize(asdict(done))
    else:
        written = "made plain" if to is Kind.PLAIN else "sealed again"
        print_line(f"{count(done.records, 'record')} of {count(done.sessions, 'session')} {written}")
    if done.unopened:
        note(
            f"left {count(done.unopened, 'record')} as before, which the keys of {VARIABLE} alone do not open:"
            " sessionkit doctor says what they need"
        )
        raise typer.Exit(Exit.FAULT)


def _seal(to: Kind, keys: Encrypt | None) -> "Seal | None":
    if to is Kind.PLAIN:
        return None
    if to is Kind.COMPRESS:
        return Compress()
    if keys is None:
        raise typer.BadParameter(f"needs a key; set {VARIABLE} in the environment", param_hint=_TO)
    return keys if to is Kind.ENCRYPT else [Compress(), keys]
