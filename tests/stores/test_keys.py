"""Names of keys: no two sessions share one, and a prefix lists only its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sessionkit_integrations import RedisStore, SessionManager
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.testing.surface import ODD_SESSION_IDS

if TYPE_CHECKING:
    from tests.servers import Server

hostile = st.text(alphabet=st.sampled_from("ab:{}*?[]^\\% \n\0%é🧠3A}"), min_size=1, max_size=12) | st.text(min_size=1)
session_ids = (hostile | st.sampled_from(ODD_SESSION_IDS)).filter(lambda text: text.isascii() or _encodes(text))
prefixes = st.sampled_from(["sessionkit:", "a:", "a:b:", "a:b:c:", "a*:", "x y:", "aa:", ":"]).map(Keys)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@given(prefixes, session_ids, prefixes, session_ids)
@example(Keys("a:"), "b:c", Keys("a:b:"), "c")
@example(Keys("a:"), "a}:meta", Keys("a:"), "a")
@example(Keys("a:"), "%41", Keys("a:"), "A")
def test_different_sessions_have_different_keys(first: Keys, one: str, second: Keys, other: str) -> None:
    assume((first, one) != (second, other))
    assert set(first.all_of(one)).isdisjoint(second.all_of(other))


@given(prefixes, session_ids)
def test_ids_are_read_back_from_keys(keys: Keys, session_id: str) -> None:
    active, _, archive = keys.all_of(session_id)
    assert keys.session_of(active) == session_id
    assert keys.session_of(archive) == session_id


@given(prefixes, prefixes, session_ids)
def test_a_prefix_knows_no_session_of_another(keys: Keys, other: Keys, session_id: str) -> None:
    assume(keys != other)
    assert [other.session_of(key) for key in keys.all_of(session_id)] == [None, None, None]


@given(prefixes, session_ids)
def test_all_keys_of_a_session_are_in_one_slot_of_a_cluster(keys: Keys, session_id: str) -> None:
    active, *companions = keys.all_of(session_id)
    assert "{" not in active
    assert [key[1 : key.index("}")] for key in companions] == [active, active]


def test_plain_ids_look_as_in_javascript() -> None:
    assert Keys().all_of("user123") == (
        "sessionkit:user123",
        "{sessionkit:user123}:meta",
        "{sessionkit:user123}:archive",
    )


@pytest.mark.parametrize("prefix", ["", "app", "{app}:", "a}b:", "app:x"])
def test_prefixes_of_another_form_are_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="key_prefix"):
        RedisStore(key_prefix=prefix)


def test_prefixes_that_begin_alike_list_their_own_sessions(redis_server: Server) -> None:
    managers = {
        prefix: SessionManager(store=RedisStore(redis_server.url, key_prefix=prefix, archive=True))
        for prefix in ("list:", "list:eu:", "list*:", "li[s]t:")
    }
    for prefix, sessions in managers.items():
        sessions.memory_window = 1
        for name in (f"of {prefix}", "shared"):
            sessions.send_messages(name, [{"role": "user", "content": "x"}, {"role": "user", "content": "y"}])
    for prefix, sessions in managers.items():
        assert sorted(sessions.list_sessions()) == sorted([f"of {prefix}", "shared"])
        sessions.close()


def test_raw_ids_are_used_as_they_are(redis_server: Server) -> None:
    with redis_server.client() as client, RedisStore(redis_server.url, key_prefix="raw:", raw_ids=True) as store:
        client.rpush("raw:team:a b", '{"role":"user","content":"from JavaScript"}')
        sessions = SessionManager(store=store)
        assert sessions.get_session("team:a b") == [{"role": "user", "content": "from JavaScript"}]
        assert list(sessions.list_sessions()) == ["team:a b"]
