"""Programs that would act on the machine itself: refused by name."""

from __future__ import annotations

from sandbox.hosts.guest.stand_in import UsageError


def main(name: str, _arguments: list[str]) -> int:
    raise UsageError(f"'{name}' is not supported by sandbox hosts")
