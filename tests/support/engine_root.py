"""The Pulumi engine for tests: the one that runctl chooses."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from runctl_auto.engine.choice import Engine, choose_engine


@cache
def engine() -> Engine:
    """The engine from RUNCTL_ENGINE, PATH or `make setup`. Raises ``EngineNotFoundError``."""
    return choose_engine(None, os.environ)


def engine_root() -> Path:
    """The folder that contains ``bin/pulumi``."""
    return engine().root
