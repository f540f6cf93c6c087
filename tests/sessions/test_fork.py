"""`fork`: what a new session begins with, whatever window, archive and summary there are, and who writes meanwhile."""

from __future__ import annotations

import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionkit_integrations import (
    ConflictError,
    Edit,
    InMemoryStore,
    InvalidSessionIdError,
    Record,
    SessionBusyError,
    SessionManager,
    Store,
    Summary,
    Window,
)
from sessionkit_integrations.records.codec import PlainCodec
from sessionkit_integrations.records.record import encode
from sessionkit_integrations.runtime.steps import run
from sessionkit_integrations.sessions import forking, steps
from sessionkit_integrations.stores.redis import forking as forking_on_servers
from sessionkit_integrations.stores.redis.scripted import ScriptedStore
from sessionkit_integrations.stores.turns import held_turn
from sessionkit_integrations.window.open_calls import INTERRUPTED
from sessionkit_integrations.window.turns import evict, number_turns
from tests.backends import SEARCHING, SEARCHING_FILE
from tests.sessions.talk import SYSTEM, turns, user

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.backends import Backends, StoreMaker


def contents(messages: Sequence[Any]) -> list[str]:
    return [str(message["content"]) for message in messages]


def of_five_turns(store: Store | None = None, **options: Any) -> SessionManager:
    sessions = SessionManager(2, store or InMemoryStore(archive=True), **options)
    sessions.send_messages("s", [SYSTEM, *turns(1, 5)])
    return sessions


@pytest.fixture
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forking, "PAGE", 3)
    monkeypatch.setattr(forking_on_servers, "PAGE", 3)


@pytest.mark.pairwise
@pytest.mark.usefixtures("_small_pages")
def test_every_store_forks_a_session(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    sessions = SessionManager(Window(2, tokens=1000), make_store(archive=True), count_tokens=lambda _: 7)
    call(sessions, "send_messages", "s", [SYSTEM, *turns(1, 5)])
    for name, number in (("all", None), ("four", 4), ("two", -4)):
        call(sessions, "fork", "s", name, turns=number)
    assert call(sessions, "get_session", "all") == [SYSTEM, *turns(4, 5)]
    assert call(sessions, "get_archive", "all") == turns(1, 3)
    assert call(sessions, "get_session", "four") == [SYSTEM, *turns(3, 4)]
    assert call(sessions, "get_archive", "four") == turns(1, 2)
    assert call(sessions, "get_session", "two") == [SYSTEM, *turns(1, 2)]
    assert call(sessions, "get_archive", "two") == []
    info = call(sessions, "describe", "four")
    assert (info.turns, info.messages, info.archived, info.tokens, info.forked_from) == (2, 5, 4, 35, "s")
    assert call(sessions, "describe", "s").forked_from is None
    for name in ("s", "four"):
        call(sessions, "send_messages", name, turns(6, 6))
    assert call(sessions, "get_session", "four") == [SYSTEM, *turns(4, 4), *turns(6, 6)]
    assert call(sessions, "get_archive", "four") == turns(1, 3)
    assert call(sessions, "get_session", "s") == [SYSTEM, *turns(5, 6)]
    for taken in ("two", "s"):
        with pytest.raises(ConflictError, match=f"there is a session '{taken}' already"):
            call(sessions, "fork", "s", taken)
    call(sessions, "reset_session", "s")
    call(sessions, "fork", "two", "s")
    assert call(sessions, "get_session", "s") == [SYSTEM, *turns(1, 2)]
    assert sorted(sessions.list_sessions()) == ["all", "four", "s", "two"]
    assert left_over(sessions.store) == []


def left_over(store: Store) -> list[str]:
    """Return the keys of archives that are nobody's yet, of a store on a server."""
    if not isinstance(store, ScriptedStore):
        return []
    words = ("SCAN", 0, "MATCH", f"*{store.keys.prefix}*:fork:*", "COUNT", 10_000)
    return [key for node in store.nodes() for key in store.ask(*words, node=node)[1]]


class FiveMethods(Store):
    """A store of somebody else, which has nothing but what it must."""

    archive = True

    def __init__(self) -> None:
        self._store = InMemoryStore(archive=True)

    def append(self, *args: Any, **options: Any) -> Any:
        return self._store.append(*args, **options)

    def read(self, *args: Any, **options: Any) -> Any:
        return self._store.read(*args, **options)

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        self._store.replace(session_id, edit, expected, operation_id)

    def delete(self, session_id: str) -> None:
        self._store.delete(session_id)

    def sessions(self) -> Any:
        return self._store.sessions()


def test_a_store_of_five_methods_forks_as_well(call: Callable[..., Any]) -> None:
    sessions = of_five_turns(FiveMethods())
    call(sessions, "fork", "s", "t", turns=4)
    assert (sessions.get_archive("t"), sessions.get_session("t")) == (turns(1, 2), [SYSTEM, *turns(3, 4)])
    with pytest.raises(ConflictError):
        call(sessions, "fork", "s", "t")


_roles = st.sampled_from(["user", "user", "user", "assistant", "tool", "system"])


@settings(max_examples=300)
@given(st.lists(_roles, min_size=1, max_size=25), st.integers(1, 5), st.integers(1, 4), st.data())
def test_a_fork_is_the_session_as_it_was(roles: list[str], window: int, page: int, data: Any) -> None:
    messages: list[Any] = [{"role": role, "content": f"{at}"} for at, role in enumerate(roles)]
    for message in messages:
        if message["role"] == "tool":
            message["tool_call_id"] = "x"
    numbers = number_turns(roles)
    total = numbers[-1]
    kept = data.draw(st.integers(0, total))
    from_the_end = [kept - total - 1] if kept else []
    number = data.draw(st.sampled_from([kept, *from_the_end, *([None] if kept == total else [])]))
    sessions = SessionManager(window, InMemoryStore(archive=True))
    sessions.send_messages("s", messages)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forking, "PAGE", page)
        sessions.fork("s", "t", turns=number)
    before = [message for message, turn in zip(messages, numbers, strict=True) if turn <= kept]
    active, archived = evict(before, Window(window), lambda message: message["role"])
    stored = sessions.using(PlainCodec()).snapshot("t", archived=steps.EVERYTHING)
    assert stored.messages("archived") == archived
    assert stored.messages("preamble", "window") == active
    assert stored.outside == ()


def test_turns_of_a_larger_window_stay_and_those_that_left_come_back() -> None:
    store = InMemoryStore(archive=True)
    SessionManager(3, store).send_messages("s", turns(1, 6))
    SessionManager(9, store).fork("s", "t", turns=5)
    assert SessionManager(9, store).get_session("t") == turns(1, 5)
    SessionManager(2, store).fork("s", "u", turns=5)
    assert SessionManager(9, store).get_session("u") == turns(4, 5)
    SessionManager(1, store).fork("s", "v", turns=5)
    assert SessionManager(9, store).get_session("v") == turns(4, 5)  # as they are active in the source


@pytest.mark.parametrize(
    ("tokens", "found"), [(10, turns(3, 3)), (40, turns(2, 3)), (59, turns(2, 3)), (60, turns(1, 3))]
)
def test_as_many_tokens_come_back_as_the_window_takes(tokens: int, found: list[Any]) -> None:
    sessions = SessionManager(Window(tokens=20), InMemoryStore(archive=True), count_tokens=lambda _: 10)
    sessions.send_messages("s", turns(1, 6))
    sessions.memory_window = Window(tokens=tokens)
    sessions.fork("s", "t", turns=3)
    sessions.memory_window = 9
    assert sessions.get_session("t") == found


def test_a_whole_copy_is_as_it_is() -> None:
    sessions = of_five_turns()
    sessions.undo("s", 2)
    sessions.memory_window = 5
    for number in (None, 3, -1):
        sessions.fork("s", f"{number}", turns=number)
        assert (sessions.get_archive(f"{number}"), sessions.get_session(f"{number}")) == (turns(1, 3), [SYSTEM])


def test_nothing_is_a_session_that_does_not_exist() -> None:
    sessions = SessionManager()
    sessions.send_messages("s", turns(1, 2))
    sessions.fork("s", "t", turns=0)
    assert (list(sessions.list_sessions()), sessions.describe("t")) == (["s"], None)


@pytest.mark.parametrize(
    ("ids", "number", "error", "said"),
    [
        (("s", "t"), 6, ValueError, "turns must be from -5 to 5, the number of turns in session 's', got 6"),
        (("s", "t"), -6, ValueError, "turns must be from -5 to 5, the number of turns in session 's', got -6"),
        (("s", "t"), True, TypeError, "turns must be an integer or None, got bool"),
        (("s", "t"), 1.0, TypeError, "turns must be an integer or None, got float"),
        (("s", ""), None, InvalidSessionIdError, "a session id must not be empty"),
        (("", "t"), None, InvalidSessionIdError, "a session id must not be empty"),
        (("nobody", "t"), None, InvalidSessionIdError, "there is no session 'nobody' to fork"),
        (("nobody", "nobody"), None, InvalidSessionIdError, "there is no session 'nobody' to fork"),
        (("s", "s"), 1, ConflictError, "there is a session 's' already; give the fork another id, or reset it"),
    ],
)
def test_bad_input_changes_nothing(
    ids: tuple[str, str], number: Any, error: type[Exception], said: str, call: Callable[..., Any]
) -> None:
    sessions = of_five_turns()
    with pytest.raises(error) as raised:
        call(sessions, "fork", *ids, turns=number)
    assert str(raised.value) == said
    assert list(sessions.list_sessions()) == ["s"]
    assert sessions.get_session("s") == [SYSTEM, *turns(4, 5)]


def naming(previous: str | None, messages: Sequence[Any]) -> str:
    return " ".join([*([previous] if previous else []), *contents(messages)])


def summarized_of(sessions: SessionManager, session_id: str) -> list[str]:
    summary = sessions.get_summary(session_id)
    return [] if summary is None else summary.text.split()


def test_a_summary_comes_along_unless_it_covers_the_last_turn(call: Callable[..., Any]) -> None:
    sessions = of_five_turns(summary=Summary(naming, every=None))
    call(sessions, "summarize", "s")  # of the first three
    sessions.send_messages("s", turns(6, 7))  # two more wait
    for number, archived, summary, waiting in (
        *((7, 5, 3, 2), (6, 4, 3, 1), (4, 3, 3, 0)),
        *((3, 1, 0, 1), (1, 0, 0, 0), (0, 0, 0, 0)),
    ):
        name = f"f{number}"
        call(sessions, "fork", "s", name, turns=number)
        assert summarized_of(sessions, name) == contents(turns(1, summary))
        assert sessions.get_archive(name) == turns(1, archived)
        info = sessions.describe(name)
        assert info is not None
        assert (info.waiting, info.waiting_turns, info.summarized) == (2 * waiting, waiting, 2 * summary)
        assert sessions.get_session(name)[1 + bool(summary) :] == turns(archived + 1, number)
        call(sessions, "summarize", name)
        assert summarized_of(sessions, name) == contents(turns(1, archived))


def test_archived_turns_that_wait_begin_a_summary(call: Callable[..., Any]) -> None:
    sessions = of_five_turns(summary=Summary(naming, every=1, background=False))
    assert summarized_of(sessions, "s") == contents(turns(1, 3))
    call(sessions, "fork", "s", "t", turns=3)
    assert summarized_of(sessions, "t") == contents(turns(1, 1))


@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.integers(1, 3), st.booleans(), st.data())
def test_each_turn_of_a_fork_is_summarized_or_there(batches: list[int], window: int, archive: bool, data: Any) -> None:
    sessions = SessionManager(window, InMemoryStore(archive=archive), summary=Summary(naming, every=None))
    written: list[Any] = []
    for number in batches:
        written += turns(len(written) // 2 + 1, len(written) // 2 + number)
        sessions.send_messages("s", written[-2 * number :])
        if data.draw(st.booleans()):
            sessions.summarize("s")
    gone = 0 if archive else len(summarized_of(sessions, "s")) // 2
    kept = data.draw(st.integers(1, len(written) // 2 - gone))
    sessions.fork("s", "t", turns=kept)
    covered, archived = summarized_of(sessions, "t"), contents(sessions.get_archive("t"))
    active = [content for content in contents(sessions.get_session("t")) if not content.startswith("Summary")]
    expected = contents(written[: 2 * (gone + kept)])
    assert active
    assert (archived if archive else covered + archived) + active == expected
    assert covered == expected[: len(covered)]
    info = sessions.describe("t")
    assert info is not None
    assert info.waiting == len(expected) - len(active) - len(covered)
    assert info.waiting_turns == info.waiting // 2
    sessions.summarize("t")
    assert summarized_of(sessions, "t") == expected[: -len(active)]


def clear(sessions: SessionManager) -> None:
    sessions.store.replace("s", Edit(clear_archive=True), None, "clear")


_meanwhile = st.lists(st.sampled_from(["append", "nothing", "summarize", "clear", "reset", "undo"]), max_size=12)


@settings(max_examples=200)
@given(_meanwhile, st.booleans(), st.sampled_from([None, 1, 2, -1, -2, -4]))
def test_a_fork_is_of_one_moment(meanwhile: list[str], archive: bool, number: int | None) -> None:
    """Others write between the steps of a fork; its messages follow each other as they did in the source."""
    sessions = SessionManager(2, InMemoryStore(archive=archive), summary=Summary(naming, every=None))
    begun, events = [0], iter(meanwhile)
    sessions.send_messages("s", turns(0, 6))
    count = 7

    def perform(step: Any) -> Any:
        nonlocal count
        event = next(events, "nothing")
        if event == "append":
            sessions.send_messages("s", turns(count, count))
            count += 1
        elif event == "summarize":
            sessions.summarize("s")
        elif event == "undo":
            count -= len(sessions.undo("s")) // 2
        elif event in {"clear", "reset"}:
            # Turns that wait for a summary, or were dropped after one, would be missing in the source as well.
            clear(sessions) if event == "clear" and archive else sessions.reset_session("s")
            sessions.send_messages("s", turns(count, count + 4))
            begun.append(count)
            count += 5
        return step.perform(sessions.store)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forking, "PAGE", 2)
        try:
            run(forking.fork(sessions.using(PlainCodec()), "s", "t", number), perform)
        except ValueError:  # so many turns were dropped, or undone
            return
    covered = [] if archive else summarized_of(sessions, "t")
    active = [each for each in contents(sessions.get_session("t")) if not each.startswith("Summary")]
    found = [*covered, *contents(sessions.get_archive("t")), *active]
    first = int(found[0][1:])
    assert found == contents(turns(first, first + len(found) // 2 - 1))


def test_a_copy_that_was_cleared_meanwhile_is_made_again(backends: Backends, call: Callable[..., Any]) -> None:
    store: Any = backends.maker("redis-8.2")(archive=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forking_on_servers, "PAGE", 2)
        sessions = of_five_turns(store)
        operation, staged = store._operation, []

        def meddle(command: Any, node: Any = None) -> Any:
            if command.name == "stage":
                staged.append(command)
            if len(staged) == 2:
                staged.append(command)
                archive = tuple(encode(message, 1) for message in turns(7, 9))
                type(store).replace(store, "s", Edit(None, archive, clear_archive=True), None, "meddled")
            return operation(command, node)

        patch.setattr(store, "_operation", meddle)
        call(sessions, "fork", "s", "t")
    assert len(staged) == 7
    assert sessions.get_archive("t") == turns(7, 9)
    assert left_over(store) == []
    store.close()


def test_readers_see_all_of_a_fork_or_nothing(backends: Backends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forking_on_servers, "PAGE", 1)
    store: Any = backends.maker("redis-8.2")(archive=True)
    sessions = SessionManager(2, store)
    sessions.send_messages("s", turns(1, 60))
    seen: set[tuple[int, int, int]] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            info = sessions.describe("t")
            listed = list(sessions.list_sessions()).count("t")
            seen.add((0, 0, 0) if info is None else (info.archived, info.messages, 1))
            assert listed <= 1

    reader = threading.Thread(target=look)
    reader.start()
    sessions.fork("s", "t")
    done.set()
    reader.join()
    assert seen <= {(0, 0, 0), (116, 4, 1)}
    assert (0, 0, 0) in seen
    store.close()


def test_what_is_left_of_a_copy_ends_by_itself(backends: Backends, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where its process dies; it is no session, and stands in nobody's way."""
    store: Any = backends.maker("redis-8.2")(archive=True)
    sessions = of_five_turns(store)
    operation = store._operation

    def die(command: Any, node: Any = None) -> Any:
        if command.name == "replace":
            raise KeyboardInterrupt
        return operation(command, node)

    with monkeypatch.context() as patch:
        patch.setattr(store, "_operation", die)
        with pytest.raises(KeyboardInterrupt):
            sessions.fork("s", "t")
    (key,) = left_over(store)
    assert 590_000 < store.ask("PTTL", key) <= 600_000
    assert (sessions.describe("t"), list(sessions.list_sessions())) == (None, ["s"])
    sessions.fork("s", "t")
    assert sessions.get_archive("t") == turns(1, 3)
    store.close()


@pytest.mark.parametrize("backend", ["redis-8.2", "sqlite"])
@pytest.mark.parametrize("number", [None, 2001])
def test_an_archive_is_copied_in_pages(backends: Backends, backend: str, number: int | None) -> None:
    store = backends.maker(backend)(archive=True)
    sessions = SessionManager(2, store)
    sessions.send_messages("s", turns(1, 1))
    record = Record(b'{"role":"user","content":"%s","at":1}' % (b"x" * 1000))
    for part in range(4):
        store.replace("s", Edit(archive=(record,) * 1000), None, f"{part}")
    sessions.fork("s", "first", turns=2)  # which imports what it needs
    tracemalloc.start()
    try:
        sessions.fork("s", "t", turns=number)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    info = sessions.describe("t")
    assert info is not None
    assert (info.archived, info.turns) == ((4000, 1) if number is None else (1999, 2))
    assert peak < 2_000_000  # of four million bytes
    store.close()


@pytest.mark.parametrize("backend", [SEARCHING, SEARCHING_FILE])
def test_an_index_finds_a_fork(backends: Backends, backend: str, call: Callable[..., Any]) -> None:
    store = backends.maker(backend)(archive=True)
    sessions = SessionManager(1, store)
    sessions.send_messages("s", [user(text) for text in ("peanuts", "walnuts", "almonds", "raisins")])
    call(sessions, "fork", "s", "t", turns=3)
    for word in ("peanuts", "almonds"):
        assert sorted(hit.session_id for hit in call(sessions, "search", word)) == ["s", "t"]
    assert [hit.session_id for hit in call(sessions, "search", "raisins")] == ["s"]
    store.close()


@pytest.mark.parametrize("backend", ["redis-8.2", "sqlite"])
def test_others_may_write_all_the_time(backends: Backends, backend: str) -> None:
    store = backends.maker(backend)(archive=True)
    sessions = SessionManager(2, store)
    sessions.send_messages("s", turns(0, 5))

    def write() -> None:
        for number in range(6, 100):
            sessions.send_messages("s", turns(number, number))

    writer = threading.Thread(target=write)
    writer.start()
    for number in range(8):
        sessions.fork("s", f"{number}")
    writer.join()
    sizes = []
    for number in range(8):
        found = [*sessions.get_archive(f"{number}"), *sessions.get_session(f"{number}")]
        assert found == turns(0, len(found) // 2 - 1)
        sizes.append(len(found))
    assert sizes == sorted(sizes)
    store.close()


@pytest.mark.parametrize("backend", ["redis-8.2", "sqlite"])
@pytest.mark.parametrize("holder", [True, False])
def test_a_fork_is_a_write_of_its_turn(backends: Backends, backend: str, holder: bool) -> None:
    store = backends.maker(backend)(archive=True)
    sessions = of_five_turns(store)
    with sessions.turn("t"):
        turn = held_turn(store, "t")
        assert turn is not None
        if holder:
            sessions.fork("s", "t")
        else:
            store.lease("t", "turn", turn.holder, 0)
            with pytest.raises(SessionBusyError):
                sessions.fork("s", "t")
    assert sessions.get_archive("t") == (turns(1, 3) if holder else [])
    store.close()


@pytest.mark.parametrize("ttl", [None, 60])
def test_a_fork_has_the_time_to_live_of_its_store(backends: Backends, ttl: float | None) -> None:
    store: Any = backends.maker("redis-8.2")(archive=True, ttl=ttl)
    of_five_turns(store).fork("s", "t")
    left = [store.ask("PTTL", key) for key in store.keys.all_of("t")]
    assert left == [-1, -1, -1] if ttl is None else all(59_000 < each <= 60_000 for each in left)
    store.close()


@pytest.mark.parametrize(("archived", "commands"), [(0, 4), (3, 10), (7, 14)])
def test_what_a_fork_costs(backends: Backends, archived: int, commands: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forking_on_servers, "PAGE", 3)
    store: Any = backends.maker("redis-8.2")(archive=True)
    sessions = SessionManager(1, store)
    sessions.send_messages("s", [user(f"{number}") for number in range(archived + 1)])
    operation, sent = store._operation, []

    def count(command: Any, node: Any = None) -> Any:
        sent.append(command.name)
        return operation(command, node)

    monkeypatch.setattr(store, "_operation", count)
    sessions.fork("s", "t")
    assert len(sent) == commands
    store.close()


def test_a_page_that_is_sent_again_is_not_copied_twice(backends: Backends) -> None:
    """As where its reply was lost."""
    store: Any = backends.maker("redis-8.2")(archive=True)
    pages = [[encode(user(f"{number}"), 0) for number in (start, start + 1)] for start in (0, 2)]
    for start, page in ((0, pages[0]), (2, pages[1])):
        for _ in range(2):
            store._run(forking_on_servers.stage(store.keys, "t", "once", start, page))
    with pytest.raises(ConflictError):
        store._run(forking_on_servers.stage(store.keys, "t", "once", 6, pages[0]))
    assert store.ask("LLEN", store.keys.staged("t", "once")) == 4
    store.close()


def test_a_late_result_is_not_copied_with_its_call() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    asked: Any = [{"role": "user", "content": "1"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    late: Any = [{"role": "user", "content": "2"}, {"role": "tool", "content": "found", "tool_call_id": "a"}]
    sessions = SessionManager()
    sessions.send_messages("s", [*asked, *late])
    sessions.fork("s", "t", turns=1)
    assert sessions.get_session("t") == asked
    assert [message["content"] for message in sessions.prompt("t", "3")][2:] == [INTERRUPTED, "3"]
    sessions.undo("s")
    assert sessions.get_session("s") == [*asked, late[1]]


def test_a_summary_of_turns_that_are_gone_comes_along() -> None:
    summary = Summary(lambda previous, messages: "what was said", every=1, background=False)
    sessions = SessionManager(1, InMemoryStore(), summary=summary)
    for number in range(3):
        sessions.add_user_message("s", str(number))
    sessions.fork("s", "t", turns=0)
    found = sessions.get_summary("t")
    assert found is not None
    assert (found.text, found.turns, len(sessions.get_session("t"))) == ("what was said", 2, 1)
