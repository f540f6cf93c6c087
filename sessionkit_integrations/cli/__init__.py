"""The ``sessionkit`` command: each of its commands is a function in a module of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable

try:
    import typer

    from sessionkit_integrations.cli import (
        branches,
        demo,
        doctor,
        embedding,
        export,
        imports,
        listing,
        migrate,
        resealing,
        reset,
        search,
        show,
        stats,
        summaries,
        tail,
    )
    from sessionkit_integrations.cli.faults import Group
except MissingDependencyError:
    raise
except ImportError as error:
    raise MissingDependencyError("The sessionkit command", "cli") from error

EXAMPLES = "\b\nExamples:\n{}"
"""Examples below the help of a command; the first character keeps their lines as they are."""

# Typer's own tracebacks show local variables, and with them what a message or a URL holds. Its boxes leave the help of
# an option half of a terminal of 80 columns.
app = typer.Typer(cls=Group, rich_markup_mode=None, pretty_exceptions_enable=False)

_COMMANDS: dict[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "demo": (demo.demo, ("", "--url redis://localhost:6379")),
    "list": (listing.list_sessions, ("-n 20", "--watch", "--all --json")),
    "show": (show.show, ("user123", "user123 --archive", "user123 --around 42")),
    "tail": (tail.tail, ("user123 -n 20", "user123 -f --json")),
    "search": (search.search, ("peanuts", "'peanut allergy' --session user123 --since 2026-11-01", "'' --role tool")),
    "stats": (stats.stats, ("", "user123 --since 2026-11-01", "--csv > days.csv")),
    "summarize": (summaries.summarize_sessions, ("--with my_app:summarize", "user123 --with my_app:summarize")),
    "embed": (embedding.embed_sessions, ("--with my_app:embed",)),
    "reseal": (resealing.reseal, ("--to encrypt", "user123 --to plain")),
    "fork": (branches.fork, ("user123 user123:other", "user123 user123:other --turns -2")),
    "undo": (branches.undo, ("user123", "user123 --turns 2 --yes")),
    "reset": (reset.reset, ("user123", "user123 user456 --yes")),
    "doctor": (doctor.doctor, ("", "--url sqlite:///chats.db")),
    "export": (export.export, ("-o backup.jsonl", "user123 > user123.jsonl", "--format openai -o train.jsonl")),
    "import": (imports.import_sessions, ("backup.jsonl", "backup.jsonl --overwrite")),
    "migrate": (
        migrate.migrate,
        (
            "redis://localhost:6379 --from langchain-redis",
            "redis://localhost:6379 --from langchain-redis --yes",
        ),
    ),
}
"""The commands by name, each with what follows its name in examples."""


@app.callback(epilog=EXAMPLES.format("  export SESSIONKIT_URL=redis://localhost:6379\n  sessionkit doctor"))
def sessionkit() -> None:
    """Chat sessions that remember their last turns.

    Exit codes: 0 success, 1 the store or its data is at fault, 2 wrong usage, 3 there is no such session
    or message, 4 doctor found something that would lose data, 130 you stopped it.
    """


for _name, (_run, _examples) in _COMMANDS.items():
    _lines = (f"  sessionkit {_name} {arguments}".rstrip() for arguments in _examples)
    app.command(_name, epilog=EXAMPLES.format("\n".join(_lines)))(_run)
