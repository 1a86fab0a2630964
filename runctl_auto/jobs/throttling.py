"""Waits while the cloud throttles, for what nobody would repeat."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from runctl_auto.errors import ThrottledError
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.jobs.session import Time

PAUSES_SECONDS = (5.0, 15.0, 30.0, 60.0)
"""Each call has been repeated a few times before, within seconds."""

Result = TypeVar("Result")


def past_throttling(attempt: Callable[[], Result], reporter: Reporter, time: Time) -> Result:
    """What ``attempt`` comes to, repeated with growing pauses while the cloud throttles it. Blocks for about
    two minutes, then raises ``ThrottledError``."""
    for seconds in PAUSES_SECONDS:
        try:
            return attempt()
        except ThrottledError as error:
            reporter.say(f"{error.what.removesuffix('.')}; trying again in {seconds:.0f} s")
            time.sleep(seconds)
    return attempt()
