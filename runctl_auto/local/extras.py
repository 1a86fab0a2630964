"""Optional extras of runctl: which of their modules are missing, and how an extra is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec


def missing_modules(
    modules: Sequence[str], find: Callable[[str], object | None] = find_spec
) -> dict[str, str]:
    """``{"missing": names}`` for the ``where`` of an error; empty when all are installed.

    Looks modules up without importing them. ``find`` returns None for a module that is not installed.
    """
    names = [name for name in modules if find(name) is None]
    return {"missing": ", ".join(names)} if names else {}


def installed_with(extra: str) -> str:
    """The commands that install ``extra``, to follow "Install it with"."""
    return (
        f"`uv tool install 'runctl[{extra}]'`, or with `pip install 'runctl[{extra}]'` in the environment of "
        "runctl."
    )
