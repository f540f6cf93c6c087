"""Counters by tiktoken's vocabularies, online and offline."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import llama_index.core
import pytest

from sessionkit_integrations.tokens import tiktoken_counter, vocabulary
from tests.test_packaging import without

if TYPE_CHECKING:
    from sessionkit_integrations import Message

HELLO: Message = {"role": "user", "content": "Hello"}


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
def test_tiktoken_counts_special_tokens_as_text(encoding: str) -> None:
    count = tiktoken_counter(encoding)
    special = vocabulary._load(encoding).encode("<|endoftext|>", disallowed_special=())
    assert len(special) > 1
    assert count({"role": "user", "content": "<|endoftext|>"}) == 4 + len(special)


@pytest.mark.parametrize("letter", [" ", "a"])
def test_tiktoken_counts_a_word_of_a_million_letters(letter: str) -> None:
    part = len(vocabulary._load("o200k_base").encode_ordinary(letter * 10_000))
    assert tiktoken_counter()({"role": "user", "content": letter * 1_000_000}) == 4 + 100 * part


def test_tiktoken_refuses_an_encoding_that_it_does_not_know() -> None:
    with pytest.raises(ValueError, match=r"encoding must be one of cl100k_base, .*, got 'o900k'"):
        tiktoken_counter("o900k")


def test_many_threads_load_one_vocabulary_and_leave_the_environment_alone() -> None:
    before = dict(os.environ)
    vocabulary._load.cache_clear()
    with ThreadPoolExecutor(4) as threads:
        counts = set(threads.map(lambda _: tiktoken_counter()(HELLO), range(4)))
    assert counts == {5}
    assert dict(os.environ) == before


OFFLINE = """
import socket
def refuse(*args, **kwargs):
    raise OSError("offline")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
"""


def run(code: str, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_CACHE_DIR")}
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**kept, **environment},
        timeout=100,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
def test_tiktoken_works_offline_with_the_files_of_llama_index(encoding: str, tmp_path: Path) -> None:
    code = f"""{OFFLINE}
import os, sys
before = dict(os.environ)
from sessionkit_integrations.tokens import tiktoken_counter
print(tiktoken_counter({encoding!r})({HELLO!r}), "llama_index" in sys.modules, dict(os.environ) == before)"""
    assert run(code, TMPDIR=str(tmp_path)) == "5 False True"
    assert run(code, TIKTOKEN_CACHE_DIR=str(tmp_path)) == "5 False True"
    assert list(tmp_path.iterdir()) == []


MISSING_VOCABULARY = """
from sessionkit_integrations import VocabularyError
from sessionkit_integrations.tokens import tiktoken_counter, vocabulary
{change}
try:
    tiktoken_counter()
except VocabularyError as error:
    print(error.encoding, error, error.__cause__ is not None)
"""


@pytest.mark.parametrize("change", ["", "vocabulary._installed_files = lambda: vocabulary.Path({folder!r})"])
def test_a_vocabulary_that_cannot_be_had_is_said_with_what_to_do(change: str, tmp_path: Path) -> None:
    """Without LlamaIndex, and with a file of it that is damaged."""
    (tmp_path / "fb374d419588a4632f3f557e76b4b70aebbca790").write_bytes(b"IQ== 0\n")
    change = change.format(folder=str(tmp_path))
    code = OFFLINE + ("" if change else without("llama_index")) + MISSING_VOCABULARY.format(change=change)
    assert run(code, TIKTOKEN_CACHE_DIR=str(tmp_path / "none")) == (
        "o200k_base the vocabulary o200k_base is not here and could not be downloaded: install llama-index-core, which "
        "has o200k_base and cl100k_base, or name a folder in which tiktoken cached it in TIKTOKEN_CACHE_DIR True"
    )


def test_tiktokens_own_cache_serves_where_llama_index_is_missing() -> None:
    folder = Path(str(llama_index.core.__file__)).parent / "_static" / "tiktoken_cache"
    code = f"{OFFLINE}{without('llama_index')}\nfrom sessionkit_integrations.tokens import tiktoken_counter\n"
    assert run(f"{code}print(tiktoken_counter()({HELLO!r}))", TIKTOKEN_CACHE_DIR=str(folder)) == "5"
