"""EC2's spot placement scores: how likely each zone has the capacity for a set of instance types.

EC2 scores a set: for fewer than three types the score is low whatever the zone, and it is not asked. An
account may ask for few different sets a day (MaxConfigLimitExceeded), and many policies do not allow it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runctl_auto.errors import CloudError
from runctl_auto.providers.aws.access import Cloud

FEWEST_TYPES = 3


@dataclass(frozen=True)
class ZoneScores:
    """Scores from 1 to 10 by the id of the zone (``use1-az4``); a ``note`` when they are not known."""

    by_zone_id: Mapping[str, int] = field(default_factory=dict)
    note: str | None = None

    def of(self, zone_id: str | None) -> int | None:
        """The score of a zone; None when it is unknown."""
        return None if zone_id is None else self.by_zone_id.get(zone_id)


def zone_scores(cloud: Cloud, names: Sequence[str], machines: int) -> ZoneScores:
    """The scores of the region's zones for ``machines`` spot machines of any of the types ``names``. A job
    has one region, of the ten that a request may name. No request for fewer than three types.

    Never raises for a request that is refused: placement works without scores.
    """
    if len(names) < FEWEST_TYPES:
        return ZoneScores()
    try:
        found = list(
            cloud.pages(
                "ec2",
                "get_spot_placement_scores",
                "SpotPlacementScores",
                InstanceTypes=list(names),
                TargetCapacity=machines,
                SingleAvailabilityZone=True,
                RegionNames=[cloud.region],
            )
        )
    except CloudError as error:
        return ZoneScores(note=f"spot placement scores are unknown: {error.code or error.kind}")
    return ZoneScores(
        {
            str(each["AvailabilityZoneId"]): int(each["Score"])
            for each in found
            if each.get("AvailabilityZoneId") and each.get("Score") is not None
        }
    )
