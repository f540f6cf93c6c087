"""``sessionkit embed``."""

import asyncio
from collections.abc import Callable
from typing import Annotated

import typer

from sessionkit_integrations.cli.common import Url, open_sessions, print_line
from sessionkit_integrations.cli.imported import imported
from sessionkit_integrations.cli.progress import progress
from sessionkit_integrations.sessions.manager import SessionManager
from sessionkit_integrations.view.text import count

_WITH = "--with"


def embed_sessions(
    url: Url,
    *,
    with_: Annotated[
        str,
        typer.Option(
            _WITH,
            metavar="MODULE:NAME",
            show_default=False,
            help="The model of your SessionManager(embed=…): an Embed, or what it is made of.",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="The name of the model, where it has none of its own."),
    ] = None,
) -> None:
    """Embed what no search has embedded yet, on SQLite or Redis.

    It looks at all sessions, in Redis with ?search=true. The vectors of another model are dropped. If it is stopped,
    the next one goes on from there.
    """
    # Imported here, as it needs NumPy.
    from sessionkit_integrations.sessions.embedding import Embed  # noqa: PLC0415

    found = imported(with_, _WITH)
    try:
        embed = Embed.of(found) if name is None else Embed(found, name=name)
    except TypeError as error:
        raise typer.BadParameter(str(error), param_hint=_WITH) from error
    except ValueError as error:
        raise typer.BadParameter("the model has no name of its own: name it by --name", param_hint=_WITH) from error
    with open_sessions(url, embed=embed) as sessions, progress("Embedding", None) as advance:
        # In one loop: clients of models stay in the one in which they were used first.
        looked_at = asyncio.run(_embed_all(sessions, lambda _count: advance(1)))
    print_line(f"{count(looked_at, 'session')} looked at")


async def _embed_all(sessions: SessionManager, seen: Callable[[int], object]) -> int:
    async with sessions:
        return await sessions.aembed_sessions(seen)
