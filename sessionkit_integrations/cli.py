"""The ``sessionkit`` command."""

from __future__ import annotations

from sessionkit_integrations.errors import MissingDependencyError

try:
    import typer
except ImportError as error:
    raise MissingDependencyError("The sessionkit command", "cli") from error

# Typer's own tracebacks show local variables, and with them what a message or a URL holds.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def sessionkit() -> None:
    """Chat sessions that remember their last turns."""


@app.command()
def demo(
    store: str | None = typer.Option(
        None,
        envvar="SESSIONKIT_URL",
        help="The URL of a store to run on, such as redis://localhost:6379; a temporary SQLite file if not given.",
    ),
) -> None:
    """Watch LangChain and LlamaIndex share one persistent, windowed conversation. No model key is needed."""
    from sessionkit_integrations.demo.run import demonstrate  # noqa: PLC0415 - other commands do without it

    demonstrate(store)
