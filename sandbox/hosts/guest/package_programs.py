"""`apt-get`, `apt`, `dnf`, `yum`: a sandbox host installs nothing, and reports packages that are missing."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from sandbox.hosts.guest.stand_in import UsageError

_UPDATES = ("update", "upgrade", "dist-upgrade", "full-upgrade", "makecache", "check-update", "clean",
            "autoremove", "autoclean")  # fmt: skip
_PYTHON_MODULES = {"python3-venv": "ensurepip", "python3-pip": "ensurepip", "python3-distutils": "distutils"}


def main(name: str, arguments: list[str]) -> int:
    words = [word for word in arguments if not word.startswith("-")]
    if not words:
        raise UsageError("give a command")
    command, *packages = words
    if command in _UPDATES:
        sys.stdout.write(
            f"{name} {command}: this is a sandbox host, its packages are the machine's; nothing to do.\n"
        )
        return 0
    if command not in ("install", "reinstall"):
        raise UsageError(f"the command '{command}' is not supported by sandbox hosts")
    missing = [package for package in packages if not is_present(package)]
    for package in packages:
        if package not in missing:
            sys.stdout.write(f"{package} is already there.\n")
    if missing:
        sys.stderr.write(
            f"{name}: would install {' '.join(missing)}, but a sandbox host cannot install packages. "
            "Install them on this machine, or leave them to real machines.\n"
        )
        return 100 if name.startswith("apt") else 1
    return 0


def is_present(package: str) -> bool:
    """Whether the machine has the package's contents, as far as can be determined here."""
    name = package.partition("=")[0].partition(":")[0]
    if name in _PYTHON_MODULES:
        return importlib.util.find_spec(_PYTHON_MODULES[name]) is not None
    if name == "ca-certificates":
        return any(Path(folder).is_dir() for folder in ("/etc/ssl/certs", "/etc/pki/tls/certs"))
    return shutil.which(name) is not None or Path("/usr/share/doc", name, "copyright").is_file()
