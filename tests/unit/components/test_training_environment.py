"""What a training environment is made of: every rule that keeps data, money and access where they belong."""

from __future__ import annotations

import json
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from support.declared import Declarations
from support.training_environments import IDENTITY, NAMES, declared, environment_args, with_machine

from components.environment import Limits, VolumeRequest
from components.run_objects import TextObject
from components.training_environment import (
    TrainingEnvironmentArgs,
)
from runctl_auto.stack.decisions import DECISIONS_KEY

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

INSTANCE = "aws:ec2/instance:Instance"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
ATTACHMENT = "aws:ec2/volumeAttachment:VolumeAttachment"


@pytest.fixture
def args(tmp_path: Path) -> TrainingEnvironmentArgs:
    return environment_args(tmp_path)


class TestMachine:
    def test_ends_for_good_and_gives_metadata_to_tokens_only(self, args: TrainingEnvironmentArgs) -> None:
        found = declared(args)
        template = found.named("digits-machine-template").inputs
        machine = found.named("digits-machine-instance").inputs
        assert template["instanceInitiatedShutdownBehavior"] == "terminate"
        for each in (template, machine):
            assert each["metadataOptions"] == {
                "httpEndpoint": "enabled",
                "httpTokens": "required",
                "httpPutResponseHopLimit": 2,
            }
        assert machine["userDataReplaceOnChange"] is True
        assert machine["rootBlockDevice"]["encrypted"] is True
        assert machine["rootBlockDevice"]["deleteOnTermination"] is True
        assert machine["rootBlockDevice"]["volumeSize"] == 80

    def test_leaves_the_shutdown_behavior_to_its_template(self, args: TrainingEnvironmentArgs) -> None:
        """Stated on the instance, the official provider sets it again after each launch."""
        machine = declared(args).named("digits-machine-instance")
        assert "instanceInitiatedShutdownBehavior" not in machine.inputs
        assert machine.inputs["launchTemplate"] == {"id": "digits-machine-template-id", "version": "1"}
        assert "digits-machine-template" in machine.dependencies

    @pytest.mark.parametrize(("market", "more"), [("spot", {"spot-instances-request"}), ("on-demand", set())])
    def test_its_template_tags_what_the_launch_makes(
        self, args: TrainingEnvironmentArgs, market: Any, more: set[str]
    ) -> None:
        template = declared(with_machine(args, market=market)).named("digits-machine-template").inputs
        tagged = {each["resourceType"]: each["tags"] for each in template["tagSpecifications"]}
        assert tagged.keys() == {"volume", "network-interface", *more}
        assert all(tags == IDENTITY for tags in tagged.values())

    def test_nothing_in_its_template_changes_while_a_run_goes_on(self, args: TrainingEnvironmentArgs) -> None:
        """Another version of the template is another machine."""
        here = declared(replace(args, identity={**IDENTITY, "runctl:backend": "one"}))
        moved = {**IDENTITY, "runctl:backend": "two"}
        there = declared(replace(args, identity=moved, tags={"team": "vision"}, limits=Limits(budget=9)))
        held = [each.named("digits-machine-template").inputs for each in (here, there)]
        assert held[0] == held[1]

    def test_is_a_one_time_spot_request_that_an_interruption_ends(
        self, args: TrainingEnvironmentArgs
    ) -> None:
        assert declared(args).named("digits-machine-instance").inputs["instanceMarketOptions"] == {
            "marketType": "spot",
            "spotOptions": {
                "spotInstanceType": "one-time",
                "instanceInterruptionBehavior": "terminate",
                "maxPrice": "0.600000",
            },
        }

    def test_on_demand_asks_for_no_market(self, args: TrainingEnvironmentArgs) -> None:
        machine = declared(with_machine(args, market="on-demand")).named("digits-machine-instance")
        assert "instanceMarketOptions" not in machine.inputs

    def test_without_a_max_price_the_request_names_none(self, args: TrainingEnvironmentArgs) -> None:
        machine = declared(with_machine(args, max_price=None)).named("digits-machine-instance").inputs
        assert "maxPrice" not in machine["instanceMarketOptions"]["spotOptions"]

    def test_the_old_one_ends_before_the_new_one_begins(self, args: TrainingEnvironmentArgs) -> None:
        options = declared(args).named("digits-machine-instance").options
        assert options["deleteBeforeReplace"] is True
        assert options["replaceOnChanges"] == ["instanceType"]

    def test_boots_only_when_all_it_needs_is_there(self, args: TrainingEnvironmentArgs) -> None:
        needed = declared(args).named("digits-machine-instance").dependencies
        assert needed >= {
            "digits-iam-policy",
            "digits-iam-profile",
            "digits-artifacts-policy",
            "digits-artifacts-public-access",
            "digits-code",
            "digits-agent",
            "digits-spec",
        }

    def test_its_root_volume_carries_all_tags_by_itself(self, args: TrainingEnvironmentArgs) -> None:
        tags = declared(args).named("digits-machine-instance").inputs["rootBlockDevice"]["tags"]
        assert tags.items() >= {**IDENTITY, "runctl:run": "abc123", "team": "nlp"}.items()

    def test_an_ended_run_keeps_everything_but_compute(self, args: TrainingEnvironmentArgs) -> None:
        alive, ended = declared(args), declared(replace(args, machine=None))
        gone = alive.types.items() - ended.types.items()
        assert {type_token for _, type_token in gone} == {
            "runctl:aws:SpotInstance",
            INSTANCE,
            TEMPLATE,
            ATTACHMENT,
        }
        assert ended.types.items() <= alive.types.items()

    def test_the_cloud_ends_it_only_when_it_is_to(self, args: TrainingEnvironmentArgs) -> None:
        assert "digits-end" not in declared(args).types
        found = declared(with_machine(args, end_after_seconds=4800))
        assert "4800" in str(found.named("digits-end").inputs)
        target = found.named("digits-end-schedule").inputs["target"]
        assert json.loads(target["input"]) == {"InstanceIds": ["digits-machine-instance-id"]}
        assert found.named("digits-end-group").inputs["tags"] == {"team": "nlp"}
        assert "digits-machine-instance" in found.named("digits-end-group").dependencies


class TestVolumes:
    def test_are_encrypted_and_in_the_zone_of_the_machine(self, args: TrainingEnvironmentArgs) -> None:
        volume = declared(args).named("digits-data-volume").inputs
        assert (volume["size"], volume["type"], volume["encrypted"]) == (100, "gp3", True)
        assert volume["availabilityZone"] == "eu-west-1b"

    def test_each_is_attached_to_a_device_of_its_own_and_never_detached(
        self, args: TrainingEnvironmentArgs
    ) -> None:
        attached = declared(args).of_type(ATTACHMENT)
        assert {each.inputs["deviceName"] for each in attached} == {"/dev/sdf", "/dev/sdg"}
        assert all(each.inputs["skipDestroy"] is True for each in attached)
        assert {each.inputs["volumeId"] for each in attached} == {
            "digits-data-volume-id",
            "digits-cache-volume-id",
        }

    def test_protection_covers_the_volume_and_not_its_attachment(self, args: TrainingEnvironmentArgs) -> None:
        volumes = [replace(args.volumes[0], protect=True), args.volumes[1]]
        found = declared(replace(args, volumes=volumes))
        protected = {each.name for each in found.resources if each.protect}
        assert protected == {"digits-data", "digits-data-volume"}
        assert found.named("digits-data-volume").inputs["tags"]["runctl:protected"] == "true"
        assert "runctl:protected" not in found.named("digits-cache-volume").inputs["tags"]


class TestBucket:
    def test_is_private_and_encrypted(self, args: TrainingEnvironmentArgs) -> None:
        found = declared(args)
        blocks = found.named("digits-artifacts-public-access").inputs
        assert {key for key, value in blocks.items() if value is True} == {
            "blockPublicAcls",
            "blockPublicPolicy",
            "ignorePublicAcls",
            "restrictPublicBuckets",
        }
        rules = found.named("digits-artifacts-encryption").inputs["rules"]
        assert rules == [
            {
                "applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"},
                "blockedEncryptionTypes": ["SSE-C"],
                "bucketKeyEnabled": False,
            }
        ]
        assert found.named("digits-artifacts-ownership").inputs["rule"] == {
            "objectOwnership": "BucketOwnerEnforced"
        }

    def test_turns_away_who_comes_without_tls(self, args: TrainingEnvironmentArgs) -> None:
        policy = json.loads(declared(args).named("digits-artifacts-policy").inputs["policy"])
        arn = f"arn:aws:s3:::{NAMES.bucket()}"
        assert policy["Statement"] == [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]

    def test_its_settings_are_made_one_after_the_other(self, args: TrainingEnvironmentArgs) -> None:
        """S3 refuses a change of a bucket while another one is under way."""
        found = declared(args)
        settings = [each for each in found.resources if each.parent == "digits-artifacts"]
        bucket, *others = (each.name for each in settings)
        for index, setting in enumerate(others):
            before = {bucket, *others[:index]}
            needed = found.named(setting).dependencies
            reached = {bucket}
            while needed - reached:
                name = (needed - reached).pop()
                reached.add(name)
                needed = needed | found.named(name).dependencies
            assert reached == before, setting
        assert len(others) == 6

    def test_leaves_no_unfinished_uploads(self, args: TrainingEnvironmentArgs) -> None:
        rule, *_ = declared(args).named("digits-artifacts-lifecycle").inputs["rules"]
        assert rule["filter"] == {"prefix": ""}
        assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 1}
        assert rule["status"] == "Enabled"
        assert "expiration" not in rule

    def test_keeps_versions_and_forgets_them_again(self, args: TrainingEnvironmentArgs) -> None:
        found = declared(replace(args, retention_days=7))
        versioning = found.named("digits-artifacts-versioning").inputs["versioningConfiguration"]
        assert versioning == {"status": "Enabled"}
        _, *rules = found.named("digits-artifacts-lifecycle").inputs["rules"]
        assert {
            each["filter"]["prefix"]: each["noncurrentVersionExpiration"]["noncurrentDays"] for each in rules
        } == {"checkpoints/": 7, "runs/": 1}
        for each in rules:
            assert each["status"] == "Enabled"
            assert each["expiration"] == {"expiredObjectDeleteMarker": True}, "nothing current expires"

    def test_is_emptied_by_a_destroy(self, args: TrainingEnvironmentArgs) -> None:
        assert declared(args).named("digits-artifacts-bucket").inputs["forceDestroy"] is True

    def test_a_protected_one_keeps_its_content_and_its_guards(self, args: TrainingEnvironmentArgs) -> None:
        found = declared(replace(args, protect_bucket=True))
        bucket = found.named("digits-artifacts-bucket")
        assert bucket.inputs["forceDestroy"] is False
        assert bucket.inputs["tags"]["runctl:protected"] == "true"
        protected = {each.name for each in found.resources if each.protect}
        assert protected == {
            "digits-artifacts",
            *(each.name for each in found.resources if each.parent == "digits-artifacts"),
        }
        assert len(protected) == 8


class TestPackages:
    def test_code_agent_and_spec_lie_where_the_agent_looks(self, args: TrainingEnvironmentArgs) -> None:
        found = declared(args)
        keys = {
            each.name: each.inputs["key"] for each in found.of_type("aws:s3/bucketObjectv2:BucketObjectv2")
        }
        assert keys == {
            "digits-code": "code/c.tar.gz",
            "digits-agent": "agent/a.pyz",
            "digits-spec": "runs/abc123/spec.json",
        }

    def test_carry_the_run_and_no_more_tags_than_an_object_may(self, args: TrainingEnvironmentArgs) -> None:
        many = replace(args, tags={f"key{number}": "value" for number in range(30)})
        for each in declared(many).of_type("aws:s3/bucketObjectv2:BucketObjectv2"):
            assert each.inputs["tags"] == {"runctl:run": "abc123"}
            assert len(each.inputs["tags"]) + len(IDENTITY) <= 10

    def test_the_spec_names_each_volume_by_its_id(self, args: TrainingEnvironmentArgs) -> None:
        spec = json.loads(declared(args).named("digits-spec").inputs["content"])
        assert spec == {
            "schema": 1,
            "command": "python train.py",
            "volumes": [
                {"name": "data", "id": "digits-data-volume-id", "mount": "/data"},
                {"name": "cache", "id": "digits-cache-volume-id", "mount": "/cache"},
            ],
        }

    def test_a_job_without_volumes_has_a_spec_without_volumes(self, args: TrainingEnvironmentArgs) -> None:
        spec = json.loads(declared(replace(args, volumes=[])).named("digits-spec").inputs["content"])
        assert spec["volumes"] == []


def test_nobody_connects_to_the_machine(args: TrainingEnvironmentArgs) -> None:
    group = declared(args).named("digits-network-group").inputs
    assert group["ingress"] == []
    assert {(rule["protocol"], rule["fromPort"], rule["toPort"]) for rule in group["egress"]} == {
        ("tcp", 443, 443),
        ("tcp", 80, 80),
    }


def test_another_vpc_is_another_security_group(args: TrainingEnvironmentArgs) -> None:
    here, there = declared(args), declared(replace(args, vpc="vpc-2"))
    name = "digits-network-group"
    assert here.named(name).inputs["name"] != there.named(name).inputs["name"]


def test_the_networks_own_dns_servers_are_reached_and_make_another_group(
    args: TrainingEnvironmentArgs,
) -> None:
    name = "digits-network-group"
    group = declared(replace(args, resolvers=["fd00:1::53", "10.1.0.9"])).named(name).inputs
    dns = [rule for rule in group["egress"] if rule["fromPort"] == 53]
    assert [(rule["protocol"], rule["toPort"]) for rule in dns] == [("udp", 53), ("tcp", 53)]
    for rule in dns:
        assert (rule["cidrBlocks"], rule["ipv6CidrBlocks"]) == (["10.1.0.9/32"], ["fd00:1::53/128"])
    assert group["name"] != declared(args).named(name).inputs["name"]


def test_without_such_servers_the_groups_name_is_that_of_earlier_versions(
    args: TrainingEnvironmentArgs,
) -> None:
    """A renamed group would be replaced, under machines that run."""
    assert declared(args).named("digits-network-group").inputs["name"] == "runctl-digits-network-fe5708a3"


def test_a_public_address_is_asked_for_only_where_it_is_the_way_out(args: TrainingEnvironmentArgs) -> None:
    name = "digits-machine-instance"
    assert "associatePublicIpAddress" not in declared(args).named(name).inputs
    asking = declared(with_machine(args, public_address=True)).named(name).inputs
    assert asking["associatePublicIpAddress"] is True
    assert asking["subnetId"] == "subnet-1"


def test_no_tag_claims_a_protection_that_is_not_in_force(args: TrainingEnvironmentArgs) -> None:
    for each in declared(args).resources:
        assert "runctl:protected" not in each.inputs.get("tags", {})
        assert each.protect is False


def test_policies_see_price_and_limits_before_anything_is_made(args: TrainingEnvironmentArgs) -> None:
    first = declared(args).resources[0]
    assert first.type == "runctl:aws:TrainingEnvironment"
    assert (
        first.inputs.items()
        >= {
            "priceHour": 0.5,
            "maxPrice": 0.6,
            "budget": 20.0,
            "maxDurationSeconds": 3600,
            "nodes": 1,
            "instanceType": "g5.xlarge",
            "market": "spot",
            "volumesGb": 110,
            "volumes": [{"name": "data", "sizeGb": 100}, {"name": "cache", "sizeGb": 10}],
            "diskGb": 80,
            "instanceTypes": ["g5.xlarge", "g4dn.xlarge"],
        }.items()
    )


def test_every_child_is_named_from_its_parent(args: TrainingEnvironmentArgs) -> None:
    found = declared(args)
    for each in found.resources[1:]:
        assert each.name.startswith(f"{each.parent}-"), each


class TestVolumesThatExist:
    @pytest.fixture
    def existing(self, args: TrainingEnvironmentArgs) -> Declarations:
        old = VolumeRequest(name="old", id="vol-12345678", mount="/old")
        restored = VolumeRequest(
            name="back", size_gb=20, snapshot="snap-12345678", initialization_rate=200, mount="/back"
        )
        return declared(replace(args, volumes=[old, restored]))

    def test_one_that_exists_is_attached_and_nothing_else_is_said_of_it(self, existing: Declarations) -> None:
        (attached,) = [
            each for each in existing.of_type(ATTACHMENT) if each.inputs["volumeId"] == "vol-12345678"
        ]
        assert attached.inputs["skipDestroy"] is True
        others = [each for each in existing.resources if each is not attached and each.name != "digits-spec"]
        assert "vol-12345678" not in str([(each.inputs, each.options) for each in others])
        assert {each.name for each in existing.of_type("aws:ebs/volume:Volume")} == {"digits-back-volume"}

    def test_the_agent_mounts_it_like_any_other(self, existing: Declarations) -> None:
        spec = json.loads(existing.named("digits-spec").inputs["content"])
        assert spec["volumes"] == [
            {"name": "old", "id": "vol-12345678", "mount": "/old"},
            {"name": "back", "id": "digits-back-volume-id", "mount": "/back"},
        ]

    def test_a_snapshot_is_what_a_volume_begins_with_and_never_replaces_it(
        self, existing: Declarations
    ) -> None:
        volume = existing.named("digits-back-volume")
        assert volume.inputs["snapshotId"] == "snap-12345678"
        assert volume.inputs["volumeInitializationRate"] == 200
        assert volume.options["ignoreChanges"] == ["snapshotId", "volumeInitializationRate"]


class TestDecisions:
    def test_are_kept_before_there_is_a_machine(self, args: TrainingEnvironmentArgs) -> None:
        kept = TextObject(key="decisions.json", content="{}")
        found = declared(replace(args, decisions=kept))
        decisions = found.named("digits-decisions")
        assert (decisions.inputs["key"], decisions.inputs["content"]) == ("decisions.json", "{}")
        assert "digits-decisions" in found.named("digits-machine-instance").dependencies

    def test_are_none_of_a_stack_with_a_configuration(self, args: TrainingEnvironmentArgs) -> None:
        assert "digits-decisions" not in declared(args).types

    def test_are_out_of_reach_of_the_machine(self, args: TrainingEnvironmentArgs) -> None:
        """It would decide its own type, image and price."""
        policy = json.loads(declared(args).named("digits-iam-policy").inputs["policy"])
        objects = [
            resource.partition("/")[2]
            for each in policy["Statement"]
            for resource in each["Resource"]
            if resource.startswith("arn:aws:s3:::") and "/" in resource
        ]
        assert objects
        assert not [each for each in objects if fnmatch(DECISIONS_KEY, each)]
