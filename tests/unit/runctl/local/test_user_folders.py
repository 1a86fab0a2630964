"""Where a person's caches are."""

from __future__ import annotations

from pathlib import Path

from runctl_auto.local.user_folders import cache_folder


def test_the_cache_is_in_the_home_unless_it_is_named() -> None:
    assert cache_folder({"HOME": "/home/a"}) == Path("/home/a/.cache/runctl")
    assert cache_folder({"XDG_CACHE_HOME": "/c", "HOME": "/home/a"}) == Path("/c/runctl")
    assert cache_folder({"XDG_CACHE_HOME": "c", "HOME": "/home/a"}) == Path("/home/a/.cache/runctl")
    assert cache_folder({}) == Path.home() / ".cache" / "runctl"
