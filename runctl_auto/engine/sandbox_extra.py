"""The extra ``runctl[sandbox]``: whether the emulated cloud is installed with this runctl."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from runctl_auto.errors import SandboxError
from runctl_auto.local.extras import installed_with, missing_modules

MODULES = ("moto", "flask", "flask_cors")
"""What the extra installs and a production install does not need, by import name."""


def require_sandbox_extra(find: Callable[[str], object | None] = find_spec) -> None:
    """Raises ``SandboxError`` with the install command when the extra is not installed."""
    missing = missing_modules(MODULES, find)
    if missing:
        raise SandboxError(
            "The sandbox is not installed: this runctl has no emulated cloud.",
            where=missing,
            next_step=f"Install it with {installed_with('sandbox')}",
        )
