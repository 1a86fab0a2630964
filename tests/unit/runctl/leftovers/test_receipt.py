"""The receipt tells deleted, kept and why."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from runctl_auto.leftovers.archive import store
from runctl_auto.leftovers.receipt import Blocked, Kept, Leak, Receipt, deleted_between, kept_in, leak_of
from runctl_auto.providers.resource import CloudResource, Unchecked
from runctl_auto.stack.state import StackState, parse_state


def resource(name: str, token: str = "aws:ebs/volume:Volume", **more: Any) -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:j::runctl::{token}::{name}",
        "type": token,
        "id": f"id-{name}",
        "custom": True,
        **more,
    }


def state(*resources: dict[str, Any]) -> StackState:
    return parse_state({"resources": list(resources)})


def test_deleted_is_what_was_there_and_is_not_any_more() -> None:
    before = state(resource("a"), resource("b"), resource("p", "pulumi:providers:aws"))
    after = state(resource("b"))
    assert [(each.name, each.id) for each in deleted_between(before, after)] == [("a", "id-a")]


def test_a_replaced_thing_counts_as_deleted() -> None:
    before = state(resource("a", id="old"))
    after = state(resource("a", id="new"))
    assert [each.id for each in deleted_between(before, after)] == ["old"]


def test_kept_things_say_why() -> None:
    guard = resource("guard", "aws:s3/bucketPolicy:BucketPolicy")
    bucket = resource("bucket", "aws:s3/bucket:Bucket", protect=True, dependencies=[guard["urn"]])
    forgotten = resource("forgotten")
    told = {each.name: each.why for each in kept_in(state(guard, bucket, forgotten))}
    assert told == {
        "guard": "needed by bucket, which is protected",
        "bucket": "protected",
        "forgotten": "not deleted",
    }


def test_components_and_what_others_manage_are_not_listed() -> None:
    component = {"urn": "urn:x::runctl:aws:DataVolume::d", "type": "runctl:aws:DataVolume", "custom": False}
    foreign = resource("foreign", external=True)
    assert kept_in(state(component, foreign)) == ()


def test_as_json_says_whether_nothing_is_left() -> None:
    clean = Receipt("j", (), (), (), stack_removed=True)
    assert clean.as_json()["nothing_left"] is True
    assert Receipt("j", (), (Kept("t", "n", "i", "protected"),), (), False).as_json()["nothing_left"] is False
    leaked = Receipt("j", (), (), (Leak("volume", "vol-1", "aws ..."),), False).as_json()
    assert leaked["nothing_left"] is False
    assert leaked["leaked"] == [
        {
            "kind": "volume",
            "id": "vol-1",
            "remove": "aws ...",
            "name": "",
            "age_seconds": None,
            "cost_hour": None,
            "how": "tag",
        }
    ]
    unseen = Receipt("j", (), (), (), False, unchecked=(Unchecked("role", "denied"),)).as_json()
    assert unseen["nothing_left"] is False


def test_a_leak_tells_its_age_and_an_unknown_one_as_unknown() -> None:
    now = datetime(2030, 1, 2, tzinfo=timezone.utc)
    volume = CloudResource("volume", "vol-1", "aws ...", created_at=now - timedelta(hours=1), cost_hour=0.01)
    assert leak_of(volume, now).age_seconds == 3600
    assert leak_of(CloudResource("security group", "sg-1", "aws ..."), now).age_seconds is None


def test_receipts_are_kept_one_a_teardown(tmp_path: Path) -> None:
    at = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    receipt = Receipt("digits", (), (), (), stack_removed=True)
    first = store(receipt, tmp_path, at)
    second = store(receipt, tmp_path, at + timedelta(seconds=1))
    assert first == tmp_path / "receipts" / "digits" / "20300102T030405.000000Z.json"
    assert sorted(first.parent.iterdir()) == [first, second]
    assert json.loads(first.read_text()) == receipt.as_json()


def test_what_could_not_be_deleted_is_not_kept_on_purpose_and_what_it_needs_says_so() -> None:
    profile = resource("profile", "aws:iam/instanceProfile:InstanceProfile")
    machine = resource("machine", "aws:ec2/instance:Instance", dependencies=[profile["urn"]])
    left = state(profile, machine)
    blocked = Blocked(machine["urn"], machine["type"], "machine", "i-1", "protected", "Undo it.")
    assert [(each.name, each.why) for each in kept_in(left, [blocked])] == [
        ("profile", "needed by machine, which could not be deleted")
    ]
    receipt = Receipt("j", (), kept_in(left, [blocked]), (), False, blocked=(blocked,))
    assert not receipt.is_complete
    assert receipt.as_json()["blocked"] == [
        {
            "type": "aws:ec2/instance:Instance",
            "name": "machine",
            "id": "i-1",
            "why": "protected",
            "code": None,
            "held_by": [],
            "next_step": "Undo it.",
        }
    ]
