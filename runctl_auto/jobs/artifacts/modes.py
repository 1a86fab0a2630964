"""Modes at home of files that come from a machine.

They belong to whoever fetches them, whatever their manifest says: they run as nobody else, nobody else may
write them, and their owner can read them, for what cannot be read cannot be verified, nor fetched again.
"""

from __future__ import annotations

_TAKEN_OVER = 0o755


def mode_of_file(mode: int) -> int:
    return mode & _TAKEN_OVER | 0o400


def mode_of_folder(mode: int) -> int:
    return mode & _TAKEN_OVER | 0o700
