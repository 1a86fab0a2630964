"""The packages of the real trainers, installed once into a folder of their own.

They take about 6 GB, so they are no extra of the project. The folder is `$TRAINERS_FOLDER` if set, else
`.trainers/` in the checkout. Hosts of the sandbox see it because it is named in PIP_FIND_LINKS.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "tests" / "e2e" / "trainers" / "requirements.txt"
FOLDER = "TRAINERS_FOLDER"
INSTALL_SECONDS = 7200


def trainer_packages() -> Path:
    """The folder with the packages, for PYTHONPATH. Blocks while they are installed, two hours at most.

    Raises CalledProcessError when they cannot be had: a matrix without its trainers has failed.
    """
    folder = Path(os.environ.get(FOLDER) or ROOT / ".trainers").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        packages = folder / _digest()
        if not (packages / ".ready").exists():
            _install(packages)
        return packages


def _digest() -> str:
    wanted = f"{sys.version_info[:2]}\n{REQUIREMENTS.read_text()}"
    return f"packages-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"


def _install(packages: Path) -> None:
    command = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade")
    subprocess.run(
        [*command, "--target", str(packages), "-r", str(REQUIREMENTS)],
        check=True,
        timeout=INSTALL_SECONDS,
    )
    (packages / ".ready").touch()
