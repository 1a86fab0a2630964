"""Prints lines that hold text of clouds, buckets and jobs: one line each, whatever the text holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runctl_auto.local.printable import printable

if TYPE_CHECKING:
    from runctl_auto.cli.console import Console


def printer(console: Console) -> Callable[[str], None]:
    """Prints one line of a result; line breaks and control characters in it are shown as such."""
    return lambda text: console.line(printable(text))
