"""Checks of a SQLite file, and of the disk that it is on."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sessionkit_integrations.cli.checks import Check, fail, ok, trial, unusable, warn
from sessionkit_integrations.stores.sqlite.file import harmless_mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.sessions.manager import SessionManager
    from sessionkit_integrations.stores.sqlite.store import SQLiteStore

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = re.compile(r"nfs\d*|cifs|smb\w*|9p|afs|ceph|lustre|gpfs|beegfs|ocfs2|gfs2|glusterfs|fuse\.(?!fuseblk).+")
_MEMORY = re.compile(r"tmpfs|ramfs|rootfs")
_CONTAINER = re.compile(r"overlay|aufs")
_LITTLE_SPACE = 100 * 2**20
_NO_SPACE = 2**20


def run(sessions: SessionManager, store: SQLiteStore) -> Iterator[Check]:
    """Check a file and its place."""
    path = Path(store.path)
    if not path.parent.is_dir():
        yield unusable("file", f"there is no folder {str(path.parent)!r}, and none is made")
        return
    if path.exists():
        yield from _file(sessions, path)
    elif os.access(path.parent, os.W_OK):
        yield ok("file", f"there is no file {str(path)!r} yet; the first write makes it")
    else:
        yield unusable("file", f"there is no file {str(path)!r}, and its folder may not be written to")
    yield _disk(path)
    yield _space(shutil.disk_usage(path.parent).free)


def _file(sessions: SessionManager, path: Path) -> Iterator[Check]:
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        yield unusable("file", f"{str(path)!r}, or its folder, may not be written to")
        return
    yield ok("file", f"{str(path)!r} may be written to")
    used = trial.run(sessions)
    yield used
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode={harmless_mode(str(path))}", uri=True)) as connection:
            faults = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
            mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    except sqlite3.Error as error:
        yield fail("integrity", f"SQLite cannot read the file: {error}")
        return
    if faults == ["ok"]:
        yield ok("integrity", "the file is whole")
    else:
        yield fail("integrity", f"the file is damaged: {'; '.join(faults)}; restore a copy, or try .recover")
    if not used.unusable:
        yield journal(mode)
        if os.name == "posix":
            yield permissions(path.stat().st_mode)


def journal(mode: str) -> Check:
    """Check the journal mode; our own writers set WAL."""
    if mode == "wal":
        return ok("journal", "written ahead (WAL): what was written survives a crash and a power cut")
    if mode in {"off", "memory"}:
        return fail("journal", f"the journal mode is {mode}: a crash while writing damages the file")
    return warn("journal", f"the journal mode is {mode}, not WAL, as where the file system has no shared memory")


def permissions(mode: int) -> Check:
    """Check the mode of a file; our own writers make new ones for their owner alone."""
    if mode & stat.S_IROTH:
        return warn("permissions", "every user of this machine may read the file: chmod 600 it, if that is not meant")
    return ok("permissions", "other users of this machine may not read the file")


def _disk(path: Path) -> Check:
    try:
        kind = file_system(os.path.realpath(path.parent), _MOUNTS.read_text(encoding="utf-8"))
    except OSError:
        return warn("disk", "could not be checked here: is it a disk of this machine? A network share is not safe")
    return disk(kind)


def file_system(folder: str, mounts: str) -> str:
    """Return the type of a folder's file system.

    Args:
        folder: The real path of the folder.
        mounts: All mounts, in the form of Linux's ``/proc/self/mountinfo``.
    """
    best, found = "", "unknown"
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields.split()[4])
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # the last of those mounted at one place hides the others
            best, found = point, rest.split()[0]
    return found


def disk(kind: str) -> Check:
    """Check that a type of file system suits a file of sessions."""
    if _NETWORK.fullmatch(kind):
        return fail(
            "disk", f"the file is on a network share ({kind}), where SQLite's locks do not hold: writers damage it"
        )
    if _MEMORY.fullmatch(kind):
        return fail("disk", f"the file is in memory ({kind}), and gone when the machine restarts")
    if _CONTAINER.fullmatch(kind):
        return warn("disk", f"the file is in a container's own layer ({kind}), and gone with it: use a volume")
    return ok("disk", f"the file is on a disk of this machine ({kind})")


def _space(free: int) -> Check:
    text = f"{free // 2**20:,} MiB are free"
    if free < _NO_SPACE:
        return unusable("space", f"{text}: new messages cannot be written")
    return (warn if free < _LITTLE_SPACE else ok)("space", text)
