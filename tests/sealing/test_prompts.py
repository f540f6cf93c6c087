"""Prompts of readers that cannot open what is there: nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Compress, Encrypt, Record, SealError, SessionManager, Window
from sessionkit_integrations.records.sealed import is_locked
from sessionkit_integrations.records.sealing import Sealer
from sessionkit_integrations.records.secrets import Secret
from sessionkit_integrations.stores.redis.scripted import ScriptedStore
from sessionkit_integrations.testing.surface import record, sealed
from tests.sealing.test_sessions import OwnStore, stored
from tests.sessions.scripted import contents, turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import Backends, StoreMaker

    Call = Callable[..., Any]

KEY, OTHER = bytes(range(32)), bytes(32)
SECRETS = {"s": bytes(16)}.get
LONG = [{"role": "user", "content": "tea " * 99}]


@pytest.mark.pairwise
@pytest.mark.parametrize(
    ("wrote", "reads"),
    [
        (Encrypt(KEY), None),
        (Encrypt(KEY), Compress()),
        (Encrypt(KEY), Encrypt(OTHER)),
        ([Compress(0), Encrypt(KEY)], [Compress(0), Encrypt(OTHER)]),
        (Encrypt(KEY, secrets=SECRETS), Encrypt(KEY)),
        (Encrypt(KEY, secrets=SECRETS), [Compress(), Encrypt(OTHER, KEY, secrets={"s": bytes(range(16))}.get)]),
        (Compress(0), None),
    ],
    ids=["plain", "compressed", "another key", "both", "no secret", "another secret", "not compressed"],
)
def test_a_question_to_what_cannot_be_opened_is_not_stored(
    make_store: StoreMaker, wrote: Any, reads: Any, call: Call
) -> None:
    store = make_store(archive=True)
    writer, reader = (SessionManager(Window(2, tokens=9000), store, seal=seal) for seal in (wrote, reads))
    call(writer, "set_system_message", "s", "Be brief.")
    for _ in range(3):
        call(writer, "send_messages", "s", LONG)
    before, info = stored(store, "s"), call(writer, "describe", "s")
    for _ in range(2):
        with pytest.raises(SealError) as raised:
            call(reader, "prompt", "s", "And now?", idempotency_key="once")
        assert (raised.value.session_id, raised.value.archived) == ("s", False)
    assert (stored(store, "s"), call(writer, "describe", "s")) == (before, info)
    assert contents(call(writer, "prompt", "s", "And now?", idempotency_key="once"))[2:] == ["And now?"]
    with pytest.raises(SealError):
        call(reader, "prompt", "s", "And now?", idempotency_key="once")  # it is a retry, and writes nothing
    assert contents(call(writer, "get_session", "s"))[2:] == ["And now?"]


@pytest.mark.pairwise
@pytest.mark.parametrize("summary", [False, True])
def test_what_is_returned_is_what_is_stored(make_store: StoreMaker, summary: bool, call: Call) -> None:
    """Also where a prompt opens several turns, or others wrote meanwhile."""
    store = make_store(archive=summary)
    sessions = SessionManager(2, store, seal=[Compress(0), Encrypt(KEY, OTHER)])
    other = SessionManager(2, store, seal=Encrypt(OTHER))
    for system in ("Be brief.", "Be kind."):
        sessions.add_system_message("s", system)
    chats = sessions.using(sessions._plain._codec)
    for number in range(5):
        call(other if number % 2 else sessions, "send_messages", "s", turn(number))
        found = call(chats, "prompt", "s", [*turn(10 + number), *turn(20 + number), *turn(30 + number)][:-1])
        assert found == call(sessions, "get_session", "s")
        assert contents(found) == [
            *("Be brief.", "Be kind."),
            *(f"q{20 + number}", f"a{20 + number}", f"q{30 + number}"),
        ]
    assert call(sessions, "prompt", "new", "Hello!") == [{"role": "user", "content": "Hello!"}]
    if isinstance(store, ScriptedStore):  # as another writer does that keeps no meta
        for change in (("RPUSH", '{"role":"user","content":"Hello again!"}'), ("LPOP", 3)):
            store.ask(change[0], store.keys.all_of("s")[0], *change[1:])
            assert call(sessions, "prompt", "s", "Hello!") == call(sessions, "get_session", "s")


@pytest.mark.parametrize("backend", ["memory", "sqlite", "redis-8.2"])
def test_what_leaves_the_window_need_not_be_opened(backends: Backends, backend: str, call: Call) -> None:
    with backends.maker(backend)(archive=True) as store:
        plain, sealed = SessionManager(1, store), SessionManager(1, store, seal=Encrypt(KEY))
        call(sealed, "send_messages", "s", turn(1))
        assert call(plain, "prompt", "s", "Hello!") == [{"role": "user", "content": "Hello!"}]
        assert contents(call(sealed, "get_archive", "s")) == ["q1", "a1"]


@pytest.mark.parametrize("backend", ["memory", "sqlite", "redis-8.2"])
def test_what_is_not_shown_is_no_reason_to_refuse(backends: Backends, backend: str, call: Call) -> None:
    """A tool's result whose call is not there is sealed, and nobody is shown it."""
    with backends.maker(backend)() as store:
        plain, sealed = SessionManager(5, store), SessionManager(5, store, seal=Encrypt(KEY))
        call(plain, "send_messages", "s", turn(1))
        call(sealed, "send_message", "s", {"role": "tool", "content": "late", "tool_call_id": "x"})
        shown = call(plain, "get_session", "s")
        assert call(plain, "prompt", "s", "Hello!") == [*shown, {"role": "user", "content": "Hello!"}]


@pytest.mark.parametrize("backend", ["memory", "sqlite", "redis-8.2"])
def test_each_way_that_is_there_has_to_be_opened(backends: Backends, backend: str) -> None:
    ways = ("zstd", "aes-gcm:01234567", "zstd+aes-gcm-secret:01234567")
    with backends.maker(backend)() as store:
        store.append("s", [sealed(way) for way in ways], Window(9), "first")
        for number, opens in enumerate((ways[:2], ways[1:], (*ways, "more"))):
            done = store.append("s", [record("user", "Hello!")], Window(9), f"{number}", read=True, opens=opens)
            assert (done.refused is None) == (number == 2)
        assert len(store.read("s").records) == 4


def test_a_store_of_five_methods_refuses_as_well(call: Call) -> None:
    store = OwnStore()
    SessionManager(5, store, seal=Encrypt(KEY)).send_messages("s", turn(1))
    with pytest.raises(SealError):
        call(SessionManager(5, store, seal=Encrypt(OTHER)), "prompt", "s", "Hello!")
    assert len(stored(store, "s")) == 2


@pytest.mark.parametrize("seal", [None, Encrypt(KEY)])
def test_a_prompt_is_one_command(backends: Backends, seal: Any, call: Call) -> None:
    """Inside of its script as well, the list is read once."""
    store: Any
    with backends.maker("redis-8.2")() as store:
        sessions = SessionManager(3, store, seal=seal)
        for number in range(3):
            call(sessions, "send_messages", "s", turn(number))

        def calls() -> dict[str, int]:
            stats = store.ask("INFO", "commandstats").items()
            return {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats}

        call(sessions, "prompt", "s", "Hello!")
        before = calls()
        call(sessions, "prompt", "s", "Hello!")
        after = calls()
        spent = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
        spent.pop("info")
        assert spent == {"evalsha": 1, "get": 1, "lrange": 1, "rpush": 1, "lpop": 1, "set": 1}


def test_the_ways_that_a_seal_opens() -> None:
    first, second = Encrypt(KEY).key_id, Encrypt(OTHER).key_id

    def opens(seal: Any, secret: Secret | None = None) -> set[str]:
        return set(Sealer(seal, "", 1).of("s", secret).opens)

    packed = {f"{packed}aes-gcm:{key}" for packed in ("", "zstd+") for key in (first, second)}
    assert opens(Compress()) == {"zstd"}
    assert opens(Encrypt(KEY, OTHER)) == opens([Compress(), Encrypt(KEY, OTHER)]) == {"zstd", *packed}
    assert opens(Encrypt(KEY, OTHER, secrets=SECRETS)) == {"zstd", *packed}
    ways = opens(Encrypt(KEY, OTHER, secrets=SECRETS), Secret(bytes(16))) - {"zstd", *packed}
    assert {way.partition("=")[0] for way in ways} == {way.replace("aes-gcm", "aes-gcm-secret") for way in packed}
    for key in (KEY, OTHER):
        stored = Sealer(Encrypt(key, secrets=SECRETS), "", 1).of("s", Secret(bytes(16))).seal(record("user", "Hello!"))
        assert not is_locked([stored], tuple(ways))
        other = (
            Sealer(Encrypt(key, secrets=SECRETS), "", 1)
            .of("s", Secret(bytes(range(16))))
            .seal(record("user", "Hello!"))
        )
        assert is_locked([other], tuple(ways))


def test_a_session_with_a_secret_is_asked_on(make_store: StoreMaker, call: Call) -> None:
    """With an older key and compressed records as well."""
    store = make_store()
    secrets: Any = SECRETS
    seals: Any = (Encrypt(KEY, secrets=secrets), [Compress(0), Encrypt(KEY, secrets=secrets)], Encrypt(OTHER))
    for seal in seals:
        call(SessionManager(9, store, seal=seal), "send_messages", "s", LONG)
    sessions = SessionManager(9, store, seal=Encrypt(OTHER, KEY, secrets=secrets))
    assert contents(call(sessions, "prompt", "s", "And now?")) == [*[LONG[0]["content"]] * 3, "And now?"]


def test_records_that_only_speak_of_seals_are_not_locked() -> None:
    sealed = Record(b'{"role":"user","sealed":"AAAA","by":"zstd","at":5}')
    said = Record(b'{"role":"user","content":"{\\"sealed\\":\\"AAAA\\",\\"by\\":\\"zstd\\"}"}')
    assert is_locked([said, sealed], ())
    assert not is_locked([said, sealed], ("zstd",))
    assert not is_locked([said], ())
