"""Entry point of every process of the language host: ``python FOLDER MODE ...``, started by path.

Modes: ``attached`` and ``plugin`` serve the protocol; ``task`` runs one program or policy pack; ``warm``
forks such tasks from a process that has imported their modules.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

_PACKAGE = "runctl_language_host"
_MODES = {
    "attached": "attached_server",
    "plugin": "plugin_server",
    "task": "task",
    "warm": "warm_parent",
}


def _load(module: str) -> object:
    """A module of this folder, under a name that shadows nothing of the program's."""
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is not a Python package")
    package = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = package
    spec.loader.exec_module(package)
    return importlib.import_module(f"{_PACKAGE}.{module}")


def _leave_import_path() -> None:
    """Python puts the folder of what it runs first on the import path; its modules are not the program's."""
    if sys.path and Path(sys.path[0]).resolve() == Path(__file__).resolve().parent:
        del sys.path[0]


def main() -> int:
    """Runs the mode that the first argument names; the exit code."""
    _leave_import_path()
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    if mode not in _MODES:
        sys.stderr.write(f"usage: python {sys.argv[0]} {{{'|'.join(_MODES)}}} ...\n")
        return 2
    return int(_load(_MODES[mode]).main(sys.argv[2:]))  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
