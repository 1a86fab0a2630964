"""moto's spot prices are all 0.00001 and dated 2006; these are plausible and constant.

The on-demand price comes from a short list of known prices, else from the type's size; a spot price is 28 to
45 percent of it.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.responses.spot_instances import SpotInstances

from sandbox.aws.cloud.price_list import USD_AN_HOUR
from sandbox.aws.corrections.patches import Emulation, Patches

_USD_VCPU_HOUR = 0.032
_USD_GIB_HOUR = 0.0042
_USD_GPU_GIB_HOUR = 0.03
_LOWEST_SHARE = 0.28
_SHARE_RANGE = 0.17
_REGION_FACTOR = {"us": 1.0, "ca": 1.1, "eu": 1.12, "ap": 1.25, "sa": 1.6}
_PRODUCT = "Linux/UNIX"
_PAGE = 1000


def on_demand_price(instance_type: str, region: str) -> float:
    """USD per hour of an on-demand instance; raises EC2's error for an unknown type."""
    factor = _REGION_FACTOR.get(region.partition("-")[0], 1.2)
    return round(_base_price(instance_type) * factor, 4)


def spot_price(instance_type: str, zone: str) -> float:
    """USD per hour of a spot instance in a zone, always below the on-demand price."""
    digest = hashlib.sha256(f"{instance_type}/{zone}".encode()).digest()
    share = _LOWEST_SHARE + _SHARE_RANGE * digest[0] / 255
    return max(round(on_demand_price(instance_type, zone[:-1]) * share, 4), 0.0001)


def _base_price(instance_type: str) -> float:
    known = USD_AN_HOUR.get(instance_type)
    if known is not None:
        return known
    described = INSTANCE_TYPES.get(instance_type)
    if described is None:
        raise EC2ClientError("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")
    vcpus = described["VCpuInfo"]["DefaultVCpus"]
    memory = described["MemoryInfo"]["SizeInMiB"] / 1024
    gpu_memory = described.get("GpuInfo", {}).get("TotalGpuMemoryInMiB", 0) / 1024
    return float(vcpus * _USD_VCPU_HOUR + memory * _USD_GIB_HOUR + gpu_memory * _USD_GPU_GIB_HOUR)


def apply(patches: Patches, emulation: Emulation) -> None:
    def describe(self: Any) -> Any:
        rows = list(_rows(self, emulation.clock()))
        start = int(self._get_param("NextToken") or 0)
        size = self._get_int_param("MaxResults") or _PAGE
        token = str(start + size) if start + size < len(rows) else ""
        return ActionResult({"SpotPriceHistory": rows[start : start + size], "NextToken": token})

    patches.replace(SpotInstances, "describe_spot_price_history", describe)


def _rows(response: Any, now: float) -> Iterator[dict[str, Any]]:
    filters = dict(response._filters_from_querystring())
    products = _wanted(response, filters, "ProductDescriptions", "product-description")
    if products and not any(product.startswith(_PRODUCT) for product in products):
        return
    zone = response._get_param("AvailabilityZone")
    if zone:
        filters["availability-zone"] = [zone]
    types = _wanted(response, filters, "InstanceTypes", "instance-type")
    unknown = [t for t in types if t not in INSTANCE_TYPES]
    if unknown:
        raise EC2ClientError(
            "InvalidParameterValue", f"The following supplied instance types do not exist: [{unknown[0]}]"
        )
    since = datetime.fromtimestamp(now, timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    for offer in response.ec2_backend.describe_spot_price_history(types, filters):
        if "spot" not in INSTANCE_TYPES.get(offer["InstanceType"], {}).get("SupportedUsageClasses", []):
            continue
        yield {
            "InstanceType": offer["InstanceType"],
            "ProductDescription": _PRODUCT,
            "SpotPrice": f"{spot_price(offer['InstanceType'], offer['Location']):.6f}",
            "AvailabilityZone": offer["Location"],
            "Timestamp": since,
        }


def _wanted(response: Any, filters: dict[str, Any], parameter: str, filter_name: str) -> list[str]:
    """The values of a parameter and of its equivalent filter, which is removed from `filters`."""
    return list(response._get_param(parameter, [])) + list(filters.pop(filter_name, []))
