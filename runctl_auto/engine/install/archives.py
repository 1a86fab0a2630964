"""The official archives of the pinned engine, as ``archives.txt`` lists them with their checksums."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.engine.install.pinned import pinned_version

HOST = "get.pulumi.com"
ARCHIVES = Path(__file__).resolve().parent / "archives.txt"
_LINE = re.compile(r"(v\d+\.\d+\.\d+) ([a-z]+-[a-z0-9]+) ([0-9a-f]{64})")
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Archive:
    """An archive to download, and the SHA-256 that it must have."""

    url: str
    sha256: str


def pinned_archive() -> Archive | None:
    """The archive of the pinned engine for this machine; None when the project holds no checksum of it."""
    return archive_of(pinned_version(), this_system(), ARCHIVES.read_text(encoding="ascii"))


def archive_of(version: str, system: str, table: str) -> Archive | None:
    """The archive of a version for a system (such as ``linux-x64``), by the lines of a table.

    Raises ``ValueError`` for a line that is neither a comment nor an archive.
    """
    for line in table.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise ValueError(f"{ARCHIVES.name}: not an archive: {line!r}")
        if (found[1], found[2]) == (version, system):
            return Archive(f"https://{HOST}/releases/sdk/pulumi-{version}-{system}.tar.gz", found[3])
    return None


def this_system() -> str:
    """This machine in the words of Pulumi's archives."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"
