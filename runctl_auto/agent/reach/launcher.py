"""The script through which a person's commands reach the agent's bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runctl_auto.agent.reach.reach_contract import LAUNCHER, REACH
from runctl_auto.agent.start.layout import Layout, variables_of


def launcher(bundle: Path, environment: Mapping[str, str]) -> str:
    """The script at ``LAUNCHER``: what it starts finds the variables that the agent's service has."""
    lines = [f"export {name}={_quoted(value)}" for name, value in sorted(variables_of(environment).items())]
    return "\n".join(
        ["#!/bin/sh", *lines, f'exec /usr/bin/env python3 {_quoted(str(bundle))} {REACH} "$@"', ""]
    )


def launcher_path(layout: Layout) -> Path:
    return layout.resolve(LAUNCHER)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
