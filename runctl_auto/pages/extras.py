"""The extras that pages need: whether they are installed."""

from __future__ import annotations

from runctl_auto.errors import ExtraMissingError
from runctl_auto.local.extras import installed_with, missing_modules

_MODULES = {"dashboard": ("jinja2", "starlette", "uvicorn"), "top": ("textual",)}


def require(command: str) -> None:
    """Raises ``ExtraMissingError`` unless what ``runctl dashboard`` or ``runctl top`` needs is installed."""
    missing = missing_modules(_MODULES[command])
    if missing:
        raise ExtraMissingError(
            f"`runctl {command}` needs libraries that are not installed.",
            where=missing,
            next_step=f"Install them with {installed_with(command)}",
        )
