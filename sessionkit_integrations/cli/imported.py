"""Objects of the user that an option names, imported."""

import sys
from importlib import import_module
from typing import Any

import typer


def imported(name: str, option: str) -> Any:
    """Return what ``module:name`` names; modules of the current directory are found.

    Args:
        name: The value of the option.
        option: The option, for the error.

    Raises:
        BadParameter: It has another form, or cannot be imported.
    """
    module_name, _, path = name.partition(":")
    if not module_name or not path:
        raise typer.BadParameter(f"must have the form module:name, got {name!r}", param_hint=option)
    sys.path.insert(0, "")  # the current directory, as for ``python -m``
    try:
        found: Any = import_module(module_name)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:
        problem = f"cannot import {name!r}: {type(error).__name__}: {error}"
        raise typer.BadParameter(problem, param_hint=option) from error
    return found
