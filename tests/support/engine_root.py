"""Finds the Pulumi engine that tests run against."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "RUNCTL_TEST_ENGINE"
"""Names an engine's root folder, the one with ``bin/pulumi``; wins over the engine that runctl chooses."""


def engine_root() -> Path:
    """The root folder of the engine. Raises ``FileNotFoundError`` when it holds no ``bin/pulumi``."""
    given = os.environ.get(VARIABLE)
    root = Path(given) if given else _chosen_root()
    if not os.access(root / "bin" / "pulumi", os.X_OK):
        raise FileNotFoundError(
            f"no engine at {root / 'bin' / 'pulumi'}; run `make setup`, or set {VARIABLE}"
        )
    return root


def _chosen_root() -> Path:
    try:
        from runctl_auto.engine.choice import choose_engine
    except ImportError:
        from runctl_auto.engine.environment import choose_engine
    from runctl_auto.settings.sources import load_settings

    return Path(choose_engine(load_settings(Path.cwd(), os.environ), os.environ).root)
