"""The ``sessionkit`` command: each of its commands is a function in a module of its own."""

from __future__ import annotations

from sessionkit_integrations.errors import MissingDependencyError

try:
    import typer

    from sessionkit_integrations.cli import demo, export, imports, migrate
except MissingDependencyError:
    raise
except ImportError as error:
    raise MissingDependencyError("The sessionkit command", "cli") from error

# Typer's own tracebacks show local variables, and with them what a message or a URL holds.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def sessionkit() -> None:
    """Chat sessions that remember their last turns."""


app.command("demo")(demo.demo)
app.command("export")(export.export)
app.command("import")(imports.import_sessions)
app.command("migrate")(migrate.migrate)
