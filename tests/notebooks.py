"""The notebooks, and how they are run: in a fresh kernel, in their folder, without a key or a configuration.

``python -m tests.notebooks`` runs all of them and writes what they print into them, as it is committed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = tuple(sorted(path.stem for path in FOLDER.glob("*.ipynb")))
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

# A key chooses a real model; the rest would change what a kernel does at its start.
_UNWANTED = ("API_KEY", "UPSTASH_", "REDIS_", "SESSIONKIT_", "MPLBACKEND", "PYTHONWARNINGS", "PYDEVD_")


def read(name: str) -> Any:
    """Return a notebook as it is committed."""
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def write(name: str, notebook: Any) -> None:
    """Write a notebook as it is committed."""
    nbformat.write(notebook, FOLDER / f"{name}.ipynb")


def execute(notebook: Any, home: Path, **environment: str) -> Any:
    """Run a copy of a notebook and return it.

    Args:
        notebook: The notebook.
        home: An empty folder, for what Jupyter and IPython would have in that of the user.
        environment: More of the kernel's environment.

    Raises:
        CellExecutionError: A cell raised.
    """
    copy = nbformat.from_dict(dict(notebook))
    kept = {name: value for name, value in os.environ.items() if not any(part in name for part in _UNWANTED)}
    home_variables = {name: str(home) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    client = NotebookClient(
        copy,
        timeout=60,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute(
        env={**kept, **home_variables, "PYTHONPATH": str(ROOT), "PYDEVD_DISABLE_FILE_VALIDATION": "1", **environment}
    )
    copy.metadata = nbformat.from_dict(METADATA)
    return copy


def main() -> None:
    """Run all notebooks, and write their outputs."""
    for name in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as home:
            write(name, execute(read(name), Path(home)))


if __name__ == "__main__":
    main()
