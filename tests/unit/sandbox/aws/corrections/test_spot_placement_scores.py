from typing import Any

import pytest
from botocore.exceptions import ClientError

TYPES = ["m5.large", "m5a.large", "c5.large"]


def scores(cloud: Any, **asked: Any) -> list[dict[str, Any]]:
    wanted = {"InstanceTypes": TYPES, "TargetCapacity": 1, **asked}
    return list(cloud.ec2.get_spot_placement_scores(**wanted)["SpotPlacementScores"])


def test_zones_are_scored_by_their_ids(cloud: Any) -> None:
    found = scores(cloud, SingleAvailabilityZone=True, RegionNames=["us-east-1"])
    zones = cloud.ec2.describe_availability_zones()["AvailabilityZones"]
    assert {each["AvailabilityZoneId"] for each in found} == {each["ZoneId"] for each in zones}
    assert all(1 <= each["Score"] <= 10 for each in found)
    assert len({each["Score"] for each in found}) > 1
    assert found == scores(cloud, SingleAvailabilityZone=True, RegionNames=["us-east-1"])


def test_regions_are_scored_whole(cloud: Any) -> None:
    found = scores(cloud, RegionNames=["us-east-1", "eu-west-1"])
    assert {each["Region"] for each in found} == {"us-east-1", "eu-west-1"}
    assert not any("AvailabilityZoneId" in each for each in found)


def test_fewer_than_three_types_score_low(cloud: Any) -> None:
    found = scores(cloud, InstanceTypes=TYPES[:2], SingleAvailabilityZone=True, RegionNames=["us-east-1"])
    assert {each["Score"] for each in found} == {1}


def test_more_than_ten_regions_are_refused(cloud: Any) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        scores(cloud, RegionNames=["us-east-1"] * 11)
