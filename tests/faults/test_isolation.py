"""A message written under one prefix and session id is there and nowhere else, on every store."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sessionkit_integrations import InMemoryStore, RedisStore, SessionManager, SQLiteStore, Store, UpstashStore
from sessionkit_integrations.stores.redis.keys import Keys
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.backends import Backends

    Call = Callable[..., Any]

PREFIXES = ("app:", "app:eu:", "app:eu:app:", "ap:", "a*:", "a?p:", "[a]pp:", "app :", "app%3A:", ":", "::")
LOOK_ALIKES = tuple(
    shape.format(prefix=prefix, id="a")
    for prefix in ("app:", "app:eu:", "")
    for shape in (
        "{id}:meta",
        "{id}:archive",
        "{{{prefix}{id}}}:meta",
        "{{{prefix}{id}}}:archive",
        "{id}}}:meta",
        "{prefix}{id}",
    )
)
IDS = tuple(
    dict.fromkeys(
        (
            *LOOK_ALIKES,
            *(quote(each, safe="") for each in LOOK_ALIKES),
            *(quote(each, safe="").lower() for each in LOOK_ALIKES),
            *(
                "a",
                "A",
                "%61",
                "eu:a",
                "eu",
                "*",
                "a*",
                "[a]",
                "a?",
                "\\a",
                "a\\",
                "^a",
                " ",
                "a ",
                " a",
                "\t",
                "\n",
                "a\nb",
            ),
            *("\0", "a\0", "\x7f", "\x85", "\u2028", "\ufeff", "\u202ea", "%", "%%", "%25", "%2525", "'", '"', ";--"),
            *("é", "e\u0301", "Å", "\u212b", "A\u030a", "ﬁ", "fi", "ß", "ss", "İ", "i", "🧠", "👩‍💻", "\U0010ffff"),
            *("x" * 512, "x" * 511, "é" * 256, "🧠" * 128, ":" * 512, "%" * 512),
        )
    )
)

near_separators = st.text(
    alphabet=st.sampled_from(list("aA:{}*?[]^\\% \n\0\x7f%é🧠3Ametrchiv")), min_size=1, max_size=16
)
hostile = near_separators | st.text(st.characters(codec="utf-8"), min_size=1, max_size=30) | st.sampled_from(IDS)
prefixes = st.sampled_from(PREFIXES).map(Keys)


@st.composite
def related(draw: st.DrawFn) -> str:
    """An id, or what another may be mistaken for: its key, percent-encoded, decoded, normalized."""
    session_id = draw(hostile)
    form: Any = draw(st.sampled_from(["", "NFC", "NFD", "NFKC", "upper", "quoted", "key", "meta", "archive"]))
    if form.startswith("NF"):
        return unicodedata.normalize(form, session_id)
    if form in {"key", "meta", "archive"}:
        return draw(prefixes).all_of(session_id)[["key", "meta", "archive"].index(form)]
    return {"": session_id, "upper": session_id.upper(), "quoted": quote(session_id, safe="")}[form]


@given(prefixes, related(), prefixes, related())
@example(Keys("app:"), "eu:a", Keys("app:eu:"), "a")
@example(Keys("app:"), "a}:meta", Keys("app:"), "a")
@example(Keys("app:"), "%3A", Keys("app:"), ":")
def test_sessions_have_keys_of_their_own_that_only_their_prefix_lists(
    first: Keys, one: str, second: Keys, other: str
) -> None:
    assume((first, one) != (second, other))
    of_one, of_other = first.all_of(one), second.all_of(other)
    assert len({*of_one, *of_other}) == 6
    active, meta, archive = of_one
    assert [first.session_of(key) for key in (active, meta, archive)] == [one, None, one]
    if first != second:
        assert [second.session_of(key) for key in of_one] == [None] * 3


@pytest.fixture(params=["redis-6.2", "redis-8.2", "valkey-9", "cluster", "upstash", "sqlite", "memory"])
def tenants(request: pytest.FixtureRequest, backends: Backends, tmp_path: Path) -> Iterator[dict[str, Store]]:
    """A store for each prefix, in one database where there are prefixes."""

    def make(number: int, prefix: str) -> Store:
        if request.param == "memory":
            return InMemoryStore(archive=True)
        if request.param == "sqlite":
            return SQLiteStore(tmp_path / f"{number}.db", archive=True)
        if request.param == "upstash":
            return UpstashStore(backends.upstash().url, TOKEN, key_prefix=prefix, archive=True)
        url = backends.cluster().url if request.param == "cluster" else backends.server(request.param).url
        return RedisStore(url, key_prefix=prefix, archive=True)

    # Prefixes of this test alone, which begin with each other all the same.
    made = {prefix: make(number, f"isolated{prefix}") for number, prefix in enumerate(("", *PREFIXES)) if prefix}
    yield made
    for store in made.values():
        for session_id in list(store.sessions()):
            store.delete(session_id)
        store.close()


def test_what_is_written_to_one_session_is_there_and_nowhere_else(tenants: dict[str, Store], call: Call) -> None:
    managers = {prefix: SessionManager(1, store) for prefix, store in tenants.items()}
    few = dict(list(managers.items())[:3])
    for prefix, sessions in few.items():
        for session_id in IDS:
            texts = [f"{prefix} {session_id!r} {number}" for number in range(2)]
            call(sessions, "send_messages", session_id, [{"role": "user", "content": text} for text in texts])
    for prefix, sessions in few.items():
        for session_id in IDS:
            texts = [f"{prefix} {session_id!r} {number}" for number in range(2)]
            assert [each["content"] for each in call(sessions, "get_session", session_id)] == texts[1:]
            assert [each["content"] for each in call(sessions, "get_archive", session_id)] == texts[:1]
    listed = {prefix: sorted(sessions.list_sessions()) for prefix, sessions in managers.items()}
    assert listed == {prefix: sorted(IDS) if prefix in few else [] for prefix in managers}
    gone = next(iter(few))
    for session_id in IDS:
        call(few[gone], "reset_session", session_id)
    assert list(few[gone].list_sessions()) == []
    for prefix, sessions in few.items():
        if prefix != gone:
            assert sorted(sessions.list_sessions()) == sorted(IDS)
            assert all(len(sessions.get_session(session_id)) == 1 for session_id in IDS[::7])
    for sessions in few.values():
        call(sessions, "close")
    print(f"{len(IDS)} ids under each of {len(few)} prefixes")
