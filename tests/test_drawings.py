"""The drawings of the documentation: they show what sessions hold today, and pages show them."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from tests.drawings import DRAWINGS, FOLDER, WIDTH
from tests.site import DOCS

PAGES = "".join(path.read_text("utf-8") for path in DOCS.glob("*.md"))
SVG = "{http://www.w3.org/2000/svg}"


def test_there_are_no_others() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == DRAWINGS.keys()


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_what_its_session_gives(name: str) -> None:
    assert (FOLDER / f"{name}.svg").read_text("utf-8") == str(DRAWINGS[name]()), "run python -m tests.drawings"


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_page_shows_a_drawing_and_says_what_it_shows(name: str) -> None:
    (said,) = re.findall(rf"^!\[(.*)\]\(drawings/{name}\.svg\)$", PAGES, re.MULTILINE)
    assert said == DRAWINGS[name]().title


@pytest.mark.parametrize("name", DRAWINGS)
def test_all_that_is_drawn_is_inside_of_the_drawing(name: str) -> None:
    root = ET.fromstring(str(DRAWINGS[name]()))  # noqa: S314 - our own
    height = int(root.attrib["height"])
    boxes = root.findall(f"{SVG}rect")
    assert len(boxes) > 6
    for box in boxes:
        x, y, wide, high = (float(box.attrib[side]) for side in ("x", "y", "width", "height"))
        assert 0 <= x < x + wide <= WIDTH
        assert 0 <= y < y + high <= height
