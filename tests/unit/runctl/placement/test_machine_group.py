"""The group of a run: one launch template for all places that are alike."""

from __future__ import annotations

from support.job_stacks import job_spec, placement

from runctl_auto.placement.machine_group import choose_group

FIRST = placement(root_device="/dev/sda1")
VOLUME = [{"name": "data", "size": "10GB", "mount": "/data"}]


def test_it_has_the_types_and_subnets_of_all_places_like_the_first() -> None:
    group = choose_group(
        job_spec(),
        [
            FIRST,
            placement(instance_type="m5.large", price_hour=0.03),
            placement(zone="us-east-1b", subnet="subnet-2", price_hour=0.02),
            placement(market="on-demand", subnet="subnet-3"),
            placement(image="ami-arm", instance_type="t4g.micro"),
            placement(public_address=True, subnet="subnet-4"),
        ],
        7,
    )
    assert group.instance_types == ("t3.micro", "m5.large")
    assert group.prices == {"t3.micro": 0.02, "m5.large": 0.03}, "of each type in its dearest zone"
    assert group.dearest == ("m5.large", 0.03)
    assert group.subnets == ("subnet-1", "subnet-2")
    assert (group.root_device, group.began_at) == ("/dev/sda1", 7)


def test_volumes_keep_it_in_the_zone_of_the_first() -> None:
    places = [FIRST, placement(zone="us-east-1b", subnet="subnet-2", instance_type="m5.large")]
    assert choose_group(job_spec(volumes=VOLUME), places, 7).subnets == ("subnet-1",)
    assert choose_group(job_spec(volumes=VOLUME), places, 7).instance_types == ("t3.micro",)


def test_a_price_that_is_not_known_makes_the_highest_unknown() -> None:
    group = choose_group(job_spec(), [FIRST, placement(instance_type="m5.large", price_hour=None)], 7)
    assert group.prices["m5.large"] is None
    assert group.dearest == ("m5.large", None)


def test_a_place_of_an_earlier_version_has_the_usual_root_device() -> None:
    assert choose_group(job_spec(), [placement()], 7).root_device == "/dev/xvda"
