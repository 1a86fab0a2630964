"""Brings a schedule's time forward as a person with the AWS CLI would; nothing else of it changes."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

KEPT = ("ActionAfterCompletion", "Description", "FlexibleTimeWindow", "GroupName", "Name", "State", "Target")


def bring_forward(scheduler: Any, identity: str, seconds: float) -> float:
    """The schedule ``GROUP/NAME`` is due ``seconds`` from now; gives that time since 1970."""
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
