"""The page of the ``sessionkit`` commands, made of what their help says: ``python -m tests.commands`` writes it."""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import typer

from sessionkit_integrations.cli import EXAMPLES, app
from tests.site import DOCS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = DOCS / "commands.md"
INTRODUCTION = """# Commands

All commands and their options, as `sessionkit COMMAND --help` says them. [Command line](command_line.md) introduces
them. Every command but `demo` needs a store, by `--url` or by `SESSIONKIT_URL` in the environment.

"""


def commands() -> dict[str, Any]:
    """Return the commands by name."""
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


def examples(command: Any) -> list[str]:
    """Return the examples below the help of a command."""
    return [line.strip() for line in command.epilog.removeprefix(EXAMPLES.format("")).splitlines()]


def page() -> str:
    """Return the page."""
    found = commands()
    (url,) = (option.help for option in found["list"].params if option.name == "url")
    return "\n".join([INTRODUCTION + url, *(line for name in found for line in _command(name, found[name]))]) + "\n"


def _command(name: str, command: Any) -> Iterator[str]:
    yield f"\n## {name}\n"
    yield cleandoc(command.help)
    yield "\n```bash"
    yield from examples(command)
    yield "```"
    rows = [
        (_names(parameter), _help(parameter)) for parameter in command.params if parameter.name not in ("help", "url")
    ]
    if rows:
        yield "\n| option | meaning |\n| --- | --- |"
        yield from (f"| {names} | {about} |" for names, about in rows)


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar}{' …' if parameter.nargs == -1 else ''}`"
    value = "" if parameter.is_flag else f" {parameter.metavar}"
    names = ", ".join(f"`{each}{value}`" for each in sorted(parameter.opts, key=len, reverse=True))
    return names.replace("|", r"\|")


def _help(parameter: Any) -> str:
    text = re.sub(r"\s+", " ", parameter.help)
    default = getattr(parameter.default, "value", parameter.default)
    if parameter.param_type_name == "option" and parameter.required:
        return f"{text} Required."
    return f"{text} Default: `{default}`." if default and parameter.show_default is True else text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
