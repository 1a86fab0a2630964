"""What a full life calls at the cloud is what the policies of ``runctl permissions`` are made of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.cloud_points import CloudPoints
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.machine_events import interrupt
from support.runctl_cli import Runctl
from support.waiting import wait_for_step

from runctl_auto.permissions.document import calls_of

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

# Clients of the person's side and of the provider say so; the agent on a machine has a role of its own.
NOT_THE_AGENT = "Botocore"
WITH_SCHEDULE = {"RUNCTL_AWS_END_SCHEDULE": "true"}


def test_a_full_life_calls_what_is_granted_and_nothing_else(runctl: Runctl, cloud_url: str) -> None:
    points = CloudPoints(cloud_url)
    points.count(caller=NOT_THE_AGENT, reads=True)
    volume = {"name": "data", "size": "10GB", "mount": "/data"}
    env = {"STEPS": "9", "HOLD_AT": "4"}
    changes: dict[str, Any] = {
        "env": env,
        "volumes": [volume],
        "secrets": ["GRANTED"],
        "tags": {"team": "nlp"},
    }
    person = Runctl(runctl.folder, {"GRANTED": "first value", **WITH_SCHEDULE})

    person("up", str(write_job(runctl.folder, "granted", **changes)), "--yes", "--detach")
    wait_for_step(runctl, "granted", 4)
    volume["size"] = "12GB"
    env |= {"HOLD_AT": "6", "HOLD_STARTS": "2"}
    changes["tags"] = {"group": "nlp"}
    person = Runctl(runctl.folder, {"GRANTED": "second value", **WITH_SCHEDULE})
    changed = write_job(runctl.folder, "granted", message="better", **changes)
    replacing = person.start("up", str(changed), "--yes")
    try:
        wait_for_step(runctl, "granted", 6)
        interrupt(cloud_url, runctl.json("outputs", "granted")["instanceId"], notice_seconds=6)
        out, err = replacing.communicate(timeout=150)
    finally:
        replacing.kill()
    assert replacing.returncode == 0, out + err
    for look in ("ls", "doctor"):
        runctl(look, code=None)
    for look in ("status", "logs", "describe"):
        runctl(look, "granted")
    runctl("down", "granted", "--yes")
    runctl("leaks", code=None)
    called = set(points.seen())
    points.clear()
    assert leaks("granted", cloud_url) == []

    granted = calls_of("apply", seen=True)
    print(f"{len(called)} kinds of calls made, {len(granted)} granted")
    differences = {
        "made and not granted": sorted(called - granted),
        "granted and never made": sorted(granted - called),
    }
    assert not any(differences.values()), json.dumps(differences, indent=1)
