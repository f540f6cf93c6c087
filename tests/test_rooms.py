"""The layout: rooms import only rooms above them, there is no circle, and modules stay small."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import sessionkit_integrations

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = sessionkit_integrations.__name__
ROOT = Path(sessionkit_integrations.__file__).parent
ROOMS = (
    "errors",
    "records",
    "window",
    "tokens",
    "providers",
    "view",
    "runtime",
    "stores",
    "search",
    "sessions",
    "adapting",
    "langchain",
    "llama_index",
    "openai_agents",
    "testing",
    "porting",
    "demo",
    "cli",
)
"""The rooms of the package, from the top down."""
PURE = {"providers": {"errors", "records", "window"}, "view": {"errors", "records", "window"}}
"""Rooms that may import fewer others than all above them."""
ENTRANCES = {"", "__main__"}
"""Modules outside the rooms: they hand out names and start the command line."""
MAX_LINES = 300


@cache
def modules() -> dict[str, ast.Module]:
    """Return the syntax trees of all modules by their names below the package; a package has the name of its folder."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text("utf-8"))
    return found


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Yield the modules of the package that a tree imports at run time, also inside functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from imports_of(ast.Module(node.orelse, []))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            if module == PACKAGE or module.startswith(f"{PACKAGE}."):
                for alias in node.names:
                    full = f"{module}.{alias.name}".removeprefix(PACKAGE).lstrip(".")
                    yield full if full in modules() else module.removeprefix(PACKAGE).lstrip(".")
        elif isinstance(node, ast.Import):
            yield from (alias.name.removeprefix(PACKAGE).lstrip(".") for alias in node.names if PACKAGE in alias.name)
        else:
            yield from imports_of(node)


def room_of(module: str) -> str:
    return module.partition(".")[0]


def graph() -> dict[str, set[str]]:
    return {name: set(imports_of(tree)) for name, tree in modules().items()}


def test_every_module_is_in_a_room() -> None:
    assert {room_of(name) for name in modules()} - ENTRANCES <= set(ROOMS)


def test_rooms_import_only_rooms_above_them() -> None:
    wrong = []
    for name, imported in graph().items():
        if name in ENTRANCES:
            continue
        room = room_of(name)
        allowed = PURE.get(room, set(ROOMS[: ROOMS.index(room)])) | {room}
        wrong += [f"{name} imports {other}" for other in sorted(imported) if room_of(other) not in allowed]
    assert wrong == []


def test_there_is_no_circle() -> None:
    edges, done = graph(), set[str]()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " imports ".join([*path, name])
        if name not in done:
            for other in sorted(edges[name]):
                visit(other, (*path, name))
            done.add(name)

    for name in edges:
        visit(name, ())


def test_modules_are_small() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text("utf-8").splitlines()) for path in ROOT.rglob("*.py")}
    assert {str(path): lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_the_check_sees_imports() -> None:
    source = f"def late():\n    from {PACKAGE}.cli import doctor\nif TYPE_CHECKING:\n    import {PACKAGE}.demo\n"
    assert list(imports_of(ast.parse(source))) == ["cli.doctor"]
