"""Abilities of stores, those of sealed records as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Compress, Encrypt, InMemoryStore, SessionManager, SQLiteStore, Store
from sessionkit_integrations.stores.sealed import CompressedStore, SealedStore, sealed
from sessionkit_integrations.stores.sqlite.threads import StatementStore
from tests.sessions.scripted import turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sessionkit_integrations import Snapshot

    Call = Callable[..., Any]

KEY = bytes(range(32))

TELLS = {"find", "afind", "search", "vector_index"}
"""Would tell what is encrypted."""
VECTORS = {"vectors", "avectors", "keep_vectors", "akeep_vectors"}
"""Would tell it as well, and are kept in this process."""
OF_URLS = {"from_url", "describe_url", "schemes"}
"""Are those of the store that is sealed, which the manager has."""
BY_OTHERS = {"exchange", "aexchange"}
"""Are made by other methods, and of the store that is sealed, as records are sealed again."""


def public(cls: type) -> set[str]:
    """Return the names that a store may define, of a class and its bases up to the base of all stores."""
    bases = cls.__mro__[: cls.__mro__.index(Store)] if cls is not Store else cls.__mro__[:-1]
    return {name for base in bases for name in (*vars(base), *vars(base).get("__annotations__", ())) if name[0] != "_"}


def test_each_method_of_a_store_is_passed_on_or_left_for_a_reason() -> None:
    """A new one belongs in `SealedStore`, or in one of the sets above."""
    made = sealed(InMemoryStore(), Encrypt(KEY), 10_000)
    passed_on = public(SealedStore) | {name for name in vars(made) if name[0] != "_"}
    left = TELLS | VECTORS | OF_URLS | BY_OTHERS
    assert passed_on & left == set()
    assert passed_on | left == public(Store)
    made = sealed(InMemoryStore(), Compress(), 10_000)
    assert public(CompressedStore) | vars(made).keys() >= TELLS | VECTORS


@pytest.mark.parametrize("name", ["archive", "timeout", "key_prefix"])
def test_the_figures_of_a_store_are_those_of_the_sealed_one(name: str) -> None:
    store = InMemoryStore()
    vars(store)[name] = value = object()
    assert getattr(sealed(store, Compress(), 10_000), name) is value


@pytest.mark.parametrize("secrets", [None, {"s": bytes(16)}.get])
def test_a_window_and_its_archive_are_read_at_once(tmp_path: Path, secrets: Any, call: Call) -> None:
    with SQLiteStore(tmp_path / "s.db", archive=True) as store:
        opened = sealed(store, [Compress(0), Encrypt(KEY, secrets=secrets)], 10_000)
        sessions = SessionManager(1, store, seal=[Compress(0), Encrypt(KEY, secrets=secrets)])
        for number in range(3):
            call(sessions, "send_messages", "s", turn(number))
        both = call(opened, "read_both", "s", slice(-2, None))
        archived = call(opened, "read", "s", archived=True).records
        assert both == (call(opened, "read", "s"), archived[-2:], 4)
        assert archived[-2].find(b'"q1"') > 0
        assert store.read("s", archived=True).records[-2].find(b'"q1"') == -1

        with pytest.MonkeyPatch.context() as patch:  # a turn that leaves between two reads would be in both
            patch.delattr(StatementStore, "read")
            patch.delattr(StatementStore, "aread")
            assert call(sessions, "search", "q1", session_id="s")[0].messages == turn(1)
    memory = sealed(InMemoryStore(), Encrypt(KEY), 10_000)
    assert call(memory, "read_both", "s", slice(-2, None)) is None


class Whispering(SQLiteStore):
    """Changes what it reads."""

    def read(self, *args: Any, **options: Any) -> Snapshot:
        return quiet(super().read(*args, **options))

    async def aread(self, *args: Any, **options: Any) -> Snapshot:
        return quiet(await super().aread(*args, **options))


class ReadsBoth(Whispering):
    """Has another way to read both."""

    def read_both(self, session_id: str, part: slice) -> Any:
        raise NotImplementedError(session_id)


def quiet(snapshot: Snapshot) -> Snapshot:
    records: Any = tuple(record.replace(b"q1", b"Q1") for record in snapshot.records)
    return type(snapshot)(records)


def test_a_store_that_reads_in_its_own_way_is_read_in_that_way(tmp_path: Path, call: Call) -> None:
    with Whispering(tmp_path / "s.db", archive=True) as store:
        sessions = SessionManager(1, store)
        for number in range(3):
            call(sessions, "send_messages", "s", turn(number))
        found = call(sessions, "search", "q1", session_id="s")[0].messages
        assert found == call(sessions, "get_archive", "s")[2:] == [{"role": "user", "content": "Q1"}, turn(1)[1]]
        assert call(store, "read_both", "s", slice(None)) is None
    with ReadsBoth(tmp_path / "s.db", archive=True) as store, pytest.raises(NotImplementedError):
        call(store, "read_both", "s", slice(None))
