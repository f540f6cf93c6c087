"""Chromium, to look at views with."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=2000"),
)


def browse(html: str, folder: Path, *flags: str) -> str:
    """Open a page of its own and return what Chromium prints.

    Args:
        html: The page's body.
        folder: Holds the page and Chromium's profile.
        flags: What Chromium does with the page.
    """
    if CHROMIUM is None:
        raise FileNotFoundError("there is no chromium to look with")
    page = folder / "page.html"
    page.write_text(f'<!doctype html><meta charset="utf-8"><title>page</title><body>{html}', "utf-8")
    run = subprocess.run(  # noqa: S603 - our own
        [CHROMIUM, *_FLAGS, f"--user-data-dir={folder / 'profile'}", *flags, page.as_uri()],
        capture_output=True,
        check=True,
        timeout=60,
        env={**os.environ, "HOME": str(folder)},
    )
    return run.stdout.decode()
