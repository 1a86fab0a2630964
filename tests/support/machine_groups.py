"""The Auto Scaling group of a job, as the cloud tells it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from support.emulated_cloud import client
from support.runctl_cli import Runctl

from components.machine_group import END_ACTION


class Group:
    """The group of a job, as the cloud tells it."""

    def __init__(self, runctl: Runctl, job: str, cloud_url: str) -> None:
        self.name = str(runctl.json("outputs", job)["groupName"])
        self.service = client(cloud_url, "autoscaling")
        self.ec2 = client(cloud_url, "ec2")

    def now(self) -> dict[str, Any]:
        (found,) = self.service.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])[
            "AutoScalingGroups"
        ]
        return dict(found)

    @property
    def wanted(self) -> int:
        return int(self.now()["DesiredCapacity"])

    def machine(self) -> str:
        """The machine that the group has, once it has one."""
        until(lambda: bool(self.now()["Instances"]))
        return str(self.now()["Instances"][0]["InstanceId"])

    def end_in(self, seconds: float) -> None:
        """Brings the latest end forward."""
        due = datetime.fromtimestamp(time.time() + seconds, tz=timezone.utc)
        self.service.put_scheduled_update_group_action(
            AutoScalingGroupName=self.name,
            ScheduledActionName=END_ACTION,
            StartTime=due,
            MinSize=0,
            DesiredCapacity=0,
        )

    def has_ended(self) -> bool:
        now = self.now()
        return int(now["DesiredCapacity"]) == 0 and not now["Instances"]

    def launched(self) -> list[str]:
        """All machines that it ever launched."""
        activities = self.service.describe_scaling_activities(AutoScalingGroupName=self.name)["Activities"]
        words = (each["Description"].split() for each in activities if each["StatusCode"] == "Successful")
        return [each[-1] for each in words if each[0] == "Launching"]

    def failures(self) -> list[str]:
        """Why launches failed, and where, in the cloud's words."""
        activities = self.service.describe_scaling_activities(AutoScalingGroupName=self.name)["Activities"]
        return [
            f"{each['Details']} {each['StatusMessage']}"
            for each in activities
            if each["StatusCode"] == "Failed"
        ]


def until(holds: Callable[[], bool], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"it was not so within {seconds} s"
        time.sleep(0.5)
