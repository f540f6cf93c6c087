"""The examples in docstrings: every public name has one, and they run and give what they say."""

from __future__ import annotations

import ast
import doctest
import html
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.language_models import FakeListChatModel
from llama_index.core.memory import ChatMemoryBuffer, Memory

import sessionkit_integrations
from sessionkit_integrations import InMemoryStore, Record, SessionManager, Store, Summary, Window
from tests.test_site import PACKAGE, ROOMS

if TYPE_CHECKING:
    from collections.abc import Iterator

ALIASES = {"Record": "records/record.py", "tokens.CountTokens": "tokens/counted.py"}
"""Public names whose docstrings stand behind them, and their modules."""

RECORD = Record(b'{"role":"user","content":"Hello!","at":1763800000123}')


def public() -> Iterator[tuple[str, Any]]:
    """Yield the public names with what they name; those of rooms have the room's name before theirs."""
    for name in sessionkit_integrations.__all__:
        yield name, getattr(sessionkit_integrations, name)
    for room in ROOMS:
        module = import_module(f"{PACKAGE}.{room}")
        names = set(module.__all__) - set(sessionkit_integrations.__all__)
        yield from ((f"{room}.{name}", getattr(module, name)) for name in sorted(names))


def docstrings() -> dict[str, str]:
    """Return the docstrings of all public names and of their methods; of `SessionManager`, inherited ones as well."""
    found = {}
    for name, value in public():
        found[name] = _behind(name) if name in ALIASES else inspect.getdoc(value) or ""
        if isinstance(value, type):
            for method, function in vars(value).items():
                if not method.startswith("_") and inspect.getdoc(function):
                    found[f"{name}.{method}"] = inspect.getdoc(function) or ""
    return found | {name: inspect.getdoc(function) or "" for name, function in methods_of_a_manager()}


def methods_of_a_manager() -> Iterator[tuple[str, Any]]:
    """Yield the public methods of `SessionManager` by their names, also those that it inherits."""
    for name, function in inspect.getmembers(SessionManager, inspect.isroutine):
        if not name.startswith("_"):
            yield f"SessionManager.{name}", function


def _behind(name: str) -> str:
    source = Path(sessionkit_integrations.__path__[0], ALIASES[name]).read_text("utf-8")
    body = ast.parse(source).body
    (place,) = (
        index
        for index, node in enumerate(body)
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        and ast.unparse(node).split()[0].rstrip(":") == name.rpartition(".")[2]
    )
    doc = body[place + 1]
    assert isinstance(doc, ast.Expr)
    assert isinstance(doc.value, ast.Constant)
    return inspect.cleandoc(str(doc.value.value))


DOCSTRINGS = docstrings()
OUTSIDE = re.compile(r"await |async |create_agent|Agent\(|llm|client\.|OpenAI|Runnable|environ")
"""A part of an example that needs an agent or a model; the pages run such code."""

EXAMPLES = {name: text for name, text in DOCSTRINGS.items() if ">>> " in text}


class _Checker(doctest.OutputChecker):
    """Takes any output where an example says none."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return not want or super().check_output(want, got, optionflags)


@pytest.fixture
def names() -> Iterator[dict[str, Any]]:
    """Names that examples use."""
    store = InMemoryStore()
    sessions = SessionManager(store=store)
    sessions.add_user_message("user123", "Hello!")
    sessions.add_assistant_message("user123", "Hi Ada!")
    summarized = SessionManager(1, summary=Summary(lambda *_: "Ada said hello.", every=None))
    for content in ("Hello!", "And now?"):
        summarized.add_user_message("user123", content)
    yield {
        **{name.rpartition(".")[2]: value for name, value in public()},
        "html": html,
        "pytest": pytest,
        "Memory": Memory,
        "ChatMemoryBuffer": ChatMemoryBuffer,
        "sessions": sessions,
        "summarized": summarized,
        "model": FakeListChatModel(responses=["Hi Ada!"]),
        "store": store,
        "record": RECORD,
        "window": Window(10),
        "key": b"k" * 32,
    }
    sessions.close()
    summarized.close()


def test_every_public_name_has_an_example() -> None:
    assert [name for name, _ in public() if name not in EXAMPLES] == []


def test_every_method_of_a_manager_has_an_example_or_a_twin() -> None:
    names = {name for name, _ in methods_of_a_manager()}
    assert {"SessionManager.prompt", "SessionManager.aprompt", "SessionManager.watch"} < names
    assert sorted(name for name in names - EXAMPLES.keys() if not _is_a_twin(name)) == []


def test_the_example_of_a_store_has_all_that_one_must_have() -> None:
    assert set(re.findall(r"def ([a-z]+)\(", EXAMPLES["Store"])) == Store.__abstractmethods__


def _is_a_twin(name: str) -> bool:
    plain = name.replace(".a", ".", 1)
    return plain in EXAMPLES and DOCSTRINGS[name] == f"See `{plain.rpartition('.')[2]}`."


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("name", [name for name, text in EXAMPLES.items() if not OUTSIDE.search(text)])
def test_an_example_runs_and_gives_what_it_says(
    name: str, names: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(EXAMPLES[name], names, name, None, None)
    reported: list[str] = []
    runner = doctest.DocTestRunner(_Checker(), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    failed = runner.run(example, out=reported.append, clear_globs=False).failed
    for value in example.globs.values():
        if isinstance(value, (SessionManager, Store)):
            value.close()
    assert failed == 0, "".join(reported)


@pytest.mark.parametrize("name", [name for name, text in EXAMPLES.items() if OUTSIDE.search(text)])
def test_an_example_with_an_agent_or_a_model_is_python(name: str) -> None:
    code = "".join(each.source for each in doctest.DocTestParser().get_examples(EXAMPLES[name]))
    compile(code, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
