"""Leaks of the 17 kinds are found, each with a command that works; look-alikes are left alone."""

from __future__ import annotations

from typing import Any

import pytest
from support import aws_cli
from support.planted import KINDS, Owner, plant

from components.naming import Names
from runctl_auto.providers.aws.records.catalogue import RECORDS
from runctl_auto.providers.aws.records.ownership import Scope
from runctl_auto.providers.aws.records.scanner import AwsScanner
from runctl_auto.providers.aws.records.search import TAG_LIST
from runctl_auto.providers.aws.records.survey import survey_region
from runctl_auto.providers.aws.regions import known_regions
from runctl_auto.providers.resource import CloudResource

ACCOUNT, REGION, JOB = "123456789012", "us-east-1", "planted"


def names(job: str, region: str = REGION) -> Names:
    return Names(account=ACCOUNT, region=region, project="runctl", job=job)


def runctls(job: str, owner: str = "ann", region: str = REGION) -> Owner:
    tags = (("runctl:job", job), ("runctl:owner", owner), ("runctl:created-by", "runctl"))
    return Owner(job, names(job, region).bucket()[-8:], tags)


def by_kind(things: tuple[CloudResource, ...]) -> dict[str, str]:
    return {each.kind: each.id for each in things}


def is_same(kind: str, identity: str, found: str) -> bool:
    return identity in found if kind == "multipart upload" else identity == found


def found_of_job(account: Any) -> tuple[CloudResource, ...]:
    return AwsScanner(account.cloud, JOB, ACCOUNT, "ann").find()


def found_in_account(account: Any) -> tuple[CloudResource, ...]:
    survey = survey_region(account.cloud, Scope(names(""), regions=known_regions))
    assert survey.unchecked == ()
    return survey.found


@pytest.mark.parametrize("look", [found_of_job, found_in_account])
def test_17_of_17_are_found_and_each_command_works(account: Any, look: Any) -> None:
    before = account.ids()
    planted = plant(account.client, runctls(JOB))
    assert set(planted) == set(KINDS)
    assert len(account.ids() - before) >= len(KINDS)
    found = look(account)
    told = by_kind(found)
    assert [kind for kind in KINDS if not is_same(kind, planted[kind], told.get(kind, ""))] == []
    assert set(told) == {*KINDS, "instance"}  # that of the spot request
    for each in found:
        aws_cli.run(each.remove, account.client)
        account.after(5)
    assert look(account) == ()
    assert account.ids() <= before


@pytest.mark.parametrize("look", [found_of_job, found_in_account])
def test_resources_with_names_of_somebodys_own_are_found_by_their_tags(account: Any, look: Any) -> None:
    own = runctls(JOB)
    planted = plant(account.client, Owner(JOB, own.digest, own.tags), named=False)
    found = by_kind(look(account))
    # IAM's lists for one job show no tags; the emulator's tag list does not know the type of log groups.
    untagged = {"role", "instance profile"} if look is found_of_job else set()
    tagged = set(KINDS) - untagged - {"log group"}
    assert [kind for kind in sorted(tagged) if not is_same(kind, planted[kind], found.get(kind, ""))] == []


@pytest.mark.parametrize("look", [found_of_job, found_in_account])
def test_a_search_makes_the_calls_that_the_records_declare_and_no_others(account: Any, look: Any) -> None:
    plant(account.client, runctls(JOB))
    account.calls.clear()
    look(account)
    declared = {call.operation for kind in RECORDS for call in (*kind.lists, *kind.reads)}
    assert set(account.calls) <= declared | {TAG_LIST.operation}
    main = {kind.listing.operation for kind in RECORDS if kind.is_listed} - {"list_roles"}
    assert main | {TAG_LIST.operation} <= set(account.calls)


def test_nothing_of_others_is_found_for_a_job(account: Any) -> None:
    plant(account.client, runctls(f"{JOB}-two"))
    plant(account.client, runctls("another", owner="bob"))
    plant(account.client, Owner(JOB, "00000000", (("job", JOB), ("Project", "runctl"))), named=False)
    assert found_of_job(account) == ()


def test_what_carries_another_owners_tag_is_told_apart(account: Any) -> None:
    planted = plant(account.client, runctls(JOB, owner="bob"))
    survey = AwsScanner(account.cloud, JOB, ACCOUNT, "ann").survey()
    foreign = {each.id for each in survey.foreign}
    assert {planted["volume"], planted["bucket"], planted["role"], planted["key pair"]} <= foreign
    assert not {each.id for each in survey.found} & foreign
    # What hangs on foreign things is foreign, though it carries no tags of its own.
    assert {planted["snapshot"], planted["network interface"]} <= foreign


def test_the_same_job_in_another_region_is_not_meant(account: Any) -> None:
    elsewhere = runctls(JOB, region="eu-west-1")
    account.client("iam").create_role(
        RoleName=elsewhere.name("machine"), AssumeRolePolicyDocument="{}", Tags=elsewhere.listed()
    )
    account.client("s3", "eu-west-1").create_bucket(
        Bucket=elsewhere.name("artifacts"),
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )
    assert found_of_job(account) == ()
    assert found_in_account(account) == ()


def test_names_alone_are_enough_when_they_are_runctls_own(account: Any) -> None:
    planted = plant(account.client, Owner(JOB, names(JOB).bucket()[-8:], ()))
    found = {each.id: each for each in found_in_account(account)}
    for kind in ("bucket", "role", "instance profile", "launch template", "parameter", "log group"):
        one = found[planted[kind]]
        assert (one.job, one.how, one.sure) == (JOB, "name", True)


def test_a_name_with_a_digest_that_is_not_runctls_is_told_as_unsure(account: Any) -> None:
    planted = plant(account.client, Owner(JOB, "00000000", ()))
    found = {each.id: each for each in found_in_account(account)}
    assert not found[planted["bucket"]].sure
    assert {each.id for each in found_of_job(account)} >= {planted["bucket"], planted["role"]}


def test_names_that_only_begin_like_runctls_are_nobodys(account: Any) -> None:
    account.client("s3").create_bucket(Bucket="runctl-state-of-our-team")
    account.client("iam").create_role(RoleName="runctl-apply", AssumeRolePolicyDocument="{}")
    assert found_in_account(account) == ()


def test_calls_do_not_grow_with_the_number_of_things(account: Any) -> None:
    plant(account.client, runctls("one"))
    found_in_account(account)
    once = account.calls.copy()
    plant(account.client, runctls("two"))
    plant(account.client, runctls("three", owner="bob"))
    account.calls.clear()
    found_in_account(account)
    more = {name: count - once[name] for name, count in account.calls.items() if count != once[name]}
    assert more == {"list_multipart_uploads": 2}  # one a bucket: S3 has no list of them above that
    assert sum(once.values()) < 40


def test_lists_are_asked_for_in_pages_of_100(account: Any) -> None:
    ec2 = account.client("ec2")
    for _ in range(201):
        ec2.create_volume(
            AvailabilityZone=f"{REGION}a",
            Size=1,
            TagSpecifications=[{"ResourceType": "volume", "Tags": runctls("many").listed()}],
        )
    assert len(found_in_account(account)) == 201
    by_tag = [asked for name, asked in account.asked if name == "describe_volumes"]
    assert len([asked for asked in by_tag if asked["Filters"][0]["Name"] == "tag-key"]) == 3
    sizes = {
        (name, size)
        for name, asked in account.asked
        for key in (
            "MaxResults",
            "MaxItems",
            "MaxBuckets",
            "ResourcesPerPage",
            "MaxUploads",
            "limit",
            "MaxRecords",
        )
        if (size := asked.get(key))
    }
    assert {name for name, size in sizes if size != 100} == {"describe_parameters", "describe_log_groups"}


def test_public_snapshots_are_not_asked_for(account: Any) -> None:
    found_in_account(account)
    asked = [parameters for name, parameters in account.asked if name == "describe_snapshots"]
    assert asked
    assert all(parameters["OwnerIds"] == ["self"] for parameters in asked)


def test_ages_and_costs(account: Any) -> None:
    plant(account.client, runctls(JOB))
    found = {each.kind: each for each in found_of_job(account)}
    assert found["volume"].cost_hour == pytest.approx(73 * 0.08 / 730)
    assert found["role"].cost_hour == 0.0
    assert found["bucket"].cost_hour is None
    assert found["security group"].created_at is None
    upload = found["multipart upload"].created_at
    assert upload is not None
    assert upload.timestamp() == account.now


def test_a_disk_of_ones_own_on_the_jobs_machine_is_not_the_jobs(account: Any) -> None:
    ec2 = account.client("ec2")
    planted = plant(account.client, runctls(JOB))
    requests = ec2.describe_spot_instance_requests(SpotInstanceRequestIds=[planted["spot request"]])
    instance = requests["SpotInstanceRequests"][0]["InstanceId"]
    account.after(60)
    zone = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["Placement"]
    own = ec2.create_volume(AvailabilityZone=zone["AvailabilityZone"], Size=1)["VolumeId"]
    ec2.attach_volume(InstanceId=instance, VolumeId=own, Device="/dev/sdf")
    assert own not in {each.id for each in found_of_job(account)}


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("describe_volumes", "volume"),
        ("list_buckets", "bucket"),
        ("get_resources", "buckets, parameters, log groups and schedule groups by tag"),
        ("get_account_authorization_details", "role"),
    ],
)
def test_a_kind_that_cannot_be_looked_for_is_told(account: Any, operation: str, kind: str) -> None:
    account.refused.add(operation)
    survey = survey_region(account.cloud, Scope(names(""), regions=known_regions))
    assert [each.kind for each in survey.unchecked] == [kind]
    assert "AccessDenied" in survey.unchecked[0].why
