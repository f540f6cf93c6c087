"""The index of a file that a store with ``search=True`` has opened: its tables, and how it keeps up with the records.

A document is an active or an archived record. Its number is the position that it had among the active records, which it
keeps as it is archived; those that never were active have numbers below 0. Triggers, which fire for every writer, also
for SQLite's shell and for stores without ``search``, do in the transaction of a write what need not know what a record
says: they note new records as pending, and take deleted ones out of the index with all their words. A store with
``search=True`` cuts pending records into words, some at a time, as that takes longer than to write them: after a write
that leaves `BATCH` of them, and before it looks something up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.records.record import time_written
from sessionkit_integrations.records.search_texts import searched
from sessionkit_integrations.records.words import cut
from sessionkit_integrations.stores.sqlite import schema
from sessionkit_integrations.stores.sqlite.sql import Statement, transaction

if TYPE_CHECKING:
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.sqlite.sql import Statements

INDEX_VERSION = 2
"""Version of the index: of its tables, and of what the words of a record are. An older index is made again."""

BATCH = 64
"""Records that wait until they are indexed at once, as one by one would take several times as long."""

MOST_AT_ONCE = 256
"""Records that are indexed in one transaction, where more wait."""

OLDEST_SQLITE = (3, 34)
"""The first release of SQLite that has the tokenizer of trigrams."""

SESSION = "((id + 2147483648) >> 32)"
"""The session of a document, which its ``id`` says."""

NUMBER = f"(id - ({SESSION} << 32))"
"""Its number within the session."""


UNREAD = "words = ''"
"""The condition of a document whose record could not be read, as it is encrypted or damaged."""


def _id(row: str, number: str) -> str:
    return f"({row}.session << 32) + {row}.{number}"


def ids_of(session: int) -> tuple[int, int]:
    """Return the first and the last id that documents of a session may have; see `SESSION`."""
    return (session << 32) - 2**31, (session << 32) + 2**31 - 1


_LEAVES = """
      DELETE FROM search_pending WHERE id = {id};
      DELETE FROM search_documents WHERE id = {id};"""

_TABLES = (
    "CREATE TABLE search_version (version INTEGER NOT NULL, documents INTEGER NOT NULL)",
    f"INSERT INTO search_version (version, documents) VALUES ({INDEX_VERSION}, 0)",
    "CREATE TABLE search_pending (id INTEGER PRIMARY KEY)",
    """
    CREATE TABLE search_documents (
      id INTEGER PRIMARY KEY, -- the session and the number of the record
      at INTEGER, -- the time of the record, in Unix milliseconds
      words TEXT NOT NULL -- with a space around each; empty if the record cannot be read
    )""",
    f"CREATE INDEX search_unread ON search_documents (at) WHERE {UNREAD}",
    # The words are ASCII or letters and symbols, none of which may be taken for a separator.
    """
    CREATE VIRTUAL TABLE search_words USING fts5 (
      words, content = 'search_documents', content_rowid = 'id', detail = none, columnsize = 0,
      tokenize = "ascii tokenchars '!""#$%&''()*+,-./:;<=>?@[\\]^_`{|}~'"
    )""",
    """
    CREATE VIRTUAL TABLE search_parts USING fts5 (
      words, content = 'search_documents', content_rowid = 'id', detail = none, columnsize = 0,
      tokenize = 'trigram case_sensitive 1'
    )""",
    """
    CREATE TRIGGER search_document_deleted AFTER DELETE ON search_documents BEGIN
      INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', OLD.id, OLD.words);
      INSERT INTO search_parts (search_parts, rowid, words) VALUES ('delete', OLD.id, OLD.words);
      UPDATE search_version SET documents = documents - 1;
    END""",
    "CREATE INDEX search_numbers ON archived (session, number) WHERE number IS NOT NULL",
    "CREATE INDEX search_unnumbered ON archived (session, position) WHERE number IS NULL",
    f"""
    CREATE TRIGGER search_active_added AFTER INSERT ON active WHEN NEW.turn > 0 BEGIN
      INSERT OR IGNORE INTO search_pending (id) VALUES ({_id("NEW", "position")});
    END""",
    f"""
    CREATE TRIGGER search_active_deleted AFTER DELETE ON active
    WHEN OLD.turn > 0 AND NOT EXISTS (SELECT 1 FROM archived WHERE session = OLD.session AND number = OLD.position)
    BEGIN{_LEAVES.format(id=_id("OLD", "position"))}
    END""",
    # Records leave the window from its oldest turn on, so that one is the first of those that are not archived yet.
    """
    CREATE TRIGGER search_archived_added AFTER INSERT ON archived BEGIN
      UPDATE archived SET number = coalesce(
        (SELECT position FROM active WHERE session = NEW.session AND turn > 0 AND record = NEW.record AND position >
           coalesce((SELECT max(number) FROM archived WHERE session = NEW.session AND number IS NOT NULL), 0)
         ORDER BY position LIMIT 1),
        (SELECT coalesce(max(number), -2147483648) + 1 FROM archived WHERE session = NEW.session AND number < 0)
      ) WHERE session = NEW.session AND position = NEW.position;
    END""",
    f"""
    CREATE TRIGGER search_archived_numbered AFTER UPDATE OF number ON archived WHEN NEW.number < 0 BEGIN
      INSERT OR IGNORE INTO search_pending (id) VALUES ({_id("NEW", "number")});
    END""",
    f"""
    CREATE TRIGGER search_archived_deleted AFTER DELETE ON archived WHEN OLD.number IS NOT NULL BEGIN
      {_LEAVES.format(id=_id("OLD", "number"))}
    END""",
    f"INSERT INTO search_pending (id) SELECT {_id('active', 'position')} FROM active WHERE turn > 0",
    f"""
    INSERT OR IGNORE INTO search_pending (id)
      SELECT {_id("archived", "number")} FROM archived WHERE number IS NOT NULL""",
)

_PARTS_OF_INDEX = (
    "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'index', 'table')"
    " AND (name GLOB 'search_active_*' OR name GLOB 'search_archived_*' OR name GLOB 'search_document_*'"
    " OR name IN ('search_numbers', 'search_unnumbered', 'search_words', 'search_parts', 'search_documents',"
    " 'search_pending', 'search_version')) ORDER BY type DESC"
)

_CAPABLE = "SELECT sqlite_version(), EXISTS (SELECT 1 FROM pragma_module_list WHERE name = 'fts5')"


def prepare() -> Statements[None]:
    """Do what `schema.prepare` does, and make the index, unless the file has it.

    Raises:
        StoreError: This SQLite cannot keep one, or a later release made it.
    """
    yield from schema.prepare()
    if (yield from _version()) == INDEX_VERSION:
        return
    release, has_module = (yield Statement(_CAPABLE))[0]
    if not has_module or tuple(map(int, release.split(".")[:2])) < OLDEST_SQLITE:
        raise StoreError(
            f"search=True needs SQLite {'.'.join(map(str, OLDEST_SQLITE))} or later with FTS5, and this is SQLite"
            f" {release}{'' if has_module else ' without it'}; leave search=True out to search without an index"
        )
    yield from transaction(_make())


def _version() -> Statements[int]:
    if not (yield Statement(schema.HAS_INDEX)):
        return 0
    version: int = (yield Statement("SELECT version FROM search_version"))[0][0]
    if version > INDEX_VERSION:
        raise StoreError(f"the file's index has version {version}; upgrade sessionkit-integrations to search it")
    return version


def _make() -> Statements[None]:
    if (yield from _version()) == INDEX_VERSION:  # another process was first
        return
    for kind, name in (yield Statement(_PARTS_OF_INDEX)):
        yield Statement(f"DROP {kind} {name}")
    if not (yield Statement("SELECT 1 FROM pragma_table_info('archived') WHERE name = 'number'")):
        yield Statement("ALTER TABLE archived ADD COLUMN number INTEGER")
    for table in _TABLES:
        yield Statement(table)


def behind() -> Statements[int]:
    """Return the number of records that are not indexed yet."""
    count: int = (
        yield Statement(
            "SELECT (SELECT count(*) FROM search_pending) + (SELECT count(*) FROM archived WHERE number IS NULL)"
        )
    )[0][0]
    return count


def is_behind(least: int) -> Statements[bool]:
    """Return whether at least that many records wait, or records of before the file had an index."""
    return bool(
        (
            yield Statement(
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM search_pending LIMIT 1 OFFSET ?)"
                " OR EXISTS (SELECT 1 FROM archived WHERE number IS NULL)",
                (least - 1,),
            )
        )
    )


def keep_up(least: int) -> Statements[bool]:
    """Index a batch of records, if at least that many wait for it, and return whether it did."""
    waiting = yield from is_behind(least)
    if waiting:
        yield from transaction(_index())
    return waiting


def _index() -> Statements[None]:
    unnumbered = yield Statement("SELECT session, position FROM archived WHERE number IS NULL LIMIT ?", (MOST_AT_ONCE,))
    if unnumbered:
        yield Statement(
            "UPDATE archived SET number = (SELECT coalesce(max(number), -2147483648) + 1 FROM archived"
            " WHERE session = ? AND number < 0) WHERE session = ? AND position = ?",
            many=[(session, session, position) for session, position in unnumbered],
        )
    pending = yield Statement(
        f"SELECT one.id, CAST(coalesce(active.record, archived.record) AS BLOB)"
        f" FROM (SELECT id, {SESSION} AS session, {NUMBER} AS number FROM search_pending ORDER BY id LIMIT ?) AS one"
        " LEFT JOIN active ON active.session = one.session AND active.position = one.number"
        " LEFT JOIN archived ON archived.session = one.session AND archived.number = one.number"
        " ORDER BY one.id",
        (MOST_AT_ONCE,),
    )
    if pending:
        documents = [(document, *_read(record)) for document, record in pending if record is not None]
        yield Statement("INSERT INTO search_documents (id, at, words) VALUES (?, ?, ?)", many=documents)
        # Each by a statement of its own: a trigger would have FTS5 write a segment for each record.
        words = [(document, words) for document, _, words in documents]
        yield Statement("INSERT INTO search_words (rowid, words) VALUES (?, ?)", many=words)
        yield Statement("INSERT INTO search_parts (rowid, words) VALUES (?, ?)", many=words)
        yield Statement("UPDATE search_version SET documents = documents + ?", (len(documents),))
        yield Statement("DELETE FROM search_pending WHERE id <= ?", (pending[-1][0],))


def _read(record: Record) -> tuple[int | None, str]:
    """Return the time of a record and its words; no words of one that cannot be read, which is then `UNREAD`."""
    found = searched(record)
    if found is None:
        return time_written(record), ""
    return found.at, f" {' '.join(word for text in found.texts for word in cut(text))} "
