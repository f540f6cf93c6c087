"""Sessions whose records are sealed, on stores and in frameworks."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessionkit_integrations import (
    Compress,
    CorruptSessionError,
    Encrypt,
    InMemoryStore,
    RedisStore,
    SealError,
    SessionBusyError,
    SessionManager,
    SQLiteStore,
    Store,
    Summary,
    Window,
)
from sessionkit_integrations.stores.turns import _HELD
from tests.sessions.scripted import Scripted, contents, turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.backends import StoreMaker
    from tests.servers import Server

    Call = Callable[..., Any]

KEY, OTHER = bytes(range(32)), bytes(32)
BOTH: Any = [Compress(0), Encrypt(KEY)]
CALLS: Any = [
    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
]


class OwnStore(Store):
    """A store of somebody else, with nothing but the five methods."""

    def __init__(self) -> None:
        self.kept = InMemoryStore()

    def append(self, *args: Any, **options: Any) -> Any:
        return self.kept.append(*args, **options)

    def read(self, *args: Any, **options: Any) -> Any:
        return self.kept.read(*args, **options)

    def replace(self, *args: Any) -> None:
        self.kept.replace(*args)

    def delete(self, session_id: str) -> None:
        self.kept.delete(session_id)

    def sessions(self) -> Iterator[str]:
        return self.kept.sessions()


def stored(store: Store, session_id: str) -> list[dict[str, Any]]:
    """Return all records of a session as the store holds them."""
    both = (*store.read(session_id, archived=True).records, *store.read(session_id).records)
    return [json.loads(record) for record in both]


def test_a_session_is_the_same_as_without(make_store: StoreMaker, call: Call) -> None:
    outcomes = []
    for seal in (None, BOTH):
        store = make_store(archive=True)
        sessions = SessionManager(Window(turns=2, tokens=100_000), store, seal=seal)
        call(sessions, "set_system_message", "s", "Be brief.")
        for number in range(4):
            call(sessions, "send_messages", "s", turn(number))
        usage: Any = {"input": 3, "output": 5, "model": "gpt-5"}
        call(sessions, "send_message", "s", {"role": "assistant", "content": None, "tool_calls": CALLS, "usage": usage})
        shown = call(sessions, "prompt", "s", "And now?")
        call(sessions, "fork", "s", "t", turns=3)
        undone = call(sessions, "undo", "s")
        call(sessions, "set_system_message", "s", "Be long.")
        hits = call(sessions, "search", "q1", session_id="s")
        found = [(hit.messages, hit.position, hit.archived) for hit in hits]
        everywhere = {hit.session_id for hit in call(sessions, "search", "q1")}
        figures = call(sessions, "statistics", "s").to_dict()
        figures.pop("answer_times", None)
        info = call(sessions, "describe", "s")
        read = [call(sessions, "get_session", each) for each in "st"]
        read += [call(sessions, "get_archive", each) for each in "st"]
        outcomes.append(
            (
                shown,
                undone,
                found,
                everywhere,
                read,
                info.tokens,
                info.usage,
                info.turns,
                figures["tokens"],
                len(sessions.view("s")._repr_html_()) > 0,
            )
        )
        if seal is not None:
            assert {"sealed" in record and "content" not in record for record in stored(store, "s")} == {True}
            assert {"sealed" in record for record in stored(store, "t")} == {True}
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][2]


def test_sealed_and_plain_records_mix(call: Call) -> None:
    store = InMemoryStore(archive=True)
    plain, sealed = SessionManager(2, store), SessionManager(2, store, seal=BOTH)
    for number in range(4):
        call(plain if number % 2 else sealed, "send_messages", "s", turn(number))
    assert contents(call(sealed, "get_session", "s")) == [each["content"] for number in (2, 3) for each in turn(number)]
    with pytest.raises(SealError, match="record 0: is sealed by"):
        call(plain, "get_session", "s")
    with pytest.raises(SealError, match="record 0 of the archive"):
        call(plain, "get_archive", "s")
    assert call(plain, "undo", "s") == turn(3)
    before = stored(store, "s")
    for other in (plain, SessionManager(2, store, seal=Encrypt(OTHER))):
        with pytest.raises(SealError):
            call(other, "undo", "s")
    assert stored(store, "s") == before
    assert call(sealed, "undo", "s") == turn(2)


def test_an_edit_leaves_other_records_as_they_are_stored() -> None:
    store = InMemoryStore()
    old = SessionManager(5, store, seal=Encrypt(OTHER))
    for number in range(3):
        old.send_messages("s", turn(number))
    new = SessionManager(5, store, seal=Encrypt(KEY, OTHER))
    before = stored(store, "s")
    new.undo("s")
    assert stored(store, "s") == before[:-2]
    new.fork("s", "t")
    assert {record["by"] for record in stored(store, "t")} == {f"aes-gcm:{Encrypt(KEY).key_id}"}
    assert new.get_session("t") == new.get_session("s")


def test_a_record_that_was_moved_is_refused() -> None:
    store = InMemoryStore()
    sessions = SessionManager(5, store, seal=BOTH)
    sessions.send_messages("s", turn(1))
    store.append("t", store.read("s").records, Window(5), "id")
    with pytest.raises(CorruptSessionError, match="written for another place"):
        sessions.get_session("t")
    assert sessions.get_session("s") == turn(1)


@pytest.mark.parametrize("seal", [Encrypt(KEY), Compress(0), None], ids=["another key", "compressed", "plain"])
def test_a_fork_of_what_cannot_be_opened_is_refused(seal: Any, call: Call) -> None:
    store = InMemoryStore(archive=True)
    for number in range(3):
        SessionManager(1, store, seal=Encrypt(OTHER)).send_messages("s", turn(number))
    sessions = SessionManager(2, store, seal=seal)
    for turns, position, archived in ((None, 0, False), (1, 0, True), (-1, 0, False)):
        with pytest.raises(SealError, match=Encrypt(OTHER).key_id) as raised:
            call(sessions, "fork", "s", "t", turns=turns)
        assert (raised.value.session_id, raised.value.position, raised.value.archived) == ("s", position, archived)
    assert stored(store, "t") == []


def test_a_fork_that_needs_nothing_of_what_cannot_be_opened_is_made(call: Call) -> None:
    store = InMemoryStore()
    plain, sealed = (SessionManager(5, store, seal=seal) for seal in (None, Encrypt(OTHER)))
    plain.send_messages("s", turn(1))
    sealed.send_messages("s", turn(2))
    call(plain, "fork", "s", "t", turns=1)
    assert sealed.get_session("t") == turn(1)
    compressed = SessionManager(5, store, seal=Compress(0))
    compressed.send_messages("z", turn(3))
    call(plain, "fork", "z", "y")
    assert compressed.get_session("y") == turn(3)


def test_summaries_are_sealed_but_for_their_counts(make_store: StoreMaker) -> None:
    store = make_store()
    summary = Summary(lambda previous, messages: f"{previous or ''} secret {len(messages)}", every=1, background=False)
    sessions = SessionManager(1, store, summary=summary, seal=BOTH)
    for number in range(3):
        sessions.send_messages("s", turn(number))
    found = sessions.get_summary("s")
    assert found is not None
    assert (found.text, found.turns, found.messages) == (" secret 2 secret 2", 2, 4)
    head = stored(store, "s")[0]
    assert (head["summary"]["turns"], "content" in head) == (2, False)
    assert sessions.describe("s").summary == found  # type: ignore[union-attr]


@pytest.mark.parametrize("seal", [Encrypt(KEY), None], ids=["another key", "plain"])
def test_no_summary_is_made_over_one_that_cannot_be_opened(
    seal: Any, call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    store, summarizer = InMemoryStore(), Scripted()
    summary = Summary(summarizer, every=1, background=False)
    sealed = SessionManager(1, store, summary=summary, seal=Encrypt(OTHER))
    for number in range(2):
        sealed.send_messages("s", turn(number))
    sealed.undo("s")
    sessions = SessionManager(1, store, summary=summary, seal=seal)
    for number in range(2, 4):
        call(sessions, "send_messages", "s", turn(number))
    assert "session 's' was not summarised" in caplog.text
    for method in ("get_summary", "summarize"):
        with pytest.raises(SealError, match=Encrypt(OTHER).key_id) as raised:
            call(sessions, method, "s")
        assert (raised.value.session_id, raised.value.position) == ("s", 0)
    info = call(sessions, "describe", "s")
    assert (info.summary, info.summarized, info.waiting) == (None, 2, 2)
    assert summarizer.given == [(None, ["q0", "a0"])]

    both = SessionManager(1, store, summary=summary, seal=Encrypt(OTHER, KEY))
    assert call(both, "summarize", "s").text == "q0 a0 q2 a2"
    assert contents(both.get_session("s"))[1:] == ["q3", "a3"]


def test_turns_and_watching_work(make_store: StoreMaker) -> None:
    store = make_store()
    sessions = SessionManager(5, store, seal=BOTH)
    with sessions.watch("s", timeout=5) as changes:
        with sessions.turn("s"):
            assert not store.lease("s", "turn", "another", 10)
            sessions.send_messages("s", turn(1))
        change = next(changes)
    assert (change.kind, change.messages) == ("added", turn(1))
    with pytest.raises(SessionBusyError), sessions.turn("s"):  # noqa: PT012 - the second write is refused
        sessions.send_messages("s", turn(2))
        _HELD.get()[0].ends = 0
        sessions.send_messages("s", turn(3))
    assert sessions.get_session("s") == [*turn(1), *turn(2)]


def test_a_store_of_five_methods_is_sealed_as_well(call: Call) -> None:
    store = OwnStore()
    sessions = SessionManager(2, store, seal=BOTH)
    usage: Any = {"input": 3, "output": 5}
    call(sessions, "send_messages", "s", [*turn(1), {"role": "assistant", "content": "x", "usage": usage}])
    info = call(sessions, "describe", "s")
    assert (info.messages, info.usage[0].input) == (3, 3)
    assert all("sealed" in record for record in stored(store, "s"))


def text_of_files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


words = st.text(string.ascii_letters + "äß漢字", min_size=9, max_size=30).map("z9{}q7".format)  # no word of a schema


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, min_size=7, max_size=7, unique=True), st.booleans())
def test_nothing_that_is_said_is_found_in_a_dump(
    redis_server: Server, tmp_path_factory: pytest.TempPathFactory, said: list[str], compress: bool
) -> None:
    text, call_id, tool, value, result, name, summary = said
    arguments = json.dumps({"argument": value}, ensure_ascii=False)
    conversation: Any = [
        {"role": "system", "content": f"{text} of the system"},
        {"role": "user", "content": text, "name": name},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call_id, "type": "function", "function": {"name": tool, "arguments": arguments}}],
        },
        {"role": "tool", "content": result, "tool_call_id": call_id, "name": tool},
        {"role": "assistant", "content": f"{text} again"},
    ]
    folder = tmp_path_factory.mktemp("sealed")
    url = redis_server.url
    seal: Any = [Compress(0), Encrypt(KEY)] if compress else Encrypt(KEY)
    dumps = []
    for store in (
        RedisStore(url, archive=True, key_prefix=f"{folder.name}:"),
        SQLiteStore(folder / "s.db", archive=True),
    ):
        made = Summary(lambda _previous, _messages: summary, every=1, background=False)
        with SessionManager(1, store, seal=seal, summary=made) as sessions:
            for _ in range(2):
                sessions.send_messages("s", conversation)
            sessions.fork("s", "t")
            sessions.undo("t")
            assert sessions.get_summary("s").text == summary  # type: ignore[union-attr]
            if isinstance(store, SQLiteStore):
                dumps.append(text_of_files(folder))  # the log of writes as well
    with redis_server.client() as client:
        for key in client.scan_iter(f"*{folder.name}:*"):
            kind = client.type(key)
            held: Any = client.lrange(key, 0, -1) if kind in {b"list", "list"} else [client.get(key) or ""]
            dumps.append(b"\n".join(each if isinstance(each, bytes) else each.encode() for each in held))
    assert b'"sealed":"' in dumps[0]
    assert len(dumps) > 2
    for word in (text, call_id, tool, value, result, name, summary):
        for form in (word.encode(), json.dumps(word)[1:-1].encode()):
            assert not any(form in dump for dump in dumps), word
