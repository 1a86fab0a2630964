"""moto has no GetSpotPlacementScores; these scores are plausible and constant, and low for fewer than three
types, as on AWS."""

import hashlib
from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.responses.spot_instances import SpotInstances

from sandbox.aws.corrections.patches import Emulation, Patches

FEWEST_TYPES = 3
MOST_REGIONS = 10
_LOW = 1
_WORST, _BEST = 3, 9


def zone_score(zone_id: str, instance_types: list[str]) -> int:
    """The score of a zone for a set of types, in any order."""
    if len(set(instance_types)) < FEWEST_TYPES:
        return _LOW
    named = "/".join([zone_id, *sorted(set(instance_types))])
    return _WORST + hashlib.sha256(named.encode()).digest()[0] % (_BEST - _WORST + 1)


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    patches.add(SpotInstances, "get_spot_placement_scores", _answer)


def _answer(self: Any) -> ActionResult:
    capacity = self._get_int_param("TargetCapacity")
    regions = self._get_param("RegionNames", [])
    if not capacity or capacity < 1:
        raise EC2ClientError("InvalidParameterValue", "TargetCapacity is a number from 1.")
    if len(regions) > MOST_REGIONS:
        raise EC2ClientError("InvalidParameterValue", f"At most {MOST_REGIONS} regions can be named.")
    types = self._get_param("InstanceTypes", [])
    by_zone = self._get_bool_param("SingleAvailabilityZone")
    found = [each for region in regions or [self.region] for each in _scores(self, region, types, by_zone)]
    best = sorted(found, key=lambda each: -each["Score"])[:MOST_REGIONS]
    return ActionResult({"SpotPlacementScores": best})


def _scores(response: Any, region: str, types: list[str], by_zone: bool) -> Iterator[dict[str, Any]]:
    zones = ec2_backends[response.current_account][region].describe_availability_zones()
    scores = {zone.zone_id: zone_score(zone.zone_id, types) for zone in zones}
    if not by_zone:
        yield {"Region": region, "Score": max(scores.values())}
        return
    for zone_id, score in scores.items():
        yield {"Region": region, "AvailabilityZoneId": zone_id, "Score": score}
