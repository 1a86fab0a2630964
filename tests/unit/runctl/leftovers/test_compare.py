"""What exists, held against what the stacks know."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from runctl_auto.leftovers.compare import Caller, Comparison, Gone, KnownStack, compare
from runctl_auto.providers.aws.records.catalogue import KINDS
from runctl_auto.providers.resource import CloudResource
from runctl_auto.stack.state import parse_state

NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
INSTANCE, VOLUME, BUCKET = "aws:ec2/instance:Instance", "aws:ebs/volume:Volume", "aws:s3/bucket:Bucket"


def resource(token: str, identity: str) -> dict[str, Any]:
    return {"urn": f"urn::{token}::{identity}", "type": token, "id": identity, "custom": True}


def environment(**inputs: Any) -> dict[str, Any]:
    return {"urn": "urn::e", "type": "runctl:aws:TrainingEnvironment", "custom": False, "inputs": inputs}


def stack(
    *ids: tuple[str, str], job: str = "digits", busy: bool = False, pending: bool = False, **inputs: Any
) -> KnownStack:
    operations = [{"type": "creating", "resource": resource(VOLUME, "")}] if pending else []
    deployment = {
        "resources": [environment(**inputs), *(resource(*each) for each in ids)],
        "pending_operations": operations,
    }
    return KnownStack(job, parse_state(deployment), busy)


def thing(kind: str, identity: str, **more: Any) -> CloudResource:
    values: dict[str, Any] = {"job": "digits", "owner": "ann", **more}
    return CloudResource(kind, identity, "aws ...", **values)


def compared(
    *things: CloudResource, stacks: tuple[KnownStack, ...] = (), backend: str = "here"
) -> Comparison:
    caller = Caller(("ann",), backend, NOW)
    return compare(things, {each.job: each for each in stacks}, caller, KINDS.listed, kinds=KINDS)


def test_what_a_stack_holds_and_what_hangs_on_it_is_managed() -> None:
    things = (
        thing("instance", "i-1"),
        thing("spot request", "sir-1", parent="i-1"),
        thing("volume", "vol-1", parent="i-1"),
        thing("bucket", "b"),
    )
    assert compared(*things, stacks=(stack((INSTANCE, "i-1"), (BUCKET, "b")),)) == Comparison()


def test_machines_of_a_group_are_managed_with_it() -> None:
    machine = thing("instance", "i-1", parent="runctl-digits-machine-1f")
    things = (
        thing("Auto Scaling group", "runctl-digits-machine-1f"),
        machine,
        thing("spot request", "sir-1", parent="i-1"),
        thing("bucket", "b"),
        thing("multipart upload", "u", parent="b"),
    )
    held = (("aws:autoscaling/group:Group", "runctl-digits-machine-1f"), (BUCKET, "b"))
    assert compared(*things, stacks=(stack(*held),)) == Comparison()
    (orphan,) = compared(machine, stacks=(stack((BUCKET, "b")),)).orphans
    assert orphan.resource == machine, "the group is not the stack's"


def test_what_no_stack_holds_is_an_orphan_with_the_reason() -> None:
    orphans = compared(
        thing("volume", "vol-1"), thing("volume", "vol-2", job="other"), stacks=(stack((BUCKET, "b")),)
    ).orphans
    assert [(each.resource.id, each.why, each.keep) for each in orphans] == [
        ("vol-1", "job 'digits' does not hold it", None),
        ("vol-2", "there is no job 'other'", None),
    ]


def test_another_owners_thing_without_a_stack_here_is_foreign_and_with_one_an_orphan_that_stays() -> None:
    theirs = thing("volume", "vol-1", owner="bob")
    assert compared(theirs).foreign == (theirs,)
    (orphan,) = compared(theirs, stacks=(stack(),)).orphans
    assert "--owner bob" in (orphan.keep or "")


def test_what_carries_another_backends_mark_is_foreign_whoever_owns_it() -> None:
    elsewhere = thing("instance", "i-1", backend="there")
    assert compared(elsewhere).foreign == (elsewhere,)
    assert not compared(elsewhere).finds_something
    assert compared(thing("instance", "i-1", backend="here", owner="bob")).orphans


def test_what_tells_nobodys_name_belongs_to_whom_the_jobs_other_things_belong() -> None:
    theirs = thing("volume", "vol-1", owner="bob")
    group = thing("log group", "/runctl/digits/x", owner="", how="name")
    assert compared(theirs, group).foreign == (theirs, group)
    assert compared(group).orphans


def test_a_machine_or_an_interface_is_not_managed_for_being_in_a_jobs_group() -> None:
    group = thing("security group", "sg-1")
    stray = thing("instance", "i-9", how="relation", parent="sg-1")
    interface = thing("network interface", "eni-9", how="relation", parent="sg-1")
    known = stack(("aws:ec2/securityGroup:SecurityGroup", "sg-1"))
    orphans = compared(group, stray, interface, stacks=(known,)).orphans
    assert [each.resource for each in orphans] == [stray, interface]


def test_what_a_tag_protects_is_told_and_is_no_leak() -> None:
    backup = thing("snapshot", "snap-1", protected=True)
    assert compared(backup) == Comparison(protected=(backup,))
    listed = thing("volume", "vol-1")
    caller = Caller(("ann",), "here", NOW, listed=("vol-1",))
    assert compare((listed,), {}, caller, KINDS.listed, kinds=KINDS) == Comparison(protected=(listed,))


def test_things_of_a_job_that_is_being_worked_on_are_not_judged() -> None:
    fresh = thing("volume", "vol-1")
    assert compared(fresh, stacks=(stack((BUCKET, "b"), busy=True),)) == Comparison(unsettled=(fresh,))


@pytest.mark.parametrize(
    ("found", "known"),
    [
        (thing("bucket", "runctl-x", sure=False), ()),
        (thing("volume", "vol-1"), (stack(pending=True),)),
    ],
)
def test_what_is_unsure_or_open_is_told_and_not_removed(
    found: CloudResource, known: tuple[KnownStack, ...]
) -> None:
    (orphan,) = compared(found, stacks=known).orphans
    assert orphan.keep


def test_a_stack_is_gone_when_none_of_its_things_exists() -> None:
    gone = compared(stacks=(stack((INSTANCE, "i-1"), (BUCKET, "b")),)).gone
    assert gone == (Gone("digits", 2),)
    assert not compared(thing("bucket", "b"), stacks=(stack((INSTANCE, "i-1"), (BUCKET, "b")),)).gone
    assert not compared(stacks=(stack(),)).gone


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("aws:scheduler/scheduleGroup:ScheduleGroup", "schedule group"),
        ("aws:scheduler/schedule:Schedule", "schedule"),
    ],
)
def test_a_stack_of_which_only_a_schedule_is_left_is_not_gone(token: str, kind: str) -> None:
    known = stack((INSTANCE, "i-1"), (token, "timer"))
    assert not compared(thing(kind, "timer"), stacks=(known,)).gone
    assert compared(stacks=(known,)).gone == (Gone("digits", 2),)


def test_nothing_is_called_gone_that_was_not_looked_for() -> None:
    caller = Caller(("ann",), "here", NOW)
    known = {"digits": stack((BUCKET, "b"))}
    assert not compare((), known, caller, KINDS.listed - {"bucket"}, kinds=KINDS).gone


@pytest.mark.parametrize(("age", "is_over"), [(3600 + 599, False), (3600 + 601, True)])
def test_a_machine_older_than_its_jobs_limit_and_slack_is_overdue(age: int, is_over: bool) -> None:
    machine = thing("instance", "i-1", created_at=NOW - timedelta(seconds=age))
    found = compared(machine, stacks=(stack((INSTANCE, "i-1"), maxDurationSeconds=3600),))
    assert bool(found.overdue) == is_over
    assert not compared(machine, stacks=(stack((INSTANCE, "i-1")),)).overdue


def test_an_unfinished_upload_is_managed_only_while_something_may_finish_it() -> None:
    upload = thing("multipart upload", "b/k#1", parent="b", created_at=NOW - timedelta(hours=1))
    bucket = thing("bucket", "b")
    machine = thing("instance", "i-1")
    running = stack((BUCKET, "b"), (INSTANCE, "i-1"))
    assert compared(upload, bucket, machine, stacks=(running,)) == Comparison()
    ended = compared(upload, bucket, stacks=(stack((BUCKET, "b")),))
    assert [each.resource for each in ended.orphans] == [upload]
    old = replace(upload, created_at=NOW - timedelta(days=2))
    assert compared(old, bucket, machine, stacks=(running,)).orphans


def test_a_key_pair_is_known_by_its_name() -> None:
    pair = thing("key pair", "key-1", name="runctl-digits")
    known = stack(("aws:ec2/keyPair:KeyPair", "runctl-digits"))
    assert compared(pair, stacks=(known,)) == Comparison()


ROLE = ("aws:iam/role:Role", "runctl-digits-machine-1")
PROFILE = ("aws:iam/instanceProfile:InstanceProfile", "runctl-digits-machine-1")


@pytest.mark.parametrize("parent", ["", "runctl-digits-machine-1"])
def test_a_profile_with_the_name_of_a_managed_role_is_managed_by_who_holds_it_itself(parent: str) -> None:
    role, profile = thing("role", ROLE[1]), thing("instance profile", PROFILE[1], parent=parent)
    assert [each.resource for each in compared(role, profile, stacks=(stack(ROLE),)).orphans] == [profile]
    assert [each.resource for each in compared(role, profile, stacks=(stack(PROFILE),)).orphans] == [role]
    assert compared(role, profile, stacks=(stack(ROLE, PROFILE),)) == Comparison()


def test_a_profile_of_somebodys_own_with_a_managed_role_in_it_belongs_to_the_role() -> None:
    role, mine = thing("role", ROLE[1]), thing("instance profile", "mine", how="relation", parent=ROLE[1])
    assert compared(role, mine, stacks=(stack(ROLE, PROFILE),)) == Comparison()


def test_a_stack_whose_role_is_gone_is_not_there_for_a_profile_of_that_name() -> None:
    assert compared(thing("instance profile", PROFILE[1]), stacks=(stack(ROLE),)).gone == (Gone("digits", 1),)


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("aws:ec2/launchTemplate:LaunchTemplate", "launch template"),
        ("aws:ec2/placementGroup:PlacementGroup", "placement group"),
        ("aws:cloudwatch/logGroup:LogGroup", "log group"),
        ("aws:ebs/snapshot:Snapshot", "snapshot"),
        ("aws:ec2/networkInterface:NetworkInterface", "network interface"),
        ("aws:ec2/spotInstanceRequest:SpotInstanceRequest", "spot request"),
        ("aws:scheduler/schedule:Schedule", "schedule"),
        ("aws:scheduler/scheduleGroup:ScheduleGroup", "schedule group"),
    ],
)
def test_what_a_stack_holds_is_managed_whatever_its_kind(token: str, kind: str) -> None:
    assert compared(thing(kind, "x-1"), stacks=(stack((token, "x-1")),)) == Comparison()


def test_a_stack_tells_its_region_account_and_price() -> None:
    role = {**resource("aws:iam/role:Role", "r"), "outputs": {"arn": "arn:aws:iam::111122223333:role/r"}}
    known = KnownStack(
        "j", parse_state({"resources": [environment(region="eu-west-1", priceHour=0.5), role]})
    )
    assert (known.region, known.account, known.price_hour, known.max_duration) == (
        "eu-west-1",
        "111122223333",
        0.5,
        None,
    )
