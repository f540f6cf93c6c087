"""``python -m sessionkit_integrations``."""

from __future__ import annotations

import sys

from sessionkit_integrations.errors import MissingDependencyError

if __name__ == "__main__":
    try:
        from sessionkit_integrations.cli import main
    except MissingDependencyError as error:
        sys.exit(f"sessionkit: {error}")
    main()
