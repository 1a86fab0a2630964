"""The host's own programs: started as `stand_in.py NAME ARGUMENTS…`, where NAME is the program's name.

Unsupported options are rejected by name.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

_PACKAGE = "sandbox.hosts.guest"
PROGRAMS = {
    **dict.fromkeys(("shutdown", "poweroff", "reboot", "halt"), "power_programs"),
    **dict.fromkeys(("mount", "umount", "findmnt", "mountpoint"), "mount_programs"),
    **dict.fromkeys(
        ("blkid", "lsblk", "mke2fs", "mkfs", "mkfs.ext2", "mkfs.ext3", "mkfs.ext4", "mkfs.xfs",
         "resize2fs", "xfs_growfs"),
        "block_programs",
    ),
    "systemctl": "systemctl_program",
    "journalctl": "journalctl_program",
    **dict.fromkeys(("apt-get", "apt", "dnf", "yum"), "package_programs"),
    "sudo": "sudo_program",
    "docker": "docker_program",
    **dict.fromkeys(
        ("systemd-run", "fdisk", "sfdisk", "parted", "wipefs", "mkswap", "swapon", "losetup", "cryptsetup",
         "tune2fs", "snap", "zypper", "pacman", "apk", "rpm", "dpkg", "modprobe"),
        "refused_programs",
    ),
}  # fmt: skip
"""The module that implements each program: its `main(name, arguments)` returns the exit code."""


class UsageError(Exception):
    """The program does not support this usage. `code` is its exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def run(name: str, arguments: list[str]) -> int:
    """Run the program `name`; prints its errors."""
    program = importlib.import_module(f"{_PACKAGE}.{PROGRAMS[name]}")
    usage_error = importlib.import_module(f"{_PACKAGE}.stand_in").UsageError
    try:
        return int(program.main(name, arguments))
    except usage_error as error:
        sys.stderr.write(f"{name}: {error}\n")
        return int(error.code)
    except BrokenPipeError:
        return 141
    except OSError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2:]))
