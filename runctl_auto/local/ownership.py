"""Who may change a file or folder: whether it is safe to act on what it says."""

from __future__ import annotations

import grp
import os
import pwd
import stat

_ROOT = 0


def fault_of_owner(status: os.stat_result, caller: int | None = None) -> str | None:
    """Why somebody else than ``caller`` (a user id, by default that of this process) or root could have
    written it; None when nobody could.

    Access for a group is accepted for root's own group, and for a group that carries its owner's name and has
    no other member, as systems with one group a user create them.
    """
    foreign = foreign_owner(status, caller)
    if foreign is not None:
        return foreign
    if stat.S_ISLNK(status.st_mode):  # its mode says nothing; nobody but its owner can change it
        return None
    if status.st_mode & stat.S_IWOTH:
        return "is writable by every user"
    if status.st_mode & stat.S_IWGRP and not _is_private_group(status.st_gid, status.st_uid):
        return f"is writable by the group {_group(status.st_gid)}"
    return None


def foreign_owner(status: os.stat_result, caller: int | None = None) -> str | None:
    """Whose it is, when that is neither ``caller`` nor root."""
    if status.st_uid in (os.geteuid() if caller is None else caller, _ROOT):
        return None
    return f"belongs to {_user(status.st_uid)}"


def _is_private_group(gid: int, uid: int) -> bool:
    if gid == _ROOT:
        return True
    try:
        owner, group = pwd.getpwuid(uid), grp.getgrgid(gid)
    except KeyError:
        return False
    is_own = group.gr_gid == owner.pw_gid and group.gr_name == owner.pw_name
    return is_own and set(group.gr_mem) <= {owner.pw_name}


def _user(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user {uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
