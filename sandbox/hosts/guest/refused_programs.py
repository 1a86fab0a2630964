"""Programs that would affect the machine itself: rejected by name."""

from __future__ import annotations

from sandbox.hosts.guest.stand_in import UsageError


def main(name: str, _arguments: list[str]) -> int:
    raise UsageError(f"'{name}' is not supported by sandbox hosts")
