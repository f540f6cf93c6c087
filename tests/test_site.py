"""The documentation's site: every page is in its navigation, every link leads somewhere, every public name is there."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

import sessionkit_integrations
from tests import site
from tests.site import ROOT, pages, write

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = "sessionkit_integrations"
ROOMS = ("langchain", "llama_index", "openai_agents", "providers", "testing", "tokens")
"""Rooms that have public names of their own."""


def test_the_navigation_names_every_page_once() -> None:
    nav = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2].partition("\nvalidation:")[0]
    named = re.findall(r"^ +- ([\w/]+\.md)$", nav, re.MULTILINE)
    assert sorted(named) == sorted(pages())
    assert "agents.md" in named


def test_the_reference_has_every_public_name_once() -> None:
    reference = "".join(text for page, text in pages().items() if page.startswith("api/"))
    named = re.findall(r"^::: sessionkit_integrations\.([\w.]+)$", reference, re.MULTILINE)
    public = set(sessionkit_integrations.__all__)
    assert {name for name in named if "." not in name} == public
    of_rooms = {f"{room}.{name}" for room in ROOMS for name in import_module(f"{PACKAGE}.{room}").__all__}
    assert {name for name in named if "." in name} == {each for each in of_rooms if each.split(".")[1] not in public}
    assert len(named) == len(set(named))


def test_every_link_leads_to_a_page_and_a_heading(tmp_path: Path) -> None:
    write(tmp_path)
    checked = 0
    for page, text in pages().items():
        for path, heading in site.links(page, text):
            assert (tmp_path / path).is_file(), (page, path)
            assert not heading or heading in headings((tmp_path / path).read_text("utf-8")), (page, path, heading)
            checked += 1
    assert checked > 50
    for there, here in (("notebooks/08_agents.ipynb",) * 2, ("pictures/session.png", "docs/pictures/session.png")):
        assert (tmp_path / there).read_bytes() == (ROOT / here).read_bytes()


def headings(text: str) -> set[str]:
    return {site.anchor(title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


@pytest.mark.parametrize(
    ("path", "page", "link", "mended"),
    [
        ("docs/agents.md", "agents.md", "stores/own.md#a-store", "stores/own.md#a-store"),
        ("docs/stores/own.md", "stores/own.md", "../finding.md#recall", "../finding.md#recall"),
        ("docs/production.md", "production.md", "../CONTRIBUTING.md", "contributing.md"),
        ("CONTRIBUTING.md", "contributing.md", "docs/tokens.md", "tokens.md"),
        ("docs/agents.md", "agents.md", "../notebooks/08_agents.ipynb", "notebooks/08_agents.ipynb"),
        ("docs/looking.md", "looking.md", "pictures/session.png", "pictures/session.png"),
        ("docs/agents.md", "agents.md", "#recall", "#recall"),
        ("docs/api/errors.md", "api/errors.md", "../tokens.md", "../tokens.md"),
        ("docs/agents.md", "agents.md", "https://example.com/a.md#b", "https://example.com/a.md#b"),
    ],
)
def test_links_lead_to_pages_of_the_site(path: str, page: str, link: str, mended: str) -> None:
    text = "[a]({}) and\n```python\nf[0](turns.md)\n```\n"
    assert mend(text.format(link), path, page) == text.format(mended)


@pytest.mark.parametrize("link", ["docs/nothing.md", "nothing.py"])
def test_a_link_that_leads_nowhere_is_an_error(link: str) -> None:
    with pytest.raises(LookupError, match="nothing"):
        mend(f"[a]({link})", "CONTRIBUTING.md", "contributing.md")


def mend(text: str, path: str, page: str) -> Any:
    return site._mended(text, path, page)
