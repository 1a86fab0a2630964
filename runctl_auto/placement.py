"""Decides where a run goes: account, network, zone, instance type, market and image.

``candidates`` asks the cloud and returns all places that the job allows, the preferred first; the caller
tries them in this order and pins the one that worked in the stack's configuration. Nothing is created here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from runctl_auto.cloud.access import Cloud
from runctl_auto.errors import JobFileError, NoCapacityError, NotFoundError
from runctl_auto.job.spec import JobSpec
from runctl_auto.stack.config import Market, Placement

_IMAGES: Mapping[tuple[str, bool], str] = {
    ("x86_64", False): "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
    ("arm64", False): "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
    ("x86_64", True): "/aws/service/deeplearning/ami/x86_64/"
    "base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id",
    ("arm64", True): "/aws/service/deeplearning/ami/arm64/"
    "base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id",
}
"""Public parameter that names the newest image, by architecture and whether the machine has NVIDIA GPUs."""

_MARKETS: Mapping[str, tuple[Market, ...]] = {
    "spot": ("spot",),
    "on-demand": ("on-demand",),
    "auto": ("spot", "on-demand"),
}


@dataclass(frozen=True)
class Account:
    """Whose cloud it is."""

    id: str
    partition: str


@dataclass(frozen=True)
class _Machine:
    name: str
    architecture: str
    has_gpu: bool


@dataclass(frozen=True)
class _Place:
    machine: _Machine
    subnet: str
    vpc: str
    zone: str
    spot_price: float | None


def find_account(cloud: Cloud) -> Account:
    """The account that the credentials belong to. Raises ``CredentialsError`` when there are none."""
    identity = cloud.call("sts", "get_caller_identity")
    return Account(id=str(identity["Account"]), partition=str(identity["Arn"]).split(":")[1])


def candidates(
    spec: JobSpec, cloud: Cloud, account: Account, *, zone: str | None = None
) -> tuple[Placement, ...]:
    """All places that the job allows, the preferred first: spot before on-demand, then the job's order of
    instance types, then the cheaper zone. ``zone`` restricts to one (where the job's volumes are).

    Raises ``NoCapacityError`` that says why each place was left out when none remains; ``JobFileError`` when
    image, network or instance type do not exist.
    """
    machines = _machines(spec, cloud)
    subnets = _subnets(spec, cloud, zone)
    places = _places(spec, cloud, machines, subnets)
    left_out: list[str] = []
    chosen = list(_affordable(spec, places, left_out))
    if not chosen:
        raise _nowhere(spec, zone, left_out)
    images = _Images(spec, cloud)
    return tuple(
        Placement(
            account=account.id,
            partition=account.partition,
            region=spec.region,
            zone=place.zone,
            vpc=place.vpc,
            subnet=place.subnet,
            image=images.of(place.machine),
            instance_type=place.machine.name,
            market=market,
            price_hour=place.spot_price if market == "spot" else None,
            max_price=spec.max_price if market == "spot" else None,
        )
        for market, place in chosen
    )


def fits(placement: Placement, spec: JobSpec) -> bool:
    """Whether a place that was decided earlier is still one that the job allows."""
    network = spec.network
    return (
        placement.region == spec.region
        and placement.instance_type in spec.resources.instance_types
        and placement.market in _MARKETS[spec.spot_policy]
        and (not spec.zones or placement.zone in spec.zones)
        and (network.vpc in ("default", placement.vpc))
        and (network.subnet in ("auto", placement.subnet))
        and (not spec.image.startswith("ami-") or spec.image == placement.image)
    )


def _machines(spec: JobSpec, cloud: Cloud) -> tuple[_Machine, ...]:
    names = spec.resources.instance_types
    try:
        described = list(
            cloud.pages("ec2", "describe_instance_types", "InstanceTypes", InstanceTypes=list(names))
        )
    except Exception as error:
        if getattr(error, "code", None) not in ("InvalidInstanceType", "InvalidParameterValue"):
            raise
        raise JobFileError(
            f"An instance type of the job does not exist in {spec.region}: {error}",
            where={"field": "resources.instance_types"},
            next_step=f"Correct resources.instance_types, or choose another region than {spec.region}.",
        ) from error
    by_name = {each["InstanceType"]: _machine(each) for each in described}
    return tuple(by_name[name] for name in names if name in by_name)


def _machine(described: Mapping[str, Any]) -> _Machine:
    architectures = described.get("ProcessorInfo", {}).get("SupportedArchitectures") or ["x86_64"]
    gpus = described.get("GpuInfo", {}).get("Gpus") or []
    return _Machine(
        name=described["InstanceType"],
        architecture="arm64" if "arm64" in architectures else "x86_64",
        has_gpu=any(gpu.get("Manufacturer", "").upper() == "NVIDIA" for gpu in gpus),
    )


def _subnets(spec: JobSpec, cloud: Cloud, zone: str | None) -> tuple[Mapping[str, Any], ...]:
    """At most one subnet in each zone that the job allows."""
    filters = [{"Name": "vpc-id", "Values": [_vpc(spec, cloud)]}]
    if spec.network.subnet != "auto":
        filters.append({"Name": "subnet-id", "Values": [spec.network.subnet]})
    found = list(cloud.pages("ec2", "describe_subnets", "Subnets", Filters=filters))
    if not found:
        raise JobFileError(
            f"There is no subnet for the job: vpc {spec.network.vpc}, subnet {spec.network.subnet}.",
            where={"field": "network", "region": spec.region},
            next_step="Name a VPC and a subnet of this account and region.",
        )
    allowed = [
        each
        for each in sorted(found, key=lambda each: (not each.get("DefaultForAz"), each["SubnetId"]))
        if (not spec.zones or each["AvailabilityZone"] in spec.zones)
        and (zone is None or each["AvailabilityZone"] == zone)
    ]
    by_zone: dict[str, Mapping[str, Any]] = {}
    for subnet in allowed:
        by_zone.setdefault(subnet["AvailabilityZone"], subnet)
    return tuple(by_zone.values())


def _vpc(spec: JobSpec, cloud: Cloud) -> str:
    if spec.network.vpc != "default":
        return spec.network.vpc
    vpcs = cloud.call("ec2", "describe_vpcs", Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not vpcs:
        raise JobFileError(
            f"The account has no default VPC in {spec.region}.",
            where={"field": "network.vpc", "region": spec.region},
            next_step="Name a VPC (network.vpc: vpc-...), or make a default one: aws ec2 create-default-vpc.",
        )
    return str(vpcs[0]["VpcId"])


def _places(
    spec: JobSpec, cloud: Cloud, machines: Sequence[_Machine], subnets: Sequence[Mapping[str, Any]]
) -> tuple[_Place, ...]:
    names = [machine.name for machine in machines]
    offered = _offered(cloud, names)
    prices = _spot_prices(cloud, names) if "spot" in _MARKETS[spec.spot_policy] else {}
    return tuple(
        _Place(
            machine=machine,
            subnet=subnet["SubnetId"],
            vpc=subnet["VpcId"],
            zone=subnet["AvailabilityZone"],
            spot_price=prices.get((machine.name, subnet["AvailabilityZone"])),
        )
        for machine in machines
        for subnet in subnets
        if (machine.name, subnet["AvailabilityZone"]) in offered
    )


def _offered(cloud: Cloud, names: Sequence[str]) -> set[tuple[str, str]]:
    offerings = cloud.pages(
        "ec2",
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": list(names)}],
    )
    return {(each["InstanceType"], each["Location"]) for each in offerings}


def _spot_prices(cloud: Cloud, names: Sequence[str]) -> dict[tuple[str, str], float]:
    """The newest spot price, USD an hour, by type and zone."""
    history = cloud.pages(
        "ec2",
        "describe_spot_price_history",
        "SpotPriceHistory",
        InstanceTypes=list(names),
        ProductDescriptions=["Linux/UNIX"],
        StartTime=datetime.now(timezone.utc),
    )
    newest: dict[tuple[str, str], tuple[Any, float]] = {}
    for each in history:
        key = (each["InstanceType"], each["AvailabilityZone"])
        entry = (each["Timestamp"], float(each["SpotPrice"]))
        newest[key] = max(newest.get(key, entry), entry)
    return {key: price for key, (_, price) in newest.items()}


def _affordable(
    spec: JobSpec, places: Sequence[_Place], left_out: list[str]
) -> Iterator[tuple[Market, _Place]]:
    order = {name: position for position, name in enumerate(spec.resources.instance_types)}

    def preference(place: _Place) -> tuple[int, float, str]:
        price = float("inf") if place.spot_price is None else place.spot_price
        return order[place.machine.name], price, place.zone

    for market in _MARKETS[spec.spot_policy]:
        for place in sorted(places, key=preference):
            reason = _too_dear(spec, market, place)
            if reason is None:
                yield market, place
            else:
                left_out.append(f"{place.machine.name} {market} in {place.zone}: {reason}")


def _too_dear(spec: JobSpec, market: Market, place: _Place) -> str | None:
    if spec.max_price is None:
        return None
    if market == "on-demand":
        return f"its price is unknown, so max_price {spec.max_price} cannot be kept"
    if place.spot_price is not None and place.spot_price > spec.max_price:
        return f"{place.spot_price} USD an hour is over max_price {spec.max_price}"
    return None


def _nowhere(spec: JobSpec, zone: str | None, left_out: Iterable[str]) -> NoCapacityError:
    where = f"zone {zone}, where the job's volumes are" if zone else spec.region
    reasons = "; ".join(left_out) or "no zone offers these instance types"
    return NoCapacityError(
        f"No place for job '{spec.name}' in {where}: {reasons}.",
        where={"job": spec.name, "region": spec.region},
        next_step="Name more instance types or zones, or raise max_price.",
    )


class _Images:
    """Resolves the job's image once for each kind of machine."""

    def __init__(self, spec: JobSpec, cloud: Cloud) -> None:
        self._spec = spec
        self._cloud = cloud
        self._known: dict[str, str] = {}

    def of(self, machine: _Machine) -> str:
        image = self._spec.image
        if image.startswith("ami-"):
            return image
        if image == "auto":
            parameter = _IMAGES[(machine.architecture, machine.has_gpu)]
        else:
            parameter = image.removeprefix("ssm:")
        if parameter not in self._known:
            self._known[parameter] = self._resolve(parameter)
        return self._known[parameter]

    def _resolve(self, parameter: str) -> str:
        try:
            answer = self._cloud.call("ssm", "get_parameter", Name=parameter)
        except NotFoundError as error:
            raise JobFileError(
                f"There is no parameter {parameter} in {self._spec.region} that names an image.",
                where={"field": "image", "region": self._spec.region},
                next_step="Name an image (image: ami-...), or another parameter (image: ssm:/...).",
            ) from error
        return str(answer["Parameter"]["Value"])
