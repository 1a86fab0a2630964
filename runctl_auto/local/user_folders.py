"""Folders of the person, as the XDG base directories name them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def cache_folder(environ: Mapping[str, str]) -> Path:
    """For what can be made anew: ``$XDG_CACHE_HOME/runctl``, by default ``~/.cache/runctl``."""
    cache = environ.get("XDG_CACHE_HOME", "")
    if not Path(cache).is_absolute():
        home = environ.get("HOME")
        cache = str((Path(home) if home else Path.home()) / ".cache")
    return Path(cache) / "runctl"
