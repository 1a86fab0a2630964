"""Tools that tests of the matrix install for themselves, from the Go proxy and from npm, once a session."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def go_tool(folder: Path, package: str) -> Path:
    """The executable of a Go package such as ``example.org/tool/cmd/tool@v1.0.0``, built into ``folder``.

    Fails the test where there is no Go.
    """
    go = shutil.which("go")
    if go is None:
        pytest.fail("needs Go")
    built = folder / package.partition("@")[0].rsplit("/", 1)[-1]
    if not built.exists():
        # What of Go's own settings is a person's, such as a proxy, stays.
        environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod"}
        _run([go, "install", package], folder, environment, seconds=1800)
    return built


def npm_packages(folder: Path, *packages: str) -> Path:
    """``folder``, in which npm has installed the packages. Fails the test where there is no npm."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.fail("needs Node.js")
    (folder / "package.json").write_text('{"name": "tests", "private": true}')
    _run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages],
        folder,
        dict(os.environ),
        600,
    )
    return folder


def compiled(folder: Path, name: str) -> Path:
    """The JavaScript of the TypeScript ``name``, type-checked strictly."""
    tsc = folder / "node_modules" / ".bin" / "tsc"
    options = ["--target", "es2020", "--module", "commonjs", "--strict", "--skipLibCheck", "--types", "node"]
    _run([str(tsc), *options, name], folder, dict(os.environ), seconds=300)
    return folder / name.replace(".ts", ".js")


def _run(command: list[str], folder: Path, environment: dict[str, str], seconds: float) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=seconds
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
