"""Jobs that several providers may run: what a file may say, and what each of them sees."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from support.job_stacks import job_spec

from runctl_auto.job_file.consistency import contradictions
from runctl_auto.job_file.one_provider import cloud_of_type, cloud_of_zone, seen_by
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.job_file.support import unsupported

BOTH = {"providers": ["runpod", "aws"], "resources": {"gpu": "A40:1"}}
TYPES = {"instance_types": ["m5.large", "nvidia-a40.1", "t3.micro"]}


def test_the_first_of_several_stands_for_them() -> None:
    spec = job_spec(**BOTH)
    assert (spec.provider, spec.clouds, spec.recovers_by) == ("runpod", ("runpod", "aws"), "runctl")
    assert JobSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert job_spec().clouds == ("aws",)
    assert JobSpec.model_validate({"name": "here", "provider": "local", "run": "true"}).clouds == ()


@pytest.mark.parametrize("providers", [["aws", "aws"], ["aws", "local"], ["aws", "gcp"], "aws"])
def test_a_list_of_providers_names_each_cloud_once(providers: object) -> None:
    with pytest.raises(ValidationError):
        job_spec(providers=providers)


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"provider": "aws", **BOTH}, "providers"),
        ({"provider_order": "price"}, "provider_order"),
        ({"providers": ["aws"], "provider_order": "price"}, "provider_order"),
        ({**BOTH, "resources": {"instance_types": ["t3.micro"]}}, "resources"),
        ({**BOTH, "zones": ["eu-west-1a"]}, "zones"),
        ({"zones": ["EU-RO-1"]}, "zones"),
        ({"provider": "runpod", "zones": ["us-east-1a"]}, "zones"),
        ({"runpod": {"cloud": "community"}}, "runpod"),
    ],
)
def test_contradictions_name_their_field(fields: dict[str, Any], at: str) -> None:
    assert [each.location[0] for each in contradictions(job_spec(**fields))] == [at]


@pytest.mark.parametrize(
    "fields",
    [
        BOTH,
        {**BOTH, "provider": "runpod", "provider_order": "price"},
        {**BOTH, "zones": ["us-east-1a", "EU-RO-1"]},
        {**BOTH, "resources": TYPES},
        {**BOTH, "runpod": {"cloud": "community"}},
    ],
)
def test_what_agrees_is_accepted(fields: dict[str, Any]) -> None:
    assert contradictions(job_spec(**fields)) == []


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"nodes": 2}, "nodes: 2"),
        (
            {
                "image": "docker:some/image:1",
                "registry_auth": {"username": "me", "password": "REGISTRY_DOCKER_IO"},
            },
            "registry_auth",
        ),
        ({"image": "ami-0123456789abcdef0"}, "image"),
        ({"recovery": "cloud"}, "recovery: cloud"),
        ({"spot_policy": "spot"}, "spot_policy"),
        (
            {"volumes": [{"name": "data", "id": "vol-0123456789abcdef0", "mount": "/d"}]},
            "a volume's id with several",
        ),
        (
            {
                "runpod": {"cloud": "community"},
                "volumes": [{"name": "data", "size": "10GB", "mount": "/data"}],
            },
            "volumes with runpod.cloud",
        ),
        ({"runpod": {"cloud": "community"}, "zones": ["EU-RO-1"]}, "zones with runpod.cloud"),
    ],
)
def test_what_one_of_them_has_not_is_refused_beforehand(fields: dict[str, Any], refused: str) -> None:
    said = [str(each) for each in unsupported(job_spec(**BOTH, **fields))]
    assert any(each.startswith(refused) for each in said), said


def test_each_sees_its_own_types_and_zones() -> None:
    spec = job_spec(**{**BOTH, "resources": TYPES}, zones=["us-east-1a"], provider_order="price")
    aws, runpod = seen_by(spec, "aws"), seen_by(spec, "runpod")
    assert (aws.clouds, runpod.clouds) == (("aws",), ("runpod",))
    assert aws.resources.instance_types == ("m5.large", "t3.micro")
    assert runpod.resources.instance_types == ("nvidia-a40.1",)
    assert (aws.zones, runpod.zones) == (("us-east-1a",), ())
    assert contradictions(aws) == contradictions(runpod) == []
    assert seen_by(job_spec(), "aws") == job_spec()


def test_names_tell_whose_they_are() -> None:
    assert [cloud_of_type(each) for each in ("m5.large", "u-6tb1.56xlarge", "mac1.metal")] == ["aws"] * 3
    assert [cloud_of_type(each) for each in ("nvidia-a40.1", "cpu3c.16")] == ["runpod"] * 2
    assert [cloud_of_zone(each) for each in ("us-east-1a", "EU-RO-1", "COMMUNITY")] == [
        "aws",
        "runpod",
        "runpod",
    ]
