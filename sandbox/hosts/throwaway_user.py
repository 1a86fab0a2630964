"""User ids for hosts without namespaces: each host has its own, not used by anyone else on this machine."""

from __future__ import annotations

import contextlib
import pwd
import random
from collections.abc import Iterable
from pathlib import Path

_WIDE = range(0x70000000, 0x7FFFFFFF)
"""Not assigned by any convention; wide enough that two sandboxes do not choose the same one."""
_NARROW = range(61184, 65520)
"""For containers with only 65536 user ids; systemd also reserves these for dynamic users."""
_TRIES = 1000


def free_uid(taken: Iterable[int], choose: random.Random | None = None) -> int:
    """A user id that does not exist, is not in use and not `taken`. Raises OSError if none is found."""
    used = {*taken, *(entry.pw_uid for entry in pwd.getpwall()), *_users_of_processes()}
    uid_map = Path("/proc/self/uid_map").read_text()
    candidates = next((users for users in (_WIDE, _NARROW) if _is_known(users[-1], uid_map)), None)
    if candidates is None:
        raise OSError(
            "this container knows too few users for hosts without namespaces (see /proc/self/uid_map); "
            "start the sandbox as an ordinary user"
        )
    chooser = choose or random.SystemRandom()
    for _ in range(_TRIES):
        uid = chooser.choice(candidates)
        if uid not in used:
            return uid
    raise OSError("no unused user id is left for a host; end some of the processes that use them")


def _is_known(uid: int, uid_map: str) -> bool:
    """Whether the uid is mapped in this user namespace."""
    for line in uid_map.splitlines():
        first, _, count = (int(word) for word in line.split())
        if first <= uid < first + count:
            return True
    return False


def _users_of_processes() -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                found.add(entry.stat().st_uid)
    return found
