"""Sessions as lines, and lines as sessions, on every store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import CorruptSessionError, InMemoryStore, SessionManager, Store, Usage
from sessionkit_integrations.errors import ConflictError
from sessionkit_integrations.porting.exporting import Exported, export_sessions
from sessionkit_integrations.porting.importing import Imported, import_lines
from sessionkit_integrations.porting.jsonl import FormatError
from sessionkit_integrations.porting.stored import Outcome, StoredSession, read_session, stored, write_session
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.stores.values import Edit, Snapshot
from sessionkit_integrations.window.turns import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.backends import StoreMaker

IDS = ("plain", "a b:{c}*%41", "é🧠")
FOREIGN = Record(
    b'{ "role":"user",\t"content":"\\u00e9 \\ud800", "at" : 1.50, "extra": [1e3, 12345678901234567890123] }'
)


def filled(store: Store) -> Store:
    sessions = SessionManager(2, store)
    for session_id in IDS:
        sessions.set_system_message(session_id, "Be brief.\n\u2028")
        for number in range(5):
            sessions.add_user_message(session_id, f"{number} {session_id}")
            sessions.add_assistant_message(session_id, "Yes\N{NULL}\N{DELETE}")
    sessions.add_user_message("no archive", "Hello")
    store.replace("foreign", Edit((FOREIGN,)), None, "1")
    store.replace("archive only", Edit((), (FOREIGN, Record(b'{"content":"x","role":"user"}'))), None, "1")
    return store


def kept(store: Store, session_id: str) -> StoredSession:
    return stored(read_session(SessionManager(store=store), session_id))


def exported(store: Store) -> list[bytes]:
    return list(export_sessions(SessionManager(store=store), sorted(store.sessions()), Exported()))


def imported(store: Store, lines: Sequence[bytes], *, overwrite: bool = False) -> Imported:
    done = Imported()
    assert sum(import_lines(SessionManager(store=store), lines, done, overwrite=overwrite)) == sum(map(len, lines))
    return done


def test_what_is_exported_and_imported_is_stored_the_same(make_store: StoreMaker) -> None:
    source = filled(make_store(archive=True))
    lines = exported(source)
    target = make_store()
    done = imported(target, lines)
    assert (done.written, done.bad_lines) == (6, [])
    for session_id in (*IDS, "no archive"):
        there = kept(source, session_id)
        assert kept(target, session_id) == there
        assert len(there.archived) == (0 if session_id == "no archive" else 6)
    assert exported(target) == lines
    assert kept(target, "foreign").says_the_same(kept(source, "foreign"))
    assert json.loads(kept(target, "foreign").active[0]) == json.loads(FOREIGN)
    assert kept(target, "archive only").archived[1] == b'{"role":"user","content":"x"}'

    again = imported(target, lines)
    assert (again.written, again.unchanged, again.messages) == (0, 6, 0)
    assert exported(target) == lines


def test_an_imported_session_goes_on_as_any_other(make_store: StoreMaker) -> None:
    target = make_store(archive=True)
    imported(target, exported(filled(InMemoryStore(archive=True))))
    sessions = SessionManager(1, target)
    sessions.add_user_message("plain", "And now?")
    assert [message["content"] for message in sessions.get_session("plain")] == ["Be brief.\n\u2028", "And now?"]
    assert len(sessions.get_archive("plain")) == 10


def test_a_session_with_other_messages_is_refused_unless_told_otherwise(make_store: StoreMaker) -> None:
    lines = exported(filled(InMemoryStore(archive=True)))
    target = make_store(archive=True)
    sessions = SessionManager(1, target)
    for number in range(2):
        sessions.add_user_message("plain", str(number))
    before = kept(target, "plain")
    done = imported(target, lines)
    assert (done.written, done.refused) == (5, ["plain"])
    assert kept(target, "plain") == before
    done = imported(target, lines, overwrite=True)
    assert (done.overwritten, done.unchanged, done.refused) == (1, 5, [])
    assert exported(target) == lines


class Overtaken(InMemoryStore):
    """A store in which somebody else is faster, once."""

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        if not self.read(session_id).records:
            self.append(session_id, [Record(b'{"role":"user","content":"first"}')], Window(1), "other")
        super().replace(session_id, edit, expected, operation_id)


def test_a_session_that_begins_meanwhile_is_left_alone() -> None:
    store = Overtaken()
    sessions = SessionManager(store=store)
    session = StoredSession("s", (Record(b'{"role":"user","content":"second"}'),))
    assert write_session(sessions, session) is Outcome.REFUSED
    assert store.read("s").records == (b'{"role":"user","content":"first"}',)
    assert write_session(sessions, session, overwrite=True, dry_run=True) is Outcome.OVERWRITTEN
    assert store.read("s").records == (b'{"role":"user","content":"first"}',)


class Moving(InMemoryStore):
    """A store whose session gets a turn between any two reads, some times."""

    def __init__(self, times: int) -> None:
        super().__init__(archive=True)
        self.times = 0
        for content in (b"a", b"b"):
            self.append("s", [Record(b'{"role":"user","content":"%s"}' % content)], Window(1), content.decode())
        self.times = times

    def read(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        snapshot = super().read(session_id, archived=archived, start=start, stop=stop)
        if self.times:
            self.times -= 1
            self.append(
                session_id, [Record(b'{"role":"user","content":"%d"}' % self.times)], Window(1), str(self.times)
            )
        return snapshot


@pytest.mark.slow
def test_a_session_that_is_written_to_is_read_as_it_was_at_one_moment() -> None:
    store = Moving(7)
    session = kept(store, "s")
    assert [json.loads(record)["content"] for record in (*session.archived, *session.active)] == list("ab6543210")
    with pytest.raises(ConflictError, match="written to all the time"):
        kept(Moving(1000), "s")


def test_records_that_cannot_be_read_are_said_or_left_out() -> None:
    store = InMemoryStore()
    good = Record(b'{"role":"user","content":"x"}')
    bad = tuple(
        map(
            Record,
            (b"{", b'{"role":"robot","content":"x"}', b'{"role":"user","content":7}', b"[" * 100_000, b"\xff", b"[]"),
        )
    )
    store.replace("s", Edit((good, *bad), (bad[0],)), None, "1")
    store.replace("t", Edit((bad[0],)), None, "1")
    with pytest.raises(CorruptSessionError) as raised:
        exported(store)
    assert (raised.value.session_id, raised.value.position) == ("s", 1)
    done = Exported()
    lines = list(export_sessions(SessionManager(store=store), ["s", "t", "u"], done, skip_corrupt=True))
    assert json.loads(lines[1]) == {"id": "s", "active": [json.loads(good)], "archived": []}
    assert len(lines) == 2
    assert (done.sessions, done.messages, done.corrupt, done.missing) == (1, 1, {"s": 7, "t": 1}, ["u"])


def test_bad_lines_are_named_and_nothing_of_them_is_written() -> None:
    store = InMemoryStore()
    good = {"role": "user", "content": "x"}
    values: list[object] = [
        {"format": "sessionkit", "version": 1},
        {"id": "good", "active": [good]},
        {"id": "half", "active": [good, {"role": "user"}, {"role": "robot", "content": "x"}]},
        {"id": "none", "active": [good], "archived": "x"},
        {"id": "", "active": [good]},
        {"id": 7, "active": [good]},
        {"id": "x" * 513, "active": [good]},
        {"id": "empty", "active": [], "archived": []},
        {"id": "texts", "active": ["x"]},
        ["x"],
        {},
        {"messages": [good, {"role": "user", "content": "x", "at": 1}]},
        {"messages": []},
        {"messages": [good, 7]},
    ]
    lines = [json.dumps(value).encode() + b"\r\n" for value in values]
    lines[0] = b"\xef\xbb\xbf" + lines[0]
    done = imported(store, [*lines, b"\n", b'{"id":"cut", "active": [{"ro'])
    assert [bad.line for bad in done.bad_lines] == [*range(3, 15), 16]
    assert done.bad_lines[0].problem.startswith("active[2]: role must be one of")
    assert list(store.sessions()) == ["good"]
    assert all(bad.problem.isprintable() for bad in done.bad_lines)


def test_lines_say_what_they_are() -> None:
    session = b'{"id":"s","active":[{"role":"user","content":"x"}]}\n'
    done = imported(InMemoryStore(), [session])
    assert "without the header" in done.bad_lines[0].problem
    for header in ({"format": "sessionkit", "version": 2}, {"format": "other", "version": 1}, {"format": "sessionkit"}):
        store = InMemoryStore()
        with pytest.raises(FormatError):
            imported(store, [json.dumps(header).encode(), session])
        assert list(store.sessions()) == []


@pytest.mark.parametrize("counts", [{"waiting": 2}, {"waiting": -1}, {"waiting": True}, {"summarized": 10**30}])
def test_counts_that_cannot_be_right_make_a_bad_line(counts: dict[str, int]) -> None:
    record = {"role": "user", "content": "x"}
    line = {"id": "s", "active": [record], "archived": [record], **counts}
    target = InMemoryStore()
    done = imported(target, [exported(InMemoryStore())[0], json.dumps(line).encode()])
    assert len(done.bad_lines) == 1
    assert list(target.sessions()) == []


def test_an_import_adds_up_the_usage_of_what_it_brings() -> None:
    source, target = SessionManager(1, InMemoryStore(archive=True)), SessionManager()
    for _ in range(3):
        source.send_message("s", {"role": "user", "content": "Hello"})
        source.send_message("s", {"role": "assistant", "content": "Hi", "usage": {"input": 10, "output": 1}})
    target.send_message("s", {"role": "assistant", "content": "Old", "usage": {"input": 5, "output": 5}})
    imported(target.store, exported(source.store), overwrite=True)
    info = target.describe("s")
    assert info is not None
    assert info.usage == (Usage(30, 3),)
