"""The program on an engine and the emulated cloud: made, the same again, changed, ended, gone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import Any

import pytest
from support.due_schedules import bring_forward, due_of

from runctl_auto.agent.contract import DEADLINE_SLACK_SECONDS
from runctl_auto.agent.keys import spec_key, status_key
from runctl_auto.packaging.package import package_code
from runctl_auto.packaging.work_files import walk_work_folder
from runctl_auto.protection.wanted import wanted_protection
from runctl_auto.run.identity import choose_run

pytestmark = pytest.mark.sandbox

INSTANCE = "aws:ec2/instance:Instance"


def of_cloud(resources: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Physical ids of everything in the state that is in the cloud, by logical name."""
    return {
        name: each["id"]
        for name, each in resources.items()
        if each["type"].startswith("aws:") and each["custom"]
    }


def changed(stack: Any, before: dict[str, str], after: dict[str, str]) -> set[str]:
    """What was made, replaced or deleted, by logical name without the job's."""
    return {
        name.removeprefix(stack.name)
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
    }


def new_code(stack: Any) -> None:
    """Configure the run that changed code makes."""
    (stack.project / "work" / "train.py").write_text("print('other')\n")
    code = package_code(walk_work_folder(stack.project / "work"), stack.project / ".runctl" / "packages")
    run = choose_run(
        stack.config.job,
        code_sha256=code.sha256,
        agent_sha256=stack.config.run.agent_sha256,
        previous=stack.config.run,
        previous_status=None,
    )
    stack.configure(replace(stack.config, run=run))


def end_run(stack: Any, phase: str) -> None:
    """Write what the agent writes last."""
    stack.world.client("s3").put_object(
        Bucket=stack.outputs()["bucket"],
        Key=status_key(stack.config.run.id),
        Body=json.dumps({"schema": 1, "phase": phase}).encode(),
    )


@pytest.mark.matrix
def test_a_job_is_made_kept_changed_ended_and_gone(stack: Any) -> None:
    stack.configure(replace(stack.config, end_schedule=True))
    stack.up()
    first = of_cloud(stack.resources())
    _check_the_machine(stack)
    _check_the_schedule(stack, first)
    stack.unchanged("--refresh")

    stack.change(tags={"team": "vision"}, budget=20.0)
    stack.up()
    assert of_cloud(stack.resources()) == first, "what does not change what runs leaves everything in place"

    first_run = stack.config.run.id
    new_code(stack)
    stack.up()
    second = of_cloud(stack.resources())
    assert changed(stack, first, second) == {
        *("-machine-instance", "-data-attachment", "-code", "-spec"),
        *("-end-group", "-end-schedule"),
    }
    _check_the_schedule(stack, second)
    _check_that_the_volume_moved(stack, first, second)
    assert spec_key(first_run) not in keys(stack)

    shutil.rmtree(stack.project / ".runctl" / "packages")
    stack.unchanged()
    assert len(list((stack.project / ".runctl" / "packages").iterdir())) == 2, "fetched back from the bucket"

    stack.change(volumes=[{"name": "cache", "size": 1, "mount": "/cache"}])
    stack.up()
    third = of_cloud(stack.resources())
    assert changed(stack, second, third) == {
        "-machine-instance",
        *("-data-attachment", "-data-volume"),
        *("-cache-attachment", "-cache-volume"),
        *("-end-group", "-end-schedule"),
    }, "other volumes are another machine, and one that goes is not held by the old one"

    _let_the_schedule_end_the_machine(stack, third)
    end_run(stack, "failed")
    stack.up()
    ended = of_cloud(stack.resources())
    assert changed(stack, third, ended) == {
        *("-machine-instance", "-machine-template", "-cache-attachment"),
        *("-end-group", "-end-role", "-end-policy", "-end-schedule"),
    }
    assert "instanceId" not in stack.outputs()
    assert status_key(stack.config.run.id) in keys(stack)
    stack.unchanged()

    bucket = stack.outputs()["bucket"]
    stack.destroy()
    assert stack.resources() == {}
    assert bucket not in [each["Name"] for each in stack.world.client("s3").list_buckets()["Buckets"]]
    volumes = stack.world.client("ec2").describe_volumes()["Volumes"]
    assert ended[f"{stack.name}-cache-volume"] not in [each["VolumeId"] for each in volumes]
    groups = stack.world.client("scheduler").list_schedule_groups()["ScheduleGroups"]
    assert [each["Name"] for each in groups] == ["default"]


def _check_the_schedule(stack: Any, made: dict[str, str]) -> None:
    """It is for this machine, after the machine's own deadline, and belongs to a group of the job's."""
    scheduler = stack.world.client("scheduler")
    identity = made[f"{stack.name}-end-schedule"]
    group, name = identity.split("/")
    assert group == made[f"{stack.name}-end-group"]
    target = scheduler.get_schedule(GroupName=group, Name=name)["Target"]
    assert json.loads(target["Input"]) == {"InstanceIds": [made[f"{stack.name}-machine-instance"]]}
    described = scheduler.get_schedule_group(Name=group)
    limit = stack.config.job.max_duration + DEADLINE_SLACK_SECONDS
    assert due_of(scheduler, identity) - int(described["CreationDate"].timestamp()) > limit
    tags = {each["Key"]: each["Value"] for each in _tags(scheduler, described["Arn"])}
    assert tags.items() >= {"runctl:job": stack.name, "runctl:owner": "someone@example.org"}.items()


def _tags(scheduler: Any, arn: str) -> list[dict[str, str]]:
    return list(scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"])


def _let_the_schedule_end_the_machine(stack: Any, made: dict[str, str]) -> None:
    machine = made[f"{stack.name}-machine-instance"]
    bring_forward(stack.world.client("scheduler"), made[f"{stack.name}-end-schedule"], 1)
    waiter = stack.world.client("ec2").get_waiter("instance_terminated")
    waiter.wait(InstanceIds=[machine], WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def _check_the_machine(stack: Any) -> None:
    outputs = stack.outputs()
    assert outputs["runId"] == stack.config.run.id
    assert list(outputs["volumes"]) == ["data"]
    found = stack.world.client("ec2").describe_instances(InstanceIds=[outputs["instanceId"]])
    (machine,) = found["Reservations"][0]["Instances"]
    assert machine["InstanceLifecycle"] == "spot"
    assert machine["MetadataOptions"]["HttpTokens"] == "required"
    tags = {tag["Key"]: tag["Value"] for tag in machine["Tags"]}
    assert (
        tags.items()
        >= {
            "runctl:job": stack.name,
            "runctl:owner": "someone@example.org",
            "runctl:run": stack.config.run.id,
            "team": "nlp",
        }.items()
    )


def _check_that_the_volume_moved(stack: Any, before: dict[str, str], after: dict[str, str]) -> None:
    machine = f"{stack.name}-machine-instance"
    ec2 = stack.world.client("ec2")
    old = ec2.describe_instances(InstanceIds=[before[machine]])["Reservations"][0]["Instances"][0]
    assert old["State"]["Name"] == "terminated"
    (volume,) = ec2.describe_volumes(VolumeIds=[after[f"{stack.name}-data-volume"]])["Volumes"]
    assert [each["InstanceId"] for each in volume["Attachments"]] == [after[machine]]


@pytest.mark.matrix
def test_what_is_protected_is_kept_and_serves_the_next_machine(stack: Any) -> None:
    stack.change(volumes=[{"name": "data", "size": 1, "mount": "/data", "protect": True}])
    stack.configure(replace(stack.config, protection=wanted_protection(stack.config.job)))
    stack.up()
    volume = stack.outputs()["volumes"]["data"]

    stack.destroy("--exclude-protected")
    assert of_cloud(stack.resources()) == {f"{stack.name}-data-volume": volume}

    stack.up()
    assert stack.outputs()["volumes"] == {"data": volume}

    lost = stack.outputs()["instanceId"]
    ec2 = stack.world.client("ec2")
    ec2.terminate_instances(InstanceIds=[lost])
    ec2.get_waiter("instance_terminated").wait(
        InstanceIds=[lost], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    stack.up("--refresh")
    outputs = stack.outputs()
    assert outputs["instanceId"] != lost, "a lost machine is drift that refresh and up repair"
    assert outputs["volumes"] == {"data": volume}


def test_nothing_in_the_persons_folder_shadows_the_program(stack: Any) -> None:
    for name in ("components", "runctl_auto", "policies", "stacks"):
        (stack.workspace / name).mkdir()
        (stack.workspace / name / "__init__.py").write_text("raise SystemExit('shadowed')\n")
    shadowing = replace(stack.world, env={**stack.world.env, "PYTHONPATH": str(stack.workspace)})
    replace(stack, world=shadowing).pulumi("preview", "--stack", stack.name)

    stack.pulumi("config", "rm", "runctl:placement", "--stack", stack.name)
    said = stack.pulumi("preview", "--stack", stack.name, succeeds=False)
    assert "the stack's configuration lacks runctl:placement" in said
    assert "runctl up JOB.yaml" in said
    assert "Traceback" not in said


def keys(stack: Any) -> list[str]:
    found = stack.world.client("s3").list_objects_v2(Bucket=stack.outputs()["bucket"])
    return [each["Key"] for each in found["Contents"]]
