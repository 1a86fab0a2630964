"""Waits for capacity when every place has refused, as the job's ``retry`` allows.

Nothing is held while it waits: no claim, no engine, no machine. A command that is killed meanwhile leaves the
job as one whose places all refused, and another command may work on it, or end it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from runctl_auto.errors import NoCapacityError, TooManyJobsError
from runctl_auto.job_file.spec import Retry
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.jobs.session import Time

FIRST_WAIT_SECONDS = 15.0
LONGEST_WAIT_SECONDS = 300.0
_EVENT = "no-capacity"

Result = TypeVar("Result")


def until_capacity(
    first: Callable[[], Result],
    again: Callable[[], Result],
    *,
    retry: Retry | None,
    reporter: Reporter,
    time: Time,
) -> Result:
    """What ``first`` comes to, or ``again`` when all places refused, repeated with growing waits until one
    has capacity. Blocks for at most ``retry.duration``, without one as long as it takes.

    Raises ``NoCapacityError`` with the trail of all attempts when that time is over, or at once when the job
    does not ask to wait; so it does when no place came into question, which waiting does not change.
    """
    began = time.monotonic()
    try:
        return first()
    except NoCapacityError as error:
        if retry is None or _EVENT not in retry.on_events or not error.trail:
            raise
        last = error
    wait = FIRST_WAIT_SECONDS
    while True:
        left = None if retry.duration is None else retry.duration - (time.monotonic() - began)
        if left is not None and left <= 0:
            raise _over(last, retry.duration or 0)
        pause = wait if left is None else min(wait, left)
        reporter.say(f"no place has capacity; trying again in {_span(pause)}{_limit(left)}")
        time.sleep(pause)
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)
        try:
            return again()
        except NoCapacityError as error:
            last = error if error.trail else last
        except TooManyJobsError as error:
            reporter.say(f"not yet: {error.what}")


def _over(last: NoCapacityError, seconds: float) -> NoCapacityError:
    over = NoCapacityError(
        f"{last.what.removesuffix('.')}; retry.duration is over after {_span(seconds)}.",
        trail=last.trail,
        code=last.code,
        where=last.where,
        next_step=last.next_step,
    )
    over.__cause__ = last
    return over


def _limit(left: float | None) -> str:
    return "" if left is None else f", for {_span(left)} more"


def _span(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3 h 20 min``."""
    whole = max(1, round(seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes >= 2 else f"{whole} s"
