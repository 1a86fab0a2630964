"""Physical names for resources that the program does not name."""

from __future__ import annotations

import hashlib

from sandbox.aws.provider.resource import PhysicalName

_DIGITS = 7


def physical_name(rule: PhysicalName, logical_name: str, prefix: str | None, seed: bytes) -> str:
    """A name within the service's limit: the same for the same seed."""
    stem = prefix if prefix else (f"{logical_name}-" if rule.hashed else logical_name)
    stem = stem.lower() if rule.lower else stem
    if not rule.hashed and not prefix:
        return stem[: rule.longest]
    digits = hashlib.sha256(seed + logical_name.encode()).hexdigest()[:_DIGITS]
    return f"{stem[: rule.longest - _DIGITS]}{digits}"
