"""The pages of the documentation's site: docs/, and some files beside the README.

``python -m tests.site FOLDER`` writes them into a folder, for mkdocs. In the repository, pages link to each other and
to notebooks. On the site the same links lead to pages of the site.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
WHOLE = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
"""Files of the repository that are pages."""

_FENCE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)\s#]*)(?:#([^)\s]+))?(?=\))")


def anchor(title: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")


def pages() -> dict[str, str]:
    """Return the text of each page by its path on the site.

    Raises:
        LookupError: A link leads nowhere.
    """
    names = [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md"))]
    files = {**{f"docs/{name}": name for name in names}, **WHOLE}
    return {page: _mended((ROOT / path).read_text("utf-8"), path, page) for path, page in files.items()}


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
                shutil.copy(DOCS / path if (DOCS / path).is_file() else ROOT / path, folder / path)


def _mended(text: str, path: str, page: str) -> str:
    """Return the text of a file of the repository with links for its page."""

    def place(link: re.Match[str]) -> str:
        if not link[1]:
            return link[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link[1]))
        if not (ROOT / target).is_file():
            raise LookupError(f"{path}: there is no {target}")
        there = WHOLE.get(target) or target.removeprefix("docs/")
        return posixpath.relpath(there, posixpath.dirname(page) or ".") + (f"#{link[2]}" if link[2] else "")

    parts = _FENCE.split(text)
    parts[::2] = [_LINK.sub(place, prose) for prose in parts[::2]]
    return "".join(parts)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
