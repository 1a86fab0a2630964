"""Whether an earlier placement is still allowed by the job."""

from __future__ import annotations

from runctl_auto.job_file.one_provider import seen_by
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.contract import MARKETS
from runctl_auto.stack.config import Placement


def fits(placement: Placement, spec: JobSpec, *, previous: JobSpec | None = None) -> bool:
    """Whether a place that was decided for the job as it was, ``previous``, is still allowed by the job.
    Checks that must query the cloud are left to ``machine_fits``.
    """
    if placement.provider not in spec.clouds:
        return False
    spec = seen_by(spec, placement.provider)
    network, types = spec.network, spec.resources.instance_types
    image_stays = previous is None or spec.image in (previous.image, placement.image)
    return (
        placement.region == spec.region
        and (not types or placement.instance_type in types)
        and placement.market in MARKETS[spec.spot_policy]
        and (not spec.zones or placement.zone in spec.zones)
        and (network.vpc in ("default", placement.vpc))
        and (network.subnet in ("auto", placement.subnet))
        and (network.placement is None or (network.placement == "cluster") == placement.cluster)
        and (not spec.image.startswith("ami-") or spec.image == placement.image)
        and image_stays
        and (placement.provider != "runpod" or previous is None or spec.runpod == previous.runpod)
    )
