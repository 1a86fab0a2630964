"""Settings of all tests."""

from __future__ import annotations

import gc
import signal

import pytest
from hypothesis import HealthCheck, settings

# A shell starts a background command with SIGINT ignored, and `nohup` ignores SIGHUP. Processes that a test
# starts would inherit that; a signal that is handled here has its default in them.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)

# A busy machine is slow: how long an example takes says nothing about the code.
settings.register_profile("runctl", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("runctl")


@pytest.fixture(scope="module", autouse=True)
def small_collections() -> None:
    """Garbage collections look at the objects of one module: at those of a whole suite they take seconds."""
    gc.collect()
    gc.freeze()
