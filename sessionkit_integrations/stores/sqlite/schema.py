"""Schema of the file, its versions, and the settings of a connection.

A file is ours if its header has our ``application_id``. It is looked at before anything is set or written, so that the
database of another application stays as it is. ``user_version`` is the version of the schema; an older one is migrated
when the file is opened, in one transaction, by whichever process gets there first.

Nothing but SQLite itself can be relied on to look after the rows: people delete sessions with its shell, which does not
enforce foreign keys. So a trigger, which fires for everybody, deletes the records of a deleted session, and
``AUTOINCREMENT`` never gives an id a second time, so that records that are left over all the same belong to nobody.

Archived records are numbered from 1 without gaps, and a session knows how many it has. A page from the newest end is
thus a range of numbers, found through the index in as many steps as it has records.

Settings, and the reasons for them:

- ``journal_mode = WAL``: readers never wait for a writer, nor a writer for readers, and a commit writes once.
- ``synchronous = FULL``: a commit is on disk when it returns. With ``NORMAL``, a power cut would take back what had
  been acknowledged.
- ``foreign_keys = ON``: a record without a session is refused, should a statement of ours ever be wrong.
- No busy timeout: SQLite would wait inside a statement, where the store can neither let readers pass nor fork.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.stores.sqlite.sql import Statement, transaction

if TYPE_CHECKING:
    from sessionkit_integrations.stores.sqlite.sql import Statements

SCHEMA_VERSION = 3
"""Version of the schema, kept in ``user_version``."""

APPLICATION_ID = 0x534B4954
"""Mark of our files (``SKIT``): https://www.sqlite.org/pragma.html#pragma_application_id"""

HAS_INDEX = "SELECT 1 FROM sqlite_master WHERE name = 'search_version'"
"""Statement that finds a row in a file with a search index; see `index.py`."""

_TABLES = (
    """
    CREATE TABLE sessions (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      session_id TEXT NOT NULL UNIQUE,
      turn INTEGER NOT NULL DEFAULT 0, -- the number of the last turn
      evicted INTEGER NOT NULL DEFAULT 0, -- the number of the last turn that left the window
      size INTEGER NOT NULL DEFAULT 0, -- the number of records in the last turn
      position INTEGER NOT NULL DEFAULT 0, -- the position of the last active record
      archived INTEGER NOT NULL DEFAULT 0, -- the position of the last archived record, and so their number
      tokens INTEGER NOT NULL DEFAULT 0, -- the tokens of the active records
      waiting INTEGER NOT NULL DEFAULT 0, -- the number of archived records that wait for a summary
      waiting_turns INTEGER NOT NULL DEFAULT 0, -- the number of their turns
      summarized INTEGER NOT NULL DEFAULT 0, -- the number of records that summaries cover
      operations TEXT NOT NULL DEFAULT '', -- the last operation ids
      appended INTEGER NOT NULL DEFAULT 0, -- messages ever appended
      created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, expires_at INTEGER -- Unix milliseconds
    )""",
    """
    CREATE TABLE active (
      session INTEGER NOT NULL REFERENCES sessions (id),
      position INTEGER NOT NULL,
      turn INTEGER NOT NULL, -- 0 is the preamble
      tokens INTEGER NOT NULL DEFAULT 0, -- as they were counted when the record was written
      record BLOB NOT NULL,
      PRIMARY KEY (session, position)
    ) WITHOUT ROWID""",
    """
    CREATE TABLE archived (
      session INTEGER NOT NULL REFERENCES sessions (id),
      position INTEGER NOT NULL,
      record BLOB NOT NULL,
      PRIMARY KEY (session, position)
    )""",
    """
    CREATE TABLE leases (
      session_id TEXT NOT NULL,
      name TEXT NOT NULL, -- what it is for
      holder TEXT NOT NULL,
      expires_at INTEGER NOT NULL, -- Unix milliseconds
      PRIMARY KEY (session_id, name)
    ) WITHOUT ROWID""",
)
_INDEX = "CREATE INDEX sessions_by_expiry ON sessions (expires_at) WHERE expires_at IS NOT NULL"
_TRIGGER = """
    CREATE TRIGGER session_deleted AFTER DELETE ON sessions BEGIN
      DELETE FROM active WHERE session = OLD.id;
      DELETE FROM archived WHERE session = OLD.id;
    END"""

_FROM_1 = (
    "DROP INDEX sessions_by_expiry",
    "ALTER TABLE archived RENAME TO archived_1",
    "ALTER TABLE active RENAME TO active_1",
    "ALTER TABLE sessions RENAME TO sessions_1",
    *_TABLES,
    """
    INSERT INTO sessions (id, session_id, turn, evicted, size, position, archived, operations, appended,
                          created_at, updated_at, expires_at)
      SELECT id, session_id, turn,
             (SELECT coalesce(min(turn) - 1, sessions_1.turn) FROM active_1 WHERE session = id AND turn > 0),
             size, position, (SELECT count(*) FROM archived_1 WHERE session = sessions_1.id), operations, appended,
             created_at, updated_at, expires_at
      FROM sessions_1""",
    """
    INSERT INTO active (session, position, turn, record)
      SELECT session, position, turn, record FROM active_1 WHERE session IN (SELECT id FROM sessions)""",
    """
    INSERT INTO archived (session, position, record)
      SELECT session, row_number() OVER (PARTITION BY session ORDER BY id), record
      FROM archived_1 WHERE session IN (SELECT id FROM sessions)""",
    "DROP TABLE archived_1",
    "DROP TABLE active_1",
    "DROP TABLE sessions_1",
    _INDEX,
    _TRIGGER,
)
"""Changes from version 1, in which the archive had no positions and foreign keys deleted records.

Records whose sessions were deleted with foreign keys off are left out: they would become a later session's.
"""

_FROM_2 = (
    "ALTER TABLE sessions ADD COLUMN forked_from TEXT",
    "ALTER TABLE sessions ADD COLUMN usage TEXT",
    "ALTER TABLE sessions ADD COLUMN quota TEXT",
)
"""Changes from version 2: the session that one is a fork of, the tokens that providers reported (see `totals`), and the
state of limits. They write no row, and processes of an earlier release that have the file open go on.
"""


_IDENTIFY = (
    "SELECT user_version, application_id, EXISTS (SELECT 1 FROM sqlite_master)"
    " FROM pragma_user_version, pragma_application_id"
)
"""One statement, as another process may set the file up between two."""


def identify() -> Statements[int]:
    """Return the schema version of the file; 0 if it is empty.

    Raises:
        StoreError: It is the database of another application, or of a later release.
    """
    version: int
    version, application, has_tables = (yield Statement(_IDENTIFY))[0]
    if application != APPLICATION_ID:
        if application or version or has_tables:
            raise StoreError("the file is the database of another application; choose another path")
        return 0
    if version > SCHEMA_VERSION:
        raise StoreError(f"the file has schema version {version}; upgrade sessionkit-integrations to use it")
    if version < 1:
        raise StoreError(f"the file is damaged: it has schema version {version}")
    return version


def prepare() -> Statements[None]:
    """Set up a new connection, and bring the file to the present schema."""
    yield Statement("PRAGMA journal_mode = WAL")
    yield Statement("PRAGMA synchronous = FULL")
    yield Statement("PRAGMA foreign_keys = OFF")  # a migration drops tables, which would delete what refers to them
    if (yield from identify()) != SCHEMA_VERSION:
        yield from transaction(_bring_up_to_date())
    yield Statement("PRAGMA foreign_keys = ON")


def _bring_up_to_date() -> Statements[None]:
    version = yield from identify()  # another process may have been first
    if version == SCHEMA_VERSION:
        return
    first = {0: (*_TABLES, _INDEX, _TRIGGER), 1: _FROM_1}.get(version, ())
    for change in (*first, *_FROM_2):
        yield Statement(change)
    yield Statement(f"PRAGMA application_id = {APPLICATION_ID}")
    yield Statement(f"PRAGMA user_version = {SCHEMA_VERSION}")
