"""Compression of texts with zstd and a dictionary of what chats have in common.

A frame names its dictionary, so that a later one can come beside it: what was compressed with an earlier one is read
with that. A file of `dictionaries` has the number of its dictionary as its name.

Frames are written without their magic number, four bytes that are the same in all of them. Earlier ones have it, which
tells them apart: a frame without it begins with its descriptor, whose bit 3 is reserved and must be 0 (RFC 8878,
3.1.1.1.1), and that bit is set in the first byte of the magic number, 0x28.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from sessionkit_integrations.errors import MissingDependencyError

DICTIONARY = 2
"""The dictionary that is written with."""
LEVEL = 12
_MAGIC = b"\x28\xb5\x2f\xfd"
_FOLDER = Path(__file__).with_name("dictionaries")
_MOST_WINDOW = 27
"""Logarithm of the memory that a frame may ask for, at most."""


class InvalidFrameError(ValueError):
    """Bytes are no frame that can be unpacked."""


def check_installed() -> None:
    """Raise `MissingDependencyError` unless zstd is installed."""
    _module()


def is_installed() -> bool:
    """Return whether zstd is installed."""
    with suppress(MissingDependencyError):
        return _module() is not None
    return False


def compress(data: bytes) -> bytes:
    """Return data in one frame, without its magic number."""
    frame: bytes = _module().compress(data, LEVEL, zstd_dict=_dictionary(DICTIONARY).as_digested_dict)
    return frame[len(_MAGIC) :]


def decompress(frame: bytes, most: int) -> bytes:
    """Return the data of a frame, without using much more memory than it may have.

    Args:
        frame: The frame, with or without its magic number.
        most: Bytes that the data may have.

    Raises:
        InvalidFrameError: It is none, is cut off, or holds more.
    """
    zstd = _module()
    if not frame.startswith(_MAGIC):
        frame = _MAGIC + frame
    try:
        info = zstd.get_frame_info(frame)
        size = info.decompressed_size  # None if the frame does not say it
        if size is not None and size > most:
            raise InvalidFrameError(_too_large(most))
        decompressor = zstd.ZstdDecompressor(_dictionary(info.dictionary_id), _options(most))
        data: bytes = decompressor.decompress(frame, (most if size is None else size) + 1)
    except zstd.ZstdError as error:
        raise InvalidFrameError(f"it cannot be unpacked to max_message_bytes, {most:,} bytes: {error}") from error
    if len(data) > most:
        raise InvalidFrameError(_too_large(most))
    if not decompressor.eof or decompressor.unused_data:
        raise InvalidFrameError("it cannot be unpacked: it is cut off, or something follows it")
    return data


def path_of(number: int) -> Path:
    """Return the file of a dictionary."""
    return _FOLDER / f"{number}.zstd"


def _too_large(most: int) -> str:
    return f"it unpacks to more than max_message_bytes, {most:,} bytes"


@cache
def _module() -> Any:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependencyError("compression of sessions", "compression") from error


@cache
def _options(most: int) -> Any:
    """Return options with which a frame of data of some bytes at most is unpacked in as much memory."""
    return {_module().DecompressionParameter.window_log_max: max(10, min(most.bit_length(), _MOST_WINDOW))}


@cache
def _dictionary(number: int) -> Any:
    """Return a dictionary; ``None`` for number 0, as which frames say that they have none.

    Raises:
        InvalidFrameError: There is none of that number.
    """
    if not number:
        return None
    path = path_of(number)
    if not path.exists():
        raise InvalidFrameError(f"it needs dictionary {number} of a later release; upgrade sessionkit-integrations")
    return _module().ZstdDict(path.read_bytes())
