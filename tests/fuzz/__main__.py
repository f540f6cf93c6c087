"""Reads bytes that libFuzzer makes of the fixtures' records, until its time is over or a property fails.

``python -m tests.fuzz -max_total_time=60`` takes libFuzzer's options. What it learns stays in ``.fuzz/corpus``, and the
bytes of a failure are put into ``.fuzz``; given as the last argument, such a file is tried again by itself.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("Fuzzing needs atheris, which has wheels for Linux on x86-64 alone: pip install --group fuzz")

with atheris.instrument_imports(include=["sessionkit_integrations"]):
    from tests.fuzz.properties import CODECS, PLAIN_RECORDS, check
from tests.fixtures import files, records_in

FOLDER = Path(".fuzz")
CORPUS = FOLDER / "corpus"


def check_all(data: bytes) -> None:
    """Check what holds of bytes with every codec."""
    for codec in CODECS.values():
        check(codec, data)


def main(arguments: list[str]) -> None:
    """Fuzz with the arguments of the command line, and the corpus."""
    CORPUS.mkdir(parents=True, exist_ok=True)
    for record in (*PLAIN_RECORDS, *(record for path in files() for record in records_in(path))):
        (CORPUS / hashlib.sha256(record).hexdigest()[:16]).write_bytes(record)
    is_single = len(arguments) > 1 and Path(arguments[-1]).is_file()
    atheris.Setup([*arguments, *([] if is_single else [f"-artifact_prefix={FOLDER}/", str(CORPUS)])], check_all)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
