"""Spot placement scores: asked for a set of three types or more, and unknown where they are refused."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.placement_scores import ZoneScores, zone_scores

TYPES = ["m5.large", "m5a.large", "c5.large"]


class Ec2:
    def __init__(self, refusal: str | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refusal = refusal

    def get_spot_placement_scores(self, **asked: Any) -> Any:
        self.asked.append(asked)
        if self.refusal is not None:
            raise ClientError({"Error": {"Code": self.refusal, "Message": ""}}, "GetSpotPlacementScores")
        zone = {"Region": "us-east-1", "AvailabilityZoneId": "use1-az1", "Score": 7}
        return {"SpotPlacementScores": [zone, {"Region": "us-east-1", "Score": 9}]}


def scores(ec2: Ec2, names: list[str] = TYPES) -> ZoneScores:
    return zone_scores(Cloud(lambda service, region: ec2, "us-east-1", sleep=lambda _: None), names, 2)


def test_zones_of_the_region_are_asked_for_by_id() -> None:
    ec2 = Ec2()
    found = scores(ec2)
    assert (found.of("use1-az1"), found.of("use1-az2"), found.of(None)) == (7, None, None)
    assert ec2.asked == [
        {
            "InstanceTypes": TYPES,
            "TargetCapacity": 2,
            "SingleAvailabilityZone": True,
            "RegionNames": ["us-east-1"],
        }
    ]


def test_fewer_than_three_types_are_not_asked_about() -> None:
    ec2 = Ec2()
    assert scores(ec2, TYPES[:2]) == ZoneScores()
    assert ec2.asked == []


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "MaxConfigLimitExceeded", "RequestLimitExceeded"])
def test_a_refusal_is_a_note(code: str) -> None:
    found = scores(Ec2(code))
    assert found.by_zone_id == {}
    assert code in str(found.note)
