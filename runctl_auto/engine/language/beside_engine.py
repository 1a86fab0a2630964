"""Installs the language host beside an engine that has none, for plain ``pulumi``."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from .errors import LanguageHostError

LANGUAGE_PLUGIN = "pulumi-language-python"
DYNAMIC_PROVIDER = "pulumi-resource-pulumi-python"
_MARK = "# Installed by runctl; `runctl setup` writes it anew."
_FOLDER = Path(__file__).resolve().parent
_FOLDER_PREFIX = "runctl-language-host-"

_PYTHONS = """\
recorded={python}
imports() {{
    "$1" -I -c 'import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, sys.argv[1:])))' \\
        {modules} 2>/dev/null
}}
for python in "${{PULUMI_PYTHON_CMD:-}}" "${{VIRTUAL_ENV:+$VIRTUAL_ENV/bin/python}}" "$recorded" python3; do
    [ -n "$python" ] && imports "$python" && break
    python=
done
if [ -z "$python" ]; then
    echo "{plugin}: no Python found that can import {names}." >&2
    echo "Tried: PULUMI_PYTHON_CMD, VIRTUAL_ENV, $recorded, python3. Install runctl there," >&2
    echo "set PULUMI_PYTHON_CMD to a Python that has it, or run \\`runctl setup\\` again." >&2
    exit 1
fi
"""

_LANGUAGE_LAUNCHER = """\
#!/bin/sh
{mark}
# Starts the language host for Python programs with a Python that can run it. Which Python runs a program is
# decided by the host, program by program.
{pythons}here=$(dirname -- "$(readlink -f -- "$0" 2>/dev/null || echo "$0")")
exec "$python" -I "$here"/{folder} plugin "$@"
"""

_DYNAMIC_LAUNCHER = """\
#!/bin/sh
{mark}
# Starts the provider of dynamic resources with the Python of the program: its virtual environment if the
# project names one, which the engine passes on in PULUMI_RUNTIME_VIRTUALENV.
virtualenv=${{PULUMI_RUNTIME_VIRTUALENV:-}}
if [ -z "$virtualenv" ] && [ "${{PULUMI_RUNTIME_TOOLCHAIN:-}}" = uv ]; then
    virtualenv=.venv
fi
if [ -n "$virtualenv" ]; then
    if [ ! -x "$virtualenv/bin/python" ]; then
        echo "{plugin}: the virtual environment $virtualenv does not exist or holds no Python." >&2
        exit 1
    fi
    exec "$virtualenv/bin/python" -u -m pulumi.dynamic "$@"
fi
{pythons}exec "$python" -u -m pulumi.dynamic "$@"
"""


def install_beside(engine_bin: Path, python: str = sys.executable) -> list[Path]:
    """Installs the language host and the dynamic provider in the folder of an engine; the launchers written.

    An executable of these names that is not runctl's is left alone, and so is one that is as it should be:
    the list holds neither. Each file appears whole or not at all. ``python`` is recorded in the launchers as
    one that can run the host. Blocking. Raises ``LanguageHostError`` when the folder cannot be written.
    """
    try:
        launchers = {DYNAMIC_PROVIDER: dynamic_launcher(python)}
        if not _is_foreign(engine_bin / LANGUAGE_PLUGIN):
            launchers[LANGUAGE_PLUGIN] = language_launcher(_copy(engine_bin).name, python)
        return [
            file for name, text in launchers.items() if _install_launcher(file := engine_bin / name, text)
        ]
    except OSError as error:
        raise LanguageHostError(
            f"The language host could not be installed in {engine_bin}: {error}",
            next_step="Check that the folder can be written and that there is space left.",
        ) from error


def is_ours(launcher: Path) -> bool:
    """Whether an executable beside an engine was written by ``install_beside``."""
    try:
        return _MARK.encode() in launcher.read_bytes()[:200]
    except OSError:
        return False


def _is_foreign(launcher: Path) -> bool:
    return (launcher.exists() or launcher.is_symlink()) and not is_ours(launcher)


def language_launcher(folder: str, python: str) -> str:
    """The text of ``pulumi-language-python``, which starts the host in ``folder`` beside it."""
    modules = ("grpc", "google.protobuf", "pulumi")
    return _LANGUAGE_LAUNCHER.format(
        mark=_MARK, pythons=_pythons(LANGUAGE_PLUGIN, python, modules), folder=shlex.quote(folder)
    )


def dynamic_launcher(python: str) -> str:
    """The text of ``pulumi-resource-pulumi-python``."""
    pythons = _pythons(DYNAMIC_PROVIDER, python, ("pulumi", "dill"))
    return _DYNAMIC_LAUNCHER.format(mark=_MARK, pythons=pythons, plugin=DYNAMIC_PROVIDER)


def _pythons(plugin: str, python: str, modules: Sequence[str]) -> str:
    return _PYTHONS.format(
        python=shlex.quote(python), modules=" ".join(modules), names=" and ".join(modules), plugin=plugin
    )


def _copy(engine_bin: Path) -> Path:
    """This folder's modules in a folder beside the engine that is named by their content.

    The folder of another version stays: a host that runs starts its programs from there.
    """
    sources = sorted(_FOLDER.glob("*.py"))
    target = engine_bin / f"{_FOLDER_PREFIX}{_digest(sources)}"
    if target.is_dir():
        return target
    with tempfile.TemporaryDirectory(prefix=".runctl-", dir=engine_bin) as staging:
        copied = Path(staging, "copied")
        copied.mkdir()
        for source in sources:
            shutil.copyfile(source, copied / source.name)
        try:
            copied.rename(target)
        except OSError:
            if not target.is_dir():  # else another install has just put it there
                raise
    return target


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]


def _install_launcher(file: Path, text: str) -> bool:
    """Writes a launcher; False when a foreign one is there or it is as it should be."""
    if _is_foreign(file) or (file.exists() and file.read_text(encoding="utf-8") == text):
        return False
    descriptor, staged = tempfile.mkstemp(prefix=".runctl-", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(staged).chmod(0o755)
        Path(staged).replace(file)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise
    return True
