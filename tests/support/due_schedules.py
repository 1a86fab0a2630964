"""Moves a schedule's time forward, as with the AWS CLI; the rest of the schedule is unchanged."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

KEPT = ("ActionAfterCompletion", "Description", "FlexibleTimeWindow", "GroupName", "Name", "State", "Target")


def bring_forward(scheduler: Any, identity: str, seconds: float) -> float:
    """Make the schedule ``GROUP/NAME`` due in ``seconds``; return that time in seconds since 1970."""
    group, name = identity.split("/")
    held = scheduler.get_schedule(GroupName=group, Name=name)
    due = int(time.time() + seconds)
    moment = datetime.fromtimestamp(due, tz=timezone.utc)
    scheduler.update_schedule(
        ScheduleExpression=f"at({moment.strftime('%Y-%m-%dT%H:%M:%S')})",
        ScheduleExpressionTimezone="UTC",
        **{key: held[key] for key in KEPT},
    )
    return float(due)


def due_of(scheduler: Any, identity: str) -> float:
    """When the schedule ``GROUP/NAME`` is due, in seconds since 1970."""
    group, name = identity.split("/")
    text = scheduler.get_schedule(GroupName=group, Name=name)["ScheduleExpression"]
    moment = datetime.strptime(text, "at(%Y-%m-%dT%H:%M:%S)")
    return moment.replace(tzinfo=timezone.utc).timestamp()
