"""The agent under the oldest Python that it promises to run on, as far as this machine has it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runctl_auto import agent
from runctl_auto.agent.start.user_data import MODULES, carried_sources, without_prose

if TYPE_CHECKING:
    from conftest import Machine

pytestmark = pytest.mark.sandbox

AGENT = Path(agent.__file__).parent

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
PLACES = (Path.home() / ".pyenv/versions", Path("/opt/python"), Path("/usr/local/python"))


def candidates(version: str) -> list[str]:
    """Interpreters of a version that may be there: on PATH, or where version managers put them."""
    found = shutil.which(f"python{version}")
    managed = [
        str(path)
        for place in PLACES
        if os.access(place, os.R_OK | os.X_OK)
        for path in sorted(place.glob(f"{version}*/bin/python{version}"))
    ]
    return ([found] if found else []) + managed


def works(python: str, version: str) -> bool:
    """Whether it is that Python and has what the standard library should have (a shim may be neither)."""
    code = "import sys, ssl, zlib; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    except OSError:
        return False
    return done.stdout.strip() == version


@pytest.fixture(scope="module")
def oldest() -> str:
    for version in VERSIONS:
        for python in candidates(version):
            if works(python, version):
                return python
    pytest.skip("no Python from 3.9 on was found beside the one that runs the tests")


def test_every_module_compiles(oldest: str, tmp_path: Path) -> None:
    sources = []
    for number, file in enumerate(AGENT.rglob("*.py")):
        copy = tmp_path / f"{number}_{file.name}"
        copy.write_text(file.read_text())
        sources.append(str(copy))
    for module, source in carried_sources().items():
        copy = tmp_path / f"carried_{module}.py"
        copy.write_text(without_prose(source))
        sources.append(str(copy))
    code = (
        f"import sys; from py_compile import compile; [compile(path, doraise=True) for path in {sources!r}]"
    )
    done = subprocess.run([oldest, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert len(sources) > len(MODULES)


def test_a_run_from_boot_to_halt(oldest: str, new_machine: Callable[..., Machine]) -> None:
    machine = new_machine(oldest)
    device = machine.root / "dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0abc"
    device.parent.mkdir(parents=True)
    device.touch()
    machine.provide(
        {"src/a.sh": "echo from the package"},
        setup="echo setting up",
        command=(
            "bash src/a.sh; python3 -c 'import sys; print(sys.version_info[:2])'\n"
            'echo 1 >"$RUNCTL_CHECKPOINT_DIR/state"; mkdir model; echo m >model/m'
        ),
        volumes=[{"name": "data", "id": "vol-0abc", "mount": "/data"}],
        artifacts={"paths": ["model/"]},
    )
    booted = machine.boot()
    assert booted.returncode == 0, booted.stdout + booted.stderr
    status = machine.wait_until_halted()
    assert (status["phase"], status["artifacts"]["files"]) == ("succeeded", 1), machine.logs()
    assert status["checkpoints"]["count"] == 1
    assert "from the package" in machine.logs()
