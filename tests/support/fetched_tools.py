"""Tools that tests of the matrix install for themselves, from Debian, PyPI, the Go proxy and npm."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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


def debian_package(folder: Path, package: str) -> Path:
    """``folder``, into which the package of Debian is unpacked; its dependencies and scripts are not run.

    Fails the test where there is no apt, or it does not have the package.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.fail("needs Debian's apt-get and dpkg-deb")
    downloads = folder / "downloads"
    downloads.mkdir(parents=True)
    _run(["apt-get", "download", package], downloads, dict(os.environ), seconds=600)
    for file in downloads.iterdir():
        _run(["dpkg-deb", "-x", str(file), str(folder)], folder, dict(os.environ), seconds=120)
    return folder


def python_packages(folder: Path, *requirements: str) -> Path:
    """``folder``, into which pip has installed the packages, with what they need."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *requirements]
    _run(command, folder.parent, dict(os.environ), seconds=1200)
    return folder


def go_command(folder: Path, package: str, *, replaced: str = "") -> Path:
    """The executable of a Go package whose module needs another version of one that it requires: ``replaced``
    is a line of go.mod. Built into ``folder``, named after the package. Fails the test where there is no Go.
    """
    go = shutil.which("go")
    if go is None:
        pytest.fail("needs Go")
    path, _, version = package.partition("@")
    built = folder / path.rsplit("/", 1)[-1]
    if not built.exists():
        (folder / "go.mod").write_text(f"module tests.local/tool\n\ngo 1.21\n\n{replaced}\n")
        environment = {**os.environ, "GOFLAGS": "-mod=mod"}
        _run([go, "get", f"{path}@{version}"], folder, environment, seconds=600)
        _run([go, "build", "-o", str(built), path], folder, environment, seconds=1800)
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
