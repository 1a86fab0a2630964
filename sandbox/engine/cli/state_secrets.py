"""The secrets manager of a stack as its settings and its state together determine it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.engine.secrets.manager import PASSPHRASE


def salt_of(document: Mapping[str, Any] | None) -> str | None:
    """The passphrase salt that a deployment document names, None when it names none."""
    provider = (document or {}).get("secrets_providers") or {}
    if provider.get("type") != PASSPHRASE:
        return None
    salt = (provider.get("state") or {}).get("salt")
    return salt if isinstance(salt, str) else None
