"""Paths of files."""

from __future__ import annotations

import os


def absolute(path: object) -> str:
    """Return the path of a file as it is now, whatever folder the process goes to.

    Raises:
        TypeError: It is not a path.
        ValueError: It does not name a file.
    """
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"path must be a str or a pathlib.Path, got {type(path).__name__}")
    name = os.fsdecode(path)
    if not name or "\0" in name or name.startswith(":memory:"):
        raise ValueError(f"path must be the path of a file, got {name!r}; InMemoryStore keeps sessions in memory")
    if name.lower().startswith(("file:", "sqlite:")):
        raise ValueError(
            f"path must be the path of a file, got the URL {name!r}; SessionManager.from_url takes"
            " sqlite:///relative/path and sqlite:////absolute/path"
        )
    return os.path.abspath(name)  # noqa: PTH100 - with `..` as SQLite takes it
