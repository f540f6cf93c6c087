"""The ``sessionkit`` command: each of its commands is a function in a module of its own."""

from __future__ import annotations

from sessionkit_integrations.errors import MissingDependencyError

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

# Typer's own tracebacks show local variables, and with them what a message or a URL holds.
app = typer.Typer(cls=Group, pretty_exceptions_enable=False)


@app.callback()
def sessionkit() -> None:
    """Chat sessions that remember their last turns.

    Exit codes: 0 success, 1 the store or its data is at fault, 2 wrong usage, 3 there is no such session
    or message, 4 doctor found something that would lose data, 130 you stopped it.
    """


app.command("demo")(demo.demo)
app.command("list")(listing.list_sessions)
app.command("show")(show.show)
app.command("tail")(tail.tail)
app.command("search")(search.search)
app.command("stats")(stats.stats)
app.command("summarize")(summaries.summarize_sessions)
app.command("embed")(embedding.embed_sessions)
app.command("reseal")(resealing.reseal)
app.command("fork")(branches.fork)
app.command("undo")(branches.undo)
app.command("reset")(reset.reset)
app.command("doctor")(doctor.doctor)
app.command("export")(export.export)
app.command("import")(imports.import_sessions)
app.command("migrate")(migrate.migrate)
