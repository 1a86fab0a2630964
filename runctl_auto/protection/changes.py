"""Changes of a job's protection, one line each, for the plan."""

from __future__ import annotations

from runctl_auto.protection.held import BUCKET_KEY
from runctl_auto.stack.config import Protection


def protection_notes(before: Protection | None, wanted: Protection) -> list[str]:
    """What becomes protected and what becomes unprotected."""
    old, new = _by_name(before or Protection()), _by_name(wanted)
    begins = [name for name, protect in new.items() if protect and not old.get(name, False)]
    ends = [name for name, protect in new.items() if not protect and old.get(name, False)]
    return [
        *(f"protection of {name} begins" for name in begins),
        *(f"protection of {name} ends" for name in ends),
    ]


def _by_name(protection: Protection) -> dict[str, bool]:
    volumes = {f"volume '{name}'": protect for name, protect in protection.volumes.items()}
    return {**volumes, f"the {BUCKET_KEY}": protection.bucket}
