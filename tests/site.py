"""The pages of the documentation's site: those of docs/, and sections of the README, each of which is a page.

``python -m tests.site FOLDER`` writes them into a folder, for mkdocs. In the repository, pages link to each other, to
sections of the README and to notebooks. On the site the same links lead to pages of the site.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SECTIONS = {
    "Install": "install.md",
    "Quick start": "quick_start.md",
    "Providers": "providers.md",
    "Stores": "stores.md",
    "The window": "window.md",
    "Sessions you can look at": "looking.md",
    "Command line": "command_line.md",
    "What you can rely on": "guarantees.md",
    "How fast it is": "speed.md",
    "Environment variables": "environment.md",
    "Several tenants": "tenants.md",
    "Errors": "errors.md",
    "Closing": "closing.md",
    "Coming from the JavaScript SessionKit": "coming_from_javascript.md",
    "Limits": "limits.md",
    "Design": "design_in_short.md",
}
"""Sections of the README that are pages."""

ELSEWHERE = {"See it, test it": "index.md", "Development": "contributing.md"}
"""Other sections, and the pages that say the same."""

WHOLE = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Files of the repository that are pages."""

_FENCE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)\s#]*)(?:#([^)\s]+))?(?=\))")


def anchor(title: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")


def sections() -> dict[str, str]:
    """Return the sections of the README by their titles."""
    _, *found = re.split(r"^## (.*)\n", (ROOT / "README.md").read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(found[::2], found[1::2], strict=True))


def pages() -> dict[str, str]:
    """Return the text of each page by its path on the site.

    Raises:
        LookupError: A link leads nowhere.
    """
    places = _places()
    found = {}
    for path in sorted(DOCS.rglob("*.md")):
        page = path.relative_to(DOCS).as_posix()
        found[page] = _mended(path.read_text("utf-8"), f"docs/{page}", page, places)
    for name, page in WHOLE.items():
        found[page] = _mended((ROOT / name).read_text("utf-8"), name, page, places)
    for title, text in sections().items():
        if title in SECTIONS:
            page = SECTIONS[title]
            found[page] = _mended(f"# {title}\n{_raised(text)}", "README.md", page, places)
    return found


def links(page: str, text: str) -> list[tuple[str, str]]:
    """Return the paths on the site that a page links to, each with the anchor there, or an empty one."""
    return [
        (posixpath.normpath(posixpath.join(posixpath.dirname(page), link[1])) if link[1] else page, link[2] or "")
        for prose in _FENCE.split(text)[::2]
        for link in _LINK.finditer(prose)
    ]


def write(folder: Path) -> None:
    """Write all pages and the files that they link to into a folder, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    for page, text in pages().items():
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(text, encoding="utf-8")
        for path, _ in links(page, text):
            if not path.endswith(".md"):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, folder / path)


def _places() -> dict[str, str]:
    """Return the place on the site of each anchor of the README."""
    places = {}
    for title, text in sections().items():
        page = SECTIONS.get(title) or ELSEWHERE[title]
        places[anchor(title)] = page
        for heading in re.findall(r"^### (.*)$", text, re.MULTILINE):
            places[anchor(heading)] = f"{page}#{anchor(heading)}"
    return places


def _raised(text: str) -> str:
    """Return a section with its headings one level higher."""
    parts = _FENCE.split(text)
    parts[::2] = [re.sub(r"^##(#+ )", r"#\1", prose, flags=re.MULTILINE) for prose in parts[::2]]
    return "".join(parts)


def _mended(text: str, path: str, page: str, places: dict[str, str]) -> str:
    """Return the text of a file of the repository with links for its page."""

    def place(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link[1])) if link[1] else path
        if target == "README.md":
            return posixpath.relpath(places[link[2]], posixpath.dirname(page) or ".")
        if not (ROOT / target).is_file():
            raise LookupError(f"{path}: there is no {target}")
        if not link[1]:
            return link[0]
        there = WHOLE.get(target) or target.removeprefix("docs/")
        return posixpath.relpath(there, posixpath.dirname(page) or ".") + (f"#{link[2]}" if link[2] else "")

    parts = _FENCE.split(text)
    parts[::2] = [_LINK.sub(place, prose) for prose in parts[::2]]
    return "".join(parts)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
