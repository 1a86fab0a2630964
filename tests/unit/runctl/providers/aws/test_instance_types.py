"""Instance types by what they have: what fits, in which order, with how many calls, the nearest if none."""

from __future__ import annotations

import fnmatch
from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.placement_cloud import route_table

from runctl_auto.errors import JobFileError, NoCapacityError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.placement.choice import choose_places
from runctl_auto.placement.fit import fits
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.instance_types import choose_machines
from runctl_auto.providers.aws.offers import machine_fits
from runctl_auto.providers.aws.provider import AwsProvider
from runctl_auto.providers.contract import Account

LONG_AGO = datetime(2026, 1, 1, tzinfo=timezone.utc)
ACCOUNT = Account("123456789012", "aws")


def candidates(spec: JobSpec, cloud: Cloud, account: Account, *, zone: str | None = None) -> Any:
    return choose_places(spec, AwsProvider(cloud), account, zone=zone, known=None).places


GPU_MIB = {"A10G": 22_888, "V100": 16_384}
"""Of the 24 GB of an A10G, some types report what is usable."""


def described(name: str, vcpus: int, memory: float, gpu: str = "", gpus: int = 0, **more: Any) -> Any:
    found = {
        "InstanceType": name,
        "VCpuInfo": {"DefaultVCpus": vcpus},
        "MemoryInfo": {"SizeInMiB": int(memory * 1024)},
        "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
        "Hypervisor": "nitro",
        "EbsInfo": {"NvmeSupport": "required"},
        **more,
    }
    if gpus:
        maker = "AMD" if gpu.startswith("Radeon") else "NVIDIA"
        memory_info = {"SizeInMiB": GPU_MIB[gpu]} if gpu in GPU_MIB else {}
        found["GpuInfo"] = {
            "Gpus": [{"Name": gpu, "Manufacturer": maker, "Count": gpus, "MemoryInfo": memory_info}]
        }
    return found


L4_SHARE = {
    "Name": "L4",
    "Manufacturer": "NVIDIA",
    "Count": 0,
    "LogicalGpuCount": 1,
    "GpuPartitionSize": 0.125,
}
TYPES = [
    described("m5.xlarge", 4, 16),
    described("m5.2xlarge", 8, 32),
    described("c5.2xlarge", 8, 16),
    described("r5.large", 2, 16),
    described("inf2.xlarge", 4, 16, NeuronInfo={"NeuronDevices": [{}]}),
    described("g5.xlarge", 4, 16, "A10G", 1),
    described("g5.12xlarge", 48, 192, "A10G", 4),
    described("g6f.large", 2, 8, GpuInfo={"Gpus": [L4_SHARE]}),
    described("g4ad.xlarge", 4, 16, "Radeon Pro V520", 1),
    described("p3.2xlarge", 8, 61, "V100", 1, EbsInfo={"NvmeSupport": "unsupported"}, Hypervisor="xen"),
]
SPOT = {"m5.xlarge": 0.07, "c5.2xlarge": 0.05, "r5.large": 0.09, "g5.xlarge": 0.4, "m5.2xlarge": 0.08}


class Ec2:
    """Filters as EC2 does: values with ``*``, all filters together; pages of three."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.types = TYPES

    def describe_instance_types(
        self, Filters: Any = (), InstanceTypes: Any = (), MaxResults: int = 0, NextToken: str = "0"
    ) -> Any:
        self.calls.append("describe_instance_types")
        if InstanceTypes:
            assert not MaxResults, "EC2 takes names or a page size, not both"
            return {"InstanceTypes": [each for each in self.types if each["InstanceType"] in InstanceTypes]}
        matching = [each for each in self.types if all(self.passes(each, one) for one in Filters)]
        start = int(NextToken)
        following = {"NextToken": str(start + 3)} if start + 3 < len(matching) else {}
        return {"InstanceTypes": matching[start : start + 3], **following}

    @staticmethod
    def passes(each: Any, one: Any) -> bool:
        value = {
            "instance-type": each["InstanceType"],
            "hypervisor": each["Hypervisor"],
            "vcpu-info.default-vcpus": str(each["VCpuInfo"]["DefaultVCpus"]),
            "processor-info.supported-architecture": "x86_64",
            "bare-metal": "false",
        }[one["Name"]]
        assert len(one["Values"]) <= 200
        return any(fnmatch.fnmatchcase(value, pattern) for pattern in one["Values"])

    def describe_subnets(self, **_: Any) -> Any:
        zones = ("us-east-1a", "us-east-1b")
        return {"Subnets": [{"SubnetId": f"s-{z}", "VpcId": "vpc-1", "AvailabilityZone": z} for z in zones]}

    def describe_route_tables(self, **_: Any) -> Any:
        return {"RouteTables": [route_table("rtb-main", igw="igw-1")]}

    def describe_vpcs(self, **_: Any) -> Any:
        return {"Vpcs": [{"VpcId": "vpc-1"}]}

    def describe_instance_type_offerings(self, Filters: Any, **_: Any) -> Any:
        names = Filters[0]["Values"]
        zones = ("us-east-1a", "us-east-1b")
        return {"InstanceTypeOfferings": [{"InstanceType": n, "Location": z} for n in names for z in zones]}

    def describe_spot_price_history(self, InstanceTypes: Any, **_: Any) -> Any:
        return {
            "SpotPriceHistory": [
                {
                    "InstanceType": name,
                    "AvailabilityZone": zone,
                    "SpotPrice": str(price),
                    "Timestamp": LONG_AGO,
                }
                for name, dear in SPOT.items()
                for zone, price in (("us-east-1a", dear), ("us-east-1b", round(dear + 0.001, 3)))
                if name in InstanceTypes
            ]
        }

    def get_products(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetProducts")

    def get_spot_placement_scores(self, **_: Any) -> Any:
        raise ClientError(
            {"Error": {"Code": "UnauthorizedOperation", "Message": ""}}, "GetSpotPlacementScores"
        )

    def get_service_quota(self, **_: Any) -> Any:
        return {"Quota": {"Value": 999.0}}

    def get_parameter(self, Name: str) -> Any:
        return {"Parameter": {"Value": "ami-12345678"}}

    def describe_images(self, ImageIds: list[str]) -> Any:
        self.calls.append("describe_images")
        return {"Images": [{"ImageId": ImageIds[0]}]}


@pytest.fixture
def ec2() -> Ec2:
    return Ec2()


@pytest.fixture
def cloud(ec2: Ec2) -> Cloud:
    return Cloud(lambda service, region: ec2, "us-east-1", sleep=lambda seconds: None)


def job(*, volumes: Any = (), spot_policy: str = "spot", **resources: Any) -> JobSpec:
    return JobSpec.model_validate(
        {
            "name": "digits",
            "region": "us-east-1",
            "run": "true",
            "resources": resources,
            "volumes": list(volumes),
            "spot_policy": spot_policy,
        }
    )


def names(spec: JobSpec, cloud: Cloud) -> list[str]:
    return [each.name for each in choose_machines(spec, cloud).fitting]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"gpu": "A10G:1"}, ["g5.xlarge"]),
        ({"gpu": "a10g:4"}, ["g5.12xlarge"]),
        ({"gpu": 1}, ["g5.xlarge", "p3.2xlarge"]),
        ({"gpu": "V100"}, ["p3.2xlarge"]),
        ({"gpu": "24GB.."}, ["g5.xlarge"]),
        ({"gpu": "24GB:4"}, ["g5.12xlarge"]),
        ({"gpu": "..16GB"}, ["p3.2xlarge"]),
        ({"gpu": "16GB..24GB"}, ["g5.xlarge", "p3.2xlarge"]),
        ({"gpu": "V100,A10G"}, ["g5.xlarge", "p3.2xlarge"]),
        ({"gpu": {"name": ["v100", "A10G"], "memory": "20GB.."}}, ["g5.xlarge"]),
        ({"instance_types": ["p3.2xlarge", "g5.xlarge"], "gpu": "24GB"}, ["g5.xlarge"]),
        ({"cpu": 4}, ["m5.xlarge"]),
        ({"cpu": 2}, ["r5.large"]),
        ({"instance_types": ["g6f.large"]}, ["g6f.large"]),
        ({"cpu": "4..8", "memory": "16GB..16GB"}, ["m5.xlarge", "c5.2xlarge"]),
        ({"memory": "16GB.."}, ["r5.large", "m5.xlarge", "c5.2xlarge", "m5.2xlarge"]),
        ({"cpu": "5.."}, ["c5.2xlarge", "m5.2xlarge"]),
        ({"cpu": "..2"}, ["r5.large"]),
        ({"instance_types": ["m5.xlarge", "g5.xlarge"]}, ["m5.xlarge", "g5.xlarge"]),
        ({"instance_types": ["m5.xlarge", "g5.12xlarge", "g5.xlarge"], "gpu": "A10G:1"}, ["g5.xlarge"]),
    ],
    ids=str,
)
def test_what_has_what_is_asked_for(resources: Any, expected: list[str], cloud: Cloud) -> None:
    assert names(job(**resources), cloud) == expected


def test_with_volumes_only_types_whose_volumes_the_agent_finds(cloud: Cloud) -> None:
    volume = {"name": "data", "size": "1GB", "mount": "/data"}
    assert names(job(volumes=[volume], gpu=1), cloud) == ["g5.xlarge"]


def test_the_cheapest_of_all_comes_first_and_unknown_prices_last(cloud: Cloud) -> None:
    found = candidates(job(memory="16GB.."), cloud, ACCOUNT)
    assert [(each.instance_type, each.zone[-1], each.price_hour) for each in found] == [
        ("c5.2xlarge", "a", 0.05),
        ("c5.2xlarge", "b", 0.051),
        ("m5.xlarge", "a", 0.07),
        ("m5.xlarge", "b", 0.071),
        ("m5.2xlarge", "a", 0.08),
        ("m5.2xlarge", "b", 0.081),
        ("r5.large", "a", 0.09),
        ("r5.large", "b", 0.091),
    ]


def test_calls_are_bounded(cloud: Cloud, ec2: Ec2) -> None:
    candidates(job(memory="16GB.."), cloud, ACCOUNT)
    assert ec2.calls.count("describe_images") == 1
    assert ec2.calls.count("describe_instance_types") == 3, "three pages"


@pytest.mark.parametrize(
    ("resources", "told", "nearest"),
    [
        ({"gpu": "A10G:3"}, "has 3 A10G GPUs", "g5.12xlarge (48 CPUs, 192 GB, A10G:4); g5.xlarge"),
        ({"gpu": "A100:1"}, "has 1 A100 GPU.", "GPU models there: A10G, L4, Radeon Pro V520, V100."),
        ({"gpu": "L4:1"}, "has 1 L4 GPU.", "g6f.large (2 CPUs, 8 GB, L4:1/8)"),
        (
            {"gpu": "A100,H100:8"},
            "has 8 A100 or H100 GPUs",
            "GPU models there: A10G, L4, Radeon Pro V520, V100.",
        ),
        (
            {"gpu": "40GB.."},
            "has 1 NVIDIA GPU with 40.. GB",
            "g5.xlarge (4 CPUs, 16 GB, A10G:1) with 24 GB each; p3.2xlarge (8 CPUs, 61 GB, V100:1) with",
        ),
        ({"cpu": "500.."}, "has 500.. CPUs", "c5.2xlarge (8 CPUs, 16 GB); m5.2xlarge (8 CPUs, 32 GB)"),
        ({"cpu": 4, "memory": "1GB"}, "4 CPUs and 1 GB of memory", "m5.xlarge (4 CPUs, 16 GB)"),
        ({"instance_types": ["m5.xlarge"], "cpu": 8}, "has 8 CPUs", "m5.xlarge (4 CPUs, 16 GB)"),
    ],
    ids=str,
)
def test_the_nearest_that_exist_are_named(resources: Any, told: str, nearest: str, cloud: Cloud) -> None:
    with pytest.raises(JobFileError, match="No instance type of us-east-1") as raised:
        choose_machines(job(**resources), cloud)
    assert told in raised.value.what
    assert nearest in str(raised.value.next_step)
    assert raised.value.exit_code == 7


def test_a_machine_that_was_chosen_stays_while_it_has_what_is_asked_for(cloud: Cloud, ec2: Ec2) -> None:
    before = job(cpu="4..8")
    place = candidates(before, cloud, ACCOUNT)[0]
    assert place.instance_type == "c5.2xlarge"
    ec2.calls.clear()
    assert fits(place, before)
    assert machine_fits(place, before, before, cloud)
    assert ec2.calls == [], "an unchanged wish is not asked about again"
    assert machine_fits(place, job(memory="16GB.."), before, cloud)
    assert not machine_fits(place, job(cpu="4..6"), before, cloud)
    assert machine_fits(place, job(instance_types=["c5.2xlarge"]), before, cloud)


def test_no_more_places_than_can_be_tried(cloud: Cloud, ec2: Ec2) -> None:
    ec2.types = [described(f"m9.x{number}", 4, 16) for number in range(60)]
    assert len(candidates(job(cpu=4), cloud, ACCOUNT)) == 20
    assert len(candidates(job(cpu=4, spot_policy="auto"), cloud, ACCOUNT)) == 40


def test_a_place_may_still_be_missing(cloud: Cloud, ec2: Ec2) -> None:
    ec2.describe_instance_type_offerings = lambda **_: {"InstanceTypeOfferings": []}  # type: ignore[method-assign]
    with pytest.raises(NoCapacityError, match="no zone offers"):
        candidates(job(gpu="A10G:1"), cloud, ACCOUNT)
