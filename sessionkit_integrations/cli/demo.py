"""``sessionkit demo``."""

from typing import Annotated

import typer


def demo(
    store: Annotated[
        str | None,
        typer.Option(
            "--url",
            "--store",
            envvar="SESSIONKIT_URL",
            metavar="URL",
            help="The URL of a store to run on, such as redis://localhost:6379; a temporary SQLite file if not given.",
        ),
    ] = None,
) -> None:
    """Watch LangChain and LlamaIndex share one conversation.

    It is persistent, and the models see a window of it. No model key is needed.
    """
    from sessionkit_integrations.demo.run import demonstrate  # noqa: PLC0415 - other commands do without it

    demonstrate(store)
