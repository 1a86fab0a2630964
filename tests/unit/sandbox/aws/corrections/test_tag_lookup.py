"""Tags of one thing are found without looking at those of all others."""

from __future__ import annotations

from typing import Any

from moto.backends import get_backend


class Untouchable(dict[str, str]):
    def items(self) -> Any:
        raise AssertionError("the tags of another thing were looked at")


def test_a_list_looks_at_the_tags_of_what_it_lists(cloud: Any) -> None:
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}]
    volume = cloud.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, TagSpecifications=tags)[
        "VolumeId"
    ]
    held = get_backend("ec2")["123456789012"]["us-east-1"].tags
    held["vol-other"] = Untouchable(c="3")
    (found,) = cloud.ec2.describe_volumes(Filters=[{"Name": "tag:a", "Values": ["1"]}])["Volumes"]
    assert (found["VolumeId"], found["Tags"]) == (volume, tags[0]["Tags"])


def test_other_questions_about_tags_are_answered_as_before(corrected: Any) -> None:
    first, second = (
        corrected.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"] for _ in range(2)
    )
    corrected.ec2.create_tags(Resources=[first, second], Tags=[{"Key": "a", "Value": "1"}])
    by_key = corrected.ec2.describe_tags(Filters=[{"Name": "key", "Values": ["a"]}])["Tags"]
    assert {each["ResourceId"] for each in by_key} == {first, second}
    by_wildcard = corrected.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": ["vol-*"]}])["Tags"]
    assert {each["ResourceType"] for each in by_wildcard} == {"volume"}
