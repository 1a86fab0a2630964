"""The Pulumi engine that tests run: the one that runctl chooses."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from runctl_auto.engine.choice import Engine, choose_engine


@cache
def engine() -> Engine:
    """The engine, by RUNCTL_ENGINE, PATH or `make setup`. Raises ``EngineNotFoundError``."""
    return choose_engine(None, os.environ)


def engine_root() -> Path:
    """The folder with ``bin/pulumi``."""
    return engine().root
