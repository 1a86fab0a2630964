"""``offers``: without a stack, tied to the zone of a job's volumes, and also when nothing is possible."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import instance_state, job_spec, offers, placement, stack_state, volume_state
from support.job_stacks import stack_config as config
from support.output_schemas import problems
from support.sessions import fake_provider, fake_session

from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.errors import EngineError
from runctl_auto.jobs.session import Session
from runctl_auto.operations.offers import find_offers
from runctl_auto.providers.contract import Offer, Offers, Quota

QUOTA = Quota("G and VT spot vCPUs", 0, "https://example.com/quota")
TOO_SMALL = Offer(
    instance_type="g5.xlarge", zone="us-east-1a", market="spot", left_out="the quota is 0", quota=QUOTA
)


def session(found: Offers, *state: dict[str, Any], **driver: Any) -> Session:
    provider = fake_provider()
    provider.offers.return_value = found
    fake = create_autospec(Driver, instance=True)
    fake.jobs.return_value = [JobSummary("digits", 1, None, busy=False)] if state else ()
    fake.states.return_value = {"digits": stack_state(*state)}
    fake.config_of.return_value = config().to_values()
    fake.configure_mock(**driver)
    return fake_session(provider=provider, driver=fake)


def test_without_a_stack_every_zone_is_asked_for() -> None:
    world = session(offers(placement(), notes=("scores are unknown",)))
    found = find_offers(world, job_spec())
    assert found.problem is None
    assert found.zone is None
    assert found.notes == ("scores are unknown",)
    assert world.provider().offers.call_args.kwargs["zone"] is None  # type: ignore[attr-defined]
    assert problems("offers", found.as_json()) == []


def test_the_zone_of_the_jobs_volumes_is_the_only_one() -> None:
    world = session(offers(placement()), instance_state(), volume_state())
    volume = {"name": "data", "size": "10GB", "mount": "/data"}
    found = find_offers(world, job_spec(volumes=[volume]))
    assert found.zone == "us-east-1b"
    assert world.provider().offers.call_args.kwargs["zone"] == "us-east-1b"  # type: ignore[attr-defined]
    assert found.notes[0] == "the job's volumes are in us-east-1b: no other zone is possible"


def test_what_is_left_out_is_listed_also_when_nothing_is_left() -> None:
    found = find_offers(session(Offers((TOO_SMALL,), unusable=("subnet-1: no way out",))), job_spec())
    assert [each["left_out"] for each in found.as_json()["offers"]] == ["the quota is 0"]
    assert problems("offers", found.as_json()) == []
    assert found.problem is not None
    assert found.problem.exit_code == 6
    assert "subnet-1: no way out" in found.problem.what
    assert QUOTA.link in str(found.problem.next_step)


def test_a_state_that_cannot_be_read_is_told() -> None:
    world = session(
        offers(placement()), instance_state(), **{"states.return_value": {"digits": EngineError("x")}}
    )
    with pytest.raises(EngineError):
        find_offers(world, job_spec())
