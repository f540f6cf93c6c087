"""CONTRIBUTING.md speaks of what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_rooms import ROOMS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "sessionkit_integrations"
PATHS = sorted(set(re.findall(r"`((?:[a-z_.]+/)*[a-z_]+(?:\.py|\.lua|\.toml|/)|[a-z_]+/[a-z_/]+)`", TEXT)))


def test_every_room_that_is_there_has_a_line_in_the_order_of_the_design() -> None:
    rooms = re.findall(r"^\| `(\w+)` \|", TEXT.partition("## Rooms")[2].partition("## Add")[0], re.MULTILINE)
    assert rooms == [room for room in ROOMS if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").exists()]


@pytest.mark.parametrize("path", PATHS)
def test_every_path_is_there(path: str) -> None:
    places = (ROOT, PACKAGE, PACKAGE / "stores" / "redis", ROOT / "tests")
    assert any((place / path).exists() for place in places)


def test_every_target_of_make_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"make ([a-z-]+)", TEXT))
    assert named
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
