"""The extra ``runctl[sandbox]``: whether the emulated cloud is installed with this runctl."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from runctl_auto.errors import SandboxError

MODULES = ("moto", "flask", "flask_cors")
"""What the extra installs and a production install does not need, by import name."""


def require_sandbox_extra(find: Callable[[str], object | None] = find_spec) -> None:
    """Raises ``SandboxError`` with the install command when the extra is not installed.

    Looks modules up without importing them. ``find`` returns None for a module that is not installed.
    """
    missing = [name for name in MODULES if find(name) is None]
    if missing:
        raise SandboxError(
            "The sandbox is not installed: this runctl has no emulated cloud.",
            where={"missing": ", ".join(missing)},
            next_step="Install it with `uv tool install 'runctl[sandbox]'`, or with "
            "`pip install 'runctl[sandbox]'` in the environment of runctl.",
        )
