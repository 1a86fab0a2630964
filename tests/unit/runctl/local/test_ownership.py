"""Whose a file is, and who else could have written it."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from types import SimpleNamespace

import pytest

from runctl_auto.local.ownership import fault_of_owner

ME, GROUP, OTHER = 1000, 1000, 4242


def status(mode: int, uid: int = ME, gid: int = GROUP) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, uid, gid, 0, 0, 0, 0))


@pytest.fixture(autouse=True)
def groups(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[str, list[str]]]:
    """By id: name and further members; the caller is `ann`, whose own group is GROUP."""
    known = {GROUP: ("ann", []), 100: ("users", []), 50: ("staff", ["ann", "bob"])}

    def group(gid: int) -> object:
        name, members = known[gid]
        return SimpleNamespace(gr_gid=gid, gr_name=name, gr_mem=members)

    def user(uid: int) -> object:
        if uid != ME:
            raise KeyError(uid)
        return SimpleNamespace(pw_name="ann", pw_gid=GROUP)

    monkeypatch.setattr(grp, "getgrgid", group)
    monkeypatch.setattr(pwd, "getpwuid", user)
    return known


@pytest.mark.parametrize("uid", [ME, 0])
def test_ones_own_and_roots_are_fine(uid: int) -> None:
    assert fault_of_owner(status(stat.S_IFDIR | 0o755, uid), ME) is None
    assert fault_of_owner(status(stat.S_IFLNK | 0o777, uid), ME) is None


@pytest.mark.parametrize("kind", [stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK])
def test_somebody_elses_is_not(kind: int) -> None:
    assert fault_of_owner(status(kind | 0o755, OTHER), ME) == "belongs to the user 4242"
    assert fault_of_owner(status(kind | 0o755, ME), 0) == "belongs to the user ann"


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_what_every_user_may_write_is_not(mode: int) -> None:
    assert fault_of_owner(status(stat.S_IFDIR | mode), ME) == "is writable by every user"
    assert fault_of_owner(status(stat.S_IFDIR | mode, 0), ME) == "is writable by every user"


def test_a_group_of_ones_own_is_fine(groups: dict[int, tuple[str, list[str]]]) -> None:
    assert fault_of_owner(status(stat.S_IFDIR | 0o775), ME) is None
    assert fault_of_owner(status(stat.S_IFDIR | 0o775, 0, 0), ME) is None
    groups[GROUP] = ("ann", ["bob"])
    assert fault_of_owner(status(stat.S_IFDIR | 0o775), ME) == "is writable by the group ann"


@pytest.mark.parametrize(("gid", "name"), [(50, "staff"), (100, "users"), (999, "999")])
def test_a_group_of_several_is_not(
    gid: int, name: str, monkeypatch: pytest.MonkeyPatch, groups: dict[int, tuple[str, list[str]]]
) -> None:
    told = f"is writable by the group {name}"
    assert fault_of_owner(status(stat.S_IFREG | 0o664, gid=gid), ME) == told
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name="ann", pw_gid=gid))
    assert fault_of_owner(status(stat.S_IFREG | 0o664, gid=gid), ME) == told


def test_the_caller_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: ME)
    assert fault_of_owner(status(stat.S_IFREG | 0o600)) is None
    assert fault_of_owner(status(stat.S_IFREG | 0o600, OTHER)) is not None
