"""The picture of the README."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests import picture
from tests.view.browser import CHROMIUM

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 150_000


def test_its_session_has_each_place_that_a_view_tells_apart() -> None:
    view = picture.conversation().view("ada")
    assert repr(view) == "SessionView('ada', preamble=2, archived=2, outside=0, window=6)"
    assert (view.figures.tokens, [usage.model for usage in view.figures.usage]) == (124, ["gpt-5"])


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to draw with")
def test_it_is_drawn_whole_sharp_and_small(tmp_path: Path) -> None:
    drawn = tmp_path / "session.png"
    picture.draw(drawn)
    for path in (drawn, picture.PICTURE):
        assert path.stat().st_size < MOST_BYTES
        with Image.open(path) as image:
            width, height = image.size
            edges = image.convert("RGB").crop((0, height - 8, width, height)).getcolors()
        assert (width, height > width) == (2 * picture.WIDTH, True)
        assert edges == [(8 * width, (255, 255, 255))]  # below the view: it is not cut off
