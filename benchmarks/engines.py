"""The engines to measure: the embedded one and, when PATH has it, Pulumi's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
EMBEDDED = CHECKOUT / "sandbox" / "engine"


def engines() -> dict[str, Path]:
    """Name to root (the folder above `bin`); the embedded engine first, Pulumi's own with its version."""
    found = {"embedded": EMBEDDED}
    pulumi = _pulumi_outside_the_checkout()
    if pulumi is None:
        print("no pulumi on PATH but the embedded one: it is measured alone")
        return found
    version = subprocess.run([pulumi, "version"], capture_output=True, text=True, check=True).stdout.strip()
    return {**found, f"pulumi {version}": pulumi.parents[1]}


def _pulumi_outside_the_checkout() -> Path | None:
    for folder in os.get_exec_path():
        candidate = Path(folder) / "pulumi"
        if not os.access(candidate, os.X_OK) or candidate.parent.name != "bin":
            continue
        if not candidate.resolve().is_relative_to(CHECKOUT) and "sandbox/engine" not in str(
            candidate.resolve()
        ):
            return candidate
    return None
