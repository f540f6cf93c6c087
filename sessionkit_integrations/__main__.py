"""``python -m sessionkit_integrations``, and the ``sessionkit`` command."""

from __future__ import annotations

import sys

from sessionkit_integrations.errors import MissingDependencyError


def main() -> None:
    """Run the command; expected errors are printed in one line."""
    try:
        from sessionkit_integrations.cli import app  # noqa: PLC0415 - says here what to install where that is missing
        from sessionkit_integrations.cli.faults import run_command_line  # noqa: PLC0415 - as above

        sys.exit(run_command_line(app, sys.argv[1:]))
    except MissingDependencyError as error:
        sys.exit(f"sessionkit: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
