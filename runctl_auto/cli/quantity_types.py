"""Types of options whose values are quantities, written as in a job file."""

from __future__ import annotations

from typing import Any

import click


class Size(click.ParamType[int]):
    """A size such as ``100GB`` or ``2TB``; whole GB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from runctl_auto.job_file.quantities import SIZE_FORM, parse_size_gb

        try:
            return parse_size_gb(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}; give {SIZE_FORM}.", param, ctx)


class Duration(click.ParamType[int]):
    """A duration such as ``30s``, ``12h`` or ``1h30m``; whole seconds. ``or_none``: also 0."""

    name = "duration"

    def __init__(self, *, or_none: bool = False) -> None:
        self._or_none = or_none

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from runctl_auto.job_file.quantities import DURATION_FORM, parse_duration_seconds

        if self._or_none and value in ("0", "0s"):
            return 0
        try:
            return parse_duration_seconds(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}; give {DURATION_FORM}.", param, ctx)
