"""Sets up a host's mounts inside new namespaces, then executes the host's init.

Started by `unshare` as the first process of new user, mount, pid, ipc and uts namespaces, as
`enter_namespace.py SPEC`, where SPEC is JSON: `{"root", "devices", "binds": [[source, target, writable]],
"hostname", "info_fd", "command": []}`. The pid outside the namespace is written to `info_fd` as
`{"child-pid": n}`, as bubblewrap does. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT = 1, 2, 4, 8, 32
_MS_NOATIME, _MS_NODIRATIME, _MS_BIND, _MS_REC, _MS_PRIVATE = 1024, 2048, 4096, 16384, 1 << 18
_MS_RELATIME = 1 << 21
_MNT_DETACH = 2
_FLAG_OF_OPTION = {
    "ro": _MS_RDONLY, "nosuid": _MS_NOSUID, "nodev": _MS_NODEV, "noexec": _MS_NOEXEC, "noatime": _MS_NOATIME,
    "nodiratime": _MS_NODIRATIME, "relatime": _MS_RELATIME,
}  # fmt: skip
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_PROC_READ_ONLY = ("sys", "sysrq-trigger", "irq", "bus", "fs")

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2). Raises OSError."""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode() if kind else None, ctypes.c_ulong(flags),
        data.encode() if data else None,
    )  # fmt: skip
    _check(result, f"mount {source} at {target}")


def bind(source: str, target: str, writable: bool) -> None:
    """Mount `source`, including its submounts, at `target`; read-only throughout unless `writable`."""
    mount(source, target, None, _MS_BIND | _MS_REC)
    for point, flags in _mounts_below(os.path.realpath(target)):
        wanted = flags | _MS_NOSUID | _MS_NODEV | (0 if writable else _MS_RDONLY)
        if wanted != flags:
            mount("none", point, None, _MS_BIND | _MS_REMOUNT | wanted)


def _mounts_below(target: str) -> list[tuple[str, int]]:
    """Mount points at and below `target`, with their flags."""
    found: dict[str, int] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        point = fields[4].encode().decode("unicode_escape")
        if point == target or point.startswith(f"{target}/"):
            found[point] = sum(_FLAG_OF_OPTION.get(option, 0) for option in fields[5].split(","))
    return list(found.items())


def make_devices(dev: str, disks: str) -> None:
    """Set up a separate /dev: no block devices, and `disk` read-only."""
    mount("tmpfs", dev, "tmpfs", _MS_NOSUID, "mode=755,size=1m")
    for name in _DEVICES:
        Path(dev, name).touch()
        mount(f"/dev/{name}", f"{dev}/{name}", None, _MS_BIND)
    for name, content in {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        Path(dev, name).symlink_to(content)
    for name in ("pts", "shm", "disk"):
        Path(dev, name).mkdir()
    mount("devpts", f"{dev}/pts", "devpts", _MS_NOSUID | _MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    Path(dev, "ptmx").symlink_to("pts/ptmx")
    mount("tmpfs", f"{dev}/shm", "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=1777")
    bind(disks, f"{dev}/disk", writable=False)


def make_proc(proc: str) -> None:
    """Mount /proc for this namespace, with system settings read-only; no further user namespaces."""
    mount("proc", proc, "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    with contextlib.suppress(OSError):
        Path(proc, "sys/user/max_user_namespaces").write_text("0")
    for name in _PROC_READ_ONLY:
        path = f"{proc}/{name}"
        if os.path.exists(path):  # noqa: PTH110
            bind(path, path, writable=False)


def pivot(root: str) -> None:
    """Make `root` the root of this mount namespace and detach the old one."""
    os.chdir(root)
    number = _PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(f"pivot_root is not known for {os.uname().machine}; install bubblewrap")
    _check(_libc.syscall(number, b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "detach the old root")
    os.chdir("/")


def drop_capabilities() -> None:
    """Drop all capabilities permanently."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for capability in range(last + 1):
        _check(_libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0), f"drop capability {capability}")
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")

    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    nothing = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(ctypes.byref(Header(0x20080522, 0)), ctypes.byref(nothing)), "capset")


def enter(spec: dict[str, Any]) -> None:
    """Set up the namespace, then execute the command. Raises OSError."""
    root = str(spec["root"])
    with os.fdopen(int(spec["info_fd"]), "w") as info:
        json.dump({"child-pid": int(os.readlink("/proc/self"))}, info)  # noqa: PTH115
    mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    mount(root, root, None, _MS_BIND | _MS_REC)
    for source, target, writable in spec["binds"]:
        bind(source, root + target, writable)
    make_devices(f"{root}/dev", spec["devices"])
    make_proc(f"{root}/proc")
    pivot(root)
    with contextlib.suppress(OSError):
        socket.sethostname(spec["hostname"])
    drop_capabilities()
    os.execv(spec["command"][0], spec["command"])  # noqa: S606 - the caller's command


if __name__ == "__main__":
    try:
        enter(json.loads(sys.argv[1]))
    except OSError as error:
        sys.stderr.write(f"cannot make the host's namespaces: {error}\n")
        sys.exit(70)
