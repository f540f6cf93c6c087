"""Single records, sealed and opened."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionkit_integrations import Compress, CorruptSessionError, Encrypt, InvalidMessageError, SealError
from sessionkit_integrations.records import zstd
from sessionkit_integrations.records.codec import PlainCodec, decode_all, encode_all
from sessionkit_integrations.records.record import Record, counted_tokens, decode, encode, role_of, time_written
from sessionkit_integrations.records.sealed import Unopened
from sessionkit_integrations.records.sealing import Sealer, SessionSealer
from sessionkit_integrations.records.secrets import Secret
from sessionkit_integrations.records.summaries import summary_fields, summary_of

PLAIN: Any = PlainCodec()
KEY, OTHER = bytes(range(32)), bytes(32)
PREFIX, LIMIT = "sessionkit:", 1_000_000
LONG = "Please tell me about my order. " * 10
SEALS: dict[str, Any] = {
    "compressed": Compress(0),
    "encrypted": Encrypt(KEY),
    "both": [Encrypt(KEY), Compress(0)],  # in any order
}
FIXTURES = Path(__file__).parents[1] / "fixtures"

every_seal = pytest.mark.parametrize("seal", SEALS.values(), ids=SEALS)


def sealer(seal: Any = SEALS["encrypted"], prefix: str = PREFIX, limit: int = LIMIT) -> Any:
    return Sealer(seal, prefix, limit)


def record(text: str = LONG, role: str = "user", tokens: int | None = 7) -> Record:
    return encode({"role": role, "content": text}, 1_763_800_000_123, tokens)


def problem(seals: Any, stored: bytes, session_id: str = "s") -> Any:
    """Return the error with which a record cannot be read."""
    opened = seals.of(session_id).open(Record(stored))
    assert type(opened) is Unopened
    assert opened == stored
    with pytest.raises((CorruptSessionError, SealError)) as raised:
        decode_all(PLAIN, [opened], session_id, first=3, archived=True)
    return raised.value


@every_seal
def test_what_scripts_read_stays_where_it_is(seal: Any) -> None:
    stored = sealer(seal).of("s").seal(record())
    fields = json.loads(stored)
    assert list(fields) == ["role", "sealed", "by", "tokens", "at"]
    assert (role_of(stored), counted_tokens(stored), time_written(stored)) == ("user", 7, 1_763_800_000_123)
    key_id = Encrypt(KEY).key_id
    assert fields["by"] in {"zstd", f"aes-gcm:{key_id}", f"zstd+aes-gcm:{key_id}"}
    assert b"order" not in stored


@every_seal
def test_base64_is_without_padding_and_read_with_it_as_well(seal: Any) -> None:
    seals, lengths = sealer(seal).of("s"), set()
    for count in range(6):
        before = record(LONG + "abcdef"[:count])
        sealed = json.loads(stored := seals.seal(before))["sealed"].encode()
        lengths.add(len(sealed) % 4)
        padded = stored.replace(sealed, sealed + b"=" * (-len(sealed) % 4))
        assert seals.open(stored) == seals.open(Record(padded)) == before
    assert lengths == {0, 2, 3}


@every_seal
@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(["user", "tool", "system"]),
    st.none() | st.integers(0, 10**9 - 1),
)
@settings(max_examples=60, deadline=None)
def test_any_record_comes_back_byte_for_byte(seal: Any, text: str, role: str, tokens: int | None) -> None:
    before, seals = record(text, role, tokens), sealer(seal)
    stored = seals.of("s").seal(before)
    opened = seals.of("s").open(stored)
    assert opened == before
    assert seals.of("s").seal(opened) == stored
    assert decode_all(PLAIN, [opened], "s") == [{"role": role, "content": text}]


@every_seal
@pytest.mark.parametrize(
    "before",
    [
        b'{"role": "user", "content": "as JavaScript may write it"}',
        b'{"content":"the role comes later","role":"assistant","at":5}',
        b'{"role":"developer","content":"Be brief."}',
        b'{"role":"user","content":"half an emoji: \\ud83e","at":5}',
        b'{"role":"user","content":"no time"}',
        b'{"role":"user","at":5}',
        b'{"role":"user","content":"negative","tokens":-1,"at":-5}',
        b'{"role":"user","content":"far away","tokens":7,"at":1763800000123000}',
        b'{"role":"system","content":"mine","summary":{"secret":"text"},"at":5}',
    ],
)
def test_records_of_others_are_sealed_as_well(seal: Any, before: bytes) -> None:
    seals = sealer(seal)
    stored = seals.of("s").seal(before)
    if seal is not SEALS["compressed"]:
        assert set(json.loads(stored)) <= {"role", "sealed", "by", "at"}
        assert json.loads(stored).get("sealed")
    assert decode(seals.of("s").open(stored)) == decode(before)


def test_what_cannot_be_read_stays_as_it_is() -> None:
    for before in (b"", b"no JSON", b"[]", b'{"role":"user"}', b'{"role":"robot","content":"x"}'):
        assert sealer().of("s").seal(before) == before
        assert sealer().of("s").open(Record(before)) == before


def test_the_counts_of_a_summary_can_be_read_and_its_text_cannot() -> None:
    fields = summary_fields("Ada likes tea.", "So far:", turns=2, messages=4, until=7, archived=4)
    before, seals = encode(fields, 8), sealer()
    stored = seals.of("s").seal(before)
    assert json.loads(stored)["summary"] == fields["summary"]
    assert b"likes tea" not in stored
    assert summary_of(seals.of("s").open(stored)) == summary_of(before)
    assert problem(seals, stored.replace(b'"turns":2', b'"turns":3')).position == 3


def test_only_what_gets_smaller_is_compressed() -> None:
    seals = sealer(Compress())
    short, noise = record("Hi"), record(b64encode(bytes(range(256))).decode(), tokens=None)
    assert seals.of("s").seal(short) == short
    assert seals.of("s").seal(noise) == noise
    assert len(seals.of("s").seal(record())) < len(record()) / 2
    assert seals.of("s").seal(record("x" * 69)) == record("x" * 69)  # below min_bytes
    assert seals.of("s").seal(record("x" * 70)) != record("x" * 70)
    assert b'"zstd"' not in sealer([Compress(), Encrypt(KEY)]).of("s").seal(short)


def test_one_that_changed_or_moved_is_refused() -> None:
    seals = sealer()
    stored = seals.of("s").seal(record())
    changed = {
        "role": stored.replace(b'"user"', b'"system"'),
        "time": stored.replace(b"123}", b"124}"),
        "tokens": stored.replace(b'"tokens":7', b'"tokens":8'),
        "no tokens": stored.replace(b',"tokens":7', b""),
        "scheme": stored.replace(b'"aes-gcm', b'"zstd+aes-gcm'),
        "a byte": stored.replace(b'"sealed":"', b'"sealed":"AAAA'),
        "cut off": stored.replace(json.loads(stored)["sealed"].encode(), b"AAAA"),
    }
    for name, each in changed.items():
        assert each != stored, name
        error = problem(seals, each)
        assert (type(error), error.position, error.archived) == (CorruptSessionError, 3, True), name
    assert type(problem(seals, stored, "t")) is CorruptSessionError
    assert type(problem(sealer(prefix="other:"), stored)) is CorruptSessionError
    assert seals.of("s").open(stored) == record()


def test_a_record_that_others_wrote_in_another_form_is_read() -> None:
    for seal in SEALS.values():
        seals = sealer(seal)
        fields = json.loads(seals.of("s").seal(record()))
        again = json.dumps(dict(reversed(fields.items()))).encode()
        assert seals.of("s").open(Record(again)) == record()
        sealed = fields["sealed"]
        escaped = json.dumps(fields).replace(sealed, f"\\u{ord(sealed[0]):04x}{sealed[1:]}")
        assert seals.of("s").open(Record(escaped.replace(" ", "").encode())) == record()


def test_what_seals_a_session_is_made_once_unless_it_has_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessionkit_integrations.records.sealing.MOST_SESSIONS", 2)
    seals, secret = sealer(Encrypt(KEY, secrets=lambda _: OTHER)), Secret(OTHER)
    first = seals.of("a")
    assert seals.of("a") is first
    assert seals.of("a", secret) is not seals.of("a", secret)
    seals.of("b"), seals.of("c")
    assert seals.of("a") is not first
    assert list(seals._sessions) == ["c", "a"]


@every_seal
def test_records_after_the_first_one_are_not_parsed(seal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = record(tokens=None), record("Hi Ada! " * 20, "assistant", None)
    session = sealer(seal).of("s")
    stored = [session.seal(each) for each in (first, second)]
    assert session.open(stored[0]) == first
    no_json = Record(stored[1].replace(b'"sealed":"', b'"sealed":"\\='))
    assert session.open(no_json) == no_json
    monkeypatch.setattr("sessionkit_integrations.records.sealing.stored_parts", None)
    assert session.open(stored[1]) == second


@st.composite
def rewritten(draw: st.DrawFn, stored: bytes) -> bytes:
    """Draw a sealed record as others may write it, or as damage may leave it."""
    fields = json.loads(stored)
    if draw(st.booleans()):
        name = draw(st.sampled_from([*fields, "summary", "content"]))
        fields[name] = draw(st.sampled_from(["user", "developer", "zstd", "é/", 7, -1, 10**15, 0.5, None, {"a": 1}]))
        fields = {name: fields[name] for name in draw(st.permutations(list(fields)) | st.just(list(fields)))}
    written = json.dumps(fields, separators=draw(st.sampled_from([(",", ":"), (", ", ": ")]))).encode()
    at = draw(st.integers(0, len(written)))
    gone = draw(st.integers(0, 1))
    return written[:at] + draw(st.sampled_from([b"", b'"', b"\\", b"\n", b"0", b"\xff", b"="])) + written[at + gone :]


@every_seal
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_sealed_record_is_opened_the_same_after_others_of_its_session(seal: Any, data: st.DataObject) -> None:
    seals = sealer(seal)
    stored = seals.of("s").seal(record(tokens=data.draw(st.sampled_from([None, 7]))))
    later, changed = seals.of("s"), Record(data.draw(rewritten(stored)))
    assert later.open(stored) == SessionSealer(seals, "s", None).open(stored)
    first, after = SessionSealer(seals, "s", None).open(changed), later.open(changed)
    assert (type(after), after) == (type(first), first)
    assert getattr(after, "__dict__", {}) == getattr(first, "__dict__", {})


def test_older_keys_read_and_the_newest_writes() -> None:
    old, new = sealer(Encrypt(OTHER)), sealer(Encrypt(KEY, OTHER))
    stored = old.of("s").seal(record())
    opened = new.of("s").open(stored)
    assert opened == record()
    assert new.of("s").seal(opened) == stored
    assert json.loads(new.of("s").seal(record()))["by"] == f"aes-gcm:{Encrypt(KEY).key_id}"
    assert json.loads(new.of("t").seal(opened))["by"] == f"aes-gcm:{Encrypt(KEY).key_id}"
    error = problem(old, new.of("s").seal(record()))
    assert isinstance(error, SealError)
    assert (error.key_id, error.position, error.archived) == (Encrypt(KEY).key_id, 3, True)
    assert f"and only the key {Encrypt(OTHER).key_id} is given: give that one" in str(error)
    third = Encrypt(bytes(range(1, 33))).key_id
    error = problem(sealer(Encrypt(OTHER, bytes(range(1, 33)))), new.of("s").seal(record()))
    assert f"and only the keys {Encrypt(OTHER).key_id}, {third} are given" in str(error)
    error = problem(sealer(Compress()), stored)
    assert isinstance(error, SealError)
    assert (error.key_id, "no key is given" in str(error)) == (Encrypt(OTHER).key_id, True)


def test_a_later_scheme_or_dictionary_is_told_from_damage() -> None:
    stored = sealer(SEALS["compressed"]).of("s").seal(record())
    error = problem(sealer(), stored.replace(b'"zstd"', b'"xz9"'))
    assert type(error) is SealError
    frame = bytearray(b64decode(json.loads(stored)["sealed"] + "=="))
    assert frame[0] & 3 == 1
    frame[1] = 99  # the number of its dictionary
    sealed = b64encode(frame).decode()
    error = problem(sealer(), json.dumps({**json.loads(stored), "sealed": sealed}).encode())
    assert "dictionary 99" in str(error)


def test_a_bomb_is_refused_before_it_takes_memory() -> None:
    module = zstd._module()
    frames = [module.compress(bytes(50_000_000)), _without_size(module, bytes(50_000_000))]
    for frame in (*frames, *(frame[4:] for frame in frames)):
        stored = json.dumps({"role": "user", "sealed": b64encode(frame).decode(), "by": "zstd", "at": 5}).encode()
        error = problem(sealer(limit=100_000), stored)
        assert type(error) is CorruptSessionError
        assert "max_message_bytes, 100,000 bytes" in str(error)
    cut = json.dumps({"role": "user", "sealed": b64encode(frames[0][:-5]).decode(), "by": "zstd"}).encode()
    assert type(problem(sealer(limit=10**8), cut)) is CorruptSessionError
    short = bytearray(module.compress(bytes(range(200))))
    assert short[5] == 200  # the bytes that it says it holds
    short[5] = 100
    lying = json.dumps({"role": "user", "sealed": b64encode(short).decode(), "by": "zstd"}).encode()
    assert type(problem(sealer(), lying)) is CorruptSessionError


def _without_size(module: Any, data: bytes) -> bytes:
    """Return a frame whose header does not say how much it holds."""
    compressor = module.ZstdCompressor()
    parts = [compressor.compress(data[:1000]), compressor.compress(data[1000:]), compressor.flush()]
    frame = b"".join(parts)
    assert module.get_frame_info(frame).decompressed_size is None
    return frame


def test_a_reader_without_seal_never_shows_what_is_sealed() -> None:
    for name, seal in SEALS.items():
        stored = sealer(seal).of("s").seal(record())
        with pytest.raises(SealError, match="Compress" if name == "compressed" else "Encrypt") as raised:
            decode_all(PLAIN, [record(), stored], "s")
        assert raised.value.position == 1
        assert raised.value.key_id == (None if name == "compressed" else Encrypt(KEY).key_id)


def test_a_message_may_have_such_fields_but_not_look_like_a_sealed_record() -> None:
    message: Any = {"role": "user", "content": "x", "sealed": "yes", "by": "hand"}
    before, seals = encode_all(PLAIN, [message])[0], sealer()
    assert decode_all(PLAIN, [before], "s") == [message]
    assert seals.of("s").open(seals.of("s").seal(before)) == before
    with pytest.raises(InvalidMessageError, match="content"):
        encode_all(PLAIN, [{"role": "assistant", "sealed": "yes", "by": "hand"}])


@pytest.mark.parametrize("number", [1, 2])
def test_records_of_every_release_are_read(number: int) -> None:
    vectors = json.loads((FIXTURES / f"sealed-{number}.json").read_text("utf-8"))
    assert {each["seal"] for each in vectors} == set(SEALS)
    for each in vectors:
        opened = (
            sealer(SEALS[each["seal"]], each["prefix"]).of(each["session_id"]).open(Record(each["stored"].encode()))
        )
        assert opened == each["record"].encode()


@pytest.mark.parametrize("seal", [[], [Compress(), Compress()], "zstd", [Encrypt(KEY), 3], None, Compress])
def test_what_is_no_seal_is_refused(seal: Any) -> None:
    with pytest.raises(TypeError, match="seal must be"):
        sealer(seal)


@pytest.mark.parametrize(("least", "kind"), [("5", TypeError), (True, TypeError), (-1, ValueError)])
def test_min_bytes_is_a_number(least: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="min_bytes"):
        Compress(least)
