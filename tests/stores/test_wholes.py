"""Sessions that are written as a whole, which say where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import Edit, RedisStore, Usage, Window
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.stores.values import Summarized

if TYPE_CHECKING:
    from tests.backends import StoreMaker
    from tests.servers import Server

RECORD = Record(b'{"role":"user","content":"x","at":1763800000000}')
SOURCE = "a:b;c d{e},é🌍%"
USAGE = (Usage(1200, 300, 1000, 20, "a:b,c;d%"), Usage(1, 2), Usage(10**12, 0, 0, 0, "gpt-5"))
WHOLE = Edit((RECORD,), summarized=Summarized(), forked_from=SOURCE, usage=USAGE)


def test_a_session_says_where_it_comes_from_until_it_is_another_one(make_store: StoreMaker) -> None:
    store = make_store()

    def described() -> object:
        info = store.describe("s")
        return info and (info.forked_from, info.usage)

    store.append("s", [RECORD], Window(9), "first")
    assert described() == (None, ())
    store.replace("s", WHOLE, None, "whole")
    assert described() == (SOURCE, USAGE)
    store.append("s", [RECORD, RECORD], Window(1), "second")
    store.replace("s", Edit((RECORD,), forked_from="ignored", usage=(Usage(1),)), None, "edit")
    assert described() == (SOURCE, USAGE)
    store.replace("s", Edit((RECORD,), summarized=Summarized(), forked_from=SOURCE), None, "another")
    assert described() == (SOURCE, ())
    store.replace("s", Edit((RECORD,), summarized=Summarized(), usage=USAGE), None, "and another")
    assert described() == (None, USAGE)
    store.replace("s", Edit(()), None, "emptied")
    store.append("s", [RECORD], Window(9), "third")
    assert described() == (None, ())
    store.replace("s", WHOLE, None, "whole again")
    store.delete("s")
    assert described() is None
    store.append("s", [RECORD], Window(9), "fourth")
    assert described() == (None, ())


def test_a_session_without_extras_has_the_meta_that_it_had(redis_server: Server) -> None:
    with redis_server.client() as client, RedisStore(redis_server.url, key_prefix="wholes:") as store:
        meta = Keys("wholes:").all_of("s")[1]
        for edit, beginning in ((None, "2 1 0 1 1:"), (WHOLE, "3 fa%3Ab%3Bc%20d%7Be%7D%2C%C3%A9%F0%9F%8C%8D%25;u")):
            store.delete("s")
            if edit:
                store.replace("s", edit, None, "whole")
            else:
                store.append("s", [RECORD], Window(9), "first")
            assert client.get(meta).decode().startswith(beginning)
        store.delete("s")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (b"u;", (None, ())),
        (
            b"ugpt-5:1:2:3:4,m:1:2,:1:2:3:4,x:1:-2:3:4,y:1:2:3:4:5,z",
            (None, (Usage(1, 2, 3, 4, "gpt-5"), Usage(1, 2, 3, 4))),
        ),
        (b"zlater;fsource;", ("source", ())),
        (b"f\xff;;;", ("\ufffd", ())),
    ],
)
def test_extras_that_are_damaged_are_left_out(redis_server: Server, word: bytes, expected: object) -> None:
    with redis_server.client() as client, RedisStore(redis_server.url, key_prefix="wholes:") as store:
        meta = Keys("wholes:").all_of("s")[1]
        store.replace("s", WHOLE, None, "whole")
        text = client.get(meta).split(b" ", 2)
        assert text[0] == b"3"
        client.set(meta, b" ".join([b"3", word if word.endswith(b";") else word + b";", text[2]]))
        info = store.describe("s")
        assert info is not None
        assert (info.turns, info.appended, info.forked_from, info.usage) == (1, 0, *expected)  # type: ignore[misc]
        store.append("s", [RECORD], Window(9), "whole")
        assert len(store.read("s").records) == 1
        store.delete("s")
