"""Writes requirements.lock: every package of demo, tests and CI, with the hashes of its files.

``python .ci/lock.py [UV]``. UV is the command of uv, by default ``uv``. With ``--upgrade`` newer versions are
taken; otherwise the locked ones stay where they fit. The file fits all supported versions of Python.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
HEADER = """\
# Written by `make lock` from pyproject.toml; installed with --require-hashes.
# declared: {digest}
"""


def declared(pyproject: dict[str, Any]) -> list[str]:
    """All requirements of pyproject.toml that the lock covers, sorted: of the project, its extra dev with
    those that it names, its build."""
    project = pyproject["project"]
    every = [
        *project["dependencies"],
        *_extra(project["optional-dependencies"], "dev"),
        *pyproject["build-system"]["requires"],
    ]
    return sorted(set(every))


def _extra(extras: dict[str, list[str]], name: str) -> Iterator[str]:
    """The requirements of an extra; other extras, as in ``runctl[sandbox,trace]``, stand for theirs."""
    for each in extras[name]:
        own = re.fullmatch(r"runctl\[(.*)\]", each)
        if own is None:
            yield each
            continue
        for other in own[1].split(","):
            yield from _extra(extras, other.strip())


def digest(requirements: list[str]) -> str:
    """The digest of the requirements that a lock was made from."""
    return f"sha256:{hashlib.sha256(json.dumps(requirements).encode()).hexdigest()}"


def main(arguments: list[str]) -> int:
    """Writes the file; the exit code of uv."""
    upgrade = [each for each in arguments if each == "--upgrade"]
    command = [each for each in arguments if each != "--upgrade"] or ["uv"]
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = declared(pyproject)
    oldest = pyproject["project"]["requires-python"].removeprefix(">=")
    options = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--python-version", oldest]
    ran = subprocess.run(
        [*command, "pip", "compile", "--quiet", *options, *upgrade, "-o", str(LOCK), "-"],
        input="\n".join(requirements),
        text=True,
        cwd=ROOT,
        check=False,
    )
    if ran.returncode == 0:
        packages = LOCK.read_text(encoding="utf-8")
        LOCK.write_text(HEADER.format(digest=digest(requirements)) + packages, encoding="utf-8")
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
