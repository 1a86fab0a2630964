"""Folders of the person, as the XDG base directories name them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def cache_folder(environ: Mapping[str, str]) -> Path:
    """For what can be made anew: ``$XDG_CACHE_HOME/runctl``, by default ``~/.cache/runctl``."""
    return _folder(environ, "XDG_CACHE_HOME", ".cache")


def state_folder(environ: Mapping[str, str]) -> Path:
    """For what later commands continue: ``$XDG_STATE_HOME/runctl``, by default ``~/.local/state/runctl``."""
    return _folder(environ, "XDG_STATE_HOME", ".local/state")


def _folder(environ: Mapping[str, str], variable: str, usual: str) -> Path:
    told = environ.get(variable, "")
    if Path(told).is_absolute():
        return Path(told) / "runctl"
    home = environ.get("HOME")
    return (Path(home) if home else Path.home()) / usual / "runctl"
