"""A quota that holds no machine is told with its link before anything is made, by ``up`` and ``doctor``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.cloud_keys import control
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.runctl_cli import Runctl

pytestmark = pytest.mark.sandbox

SPOT, ON_DEMAND = "L-3819A6DF", "L-DB2E81BA"


def set_quotas(cloud_url: str, value: float) -> None:
    control(cloud_url, "POST", "quotas", {SPOT: value, ON_DEMAND: value})


@pytest.fixture
def without_gpus(cloud_url: str) -> Iterator[None]:
    """The account may have no G instances, as a new one."""
    set_quotas(cloud_url, 0)
    yield
    set_quotas(cloud_url, 1920)


@pytest.mark.usefixtures("without_gpus")
def test_a_quota_of_0_is_told_before_the_first_try(runctl: Runctl, cloud_url: str) -> None:
    job = write_job(runctl.folder, "quota", resources={"instance_types": ["g5.xlarge"]})
    refused = runctl("up", str(job), "--yes", code=6)
    for code in (SPOT, ON_DEMAND):
        assert f"/servicequotas/home/services/ec2/quotas/{code}?region=us-east-1" in refused.err
    assert leaks("quota", cloud_url) == []
    assert "quota" not in runctl("ls").out, "the stack that was made for it is gone"

    problems = [each for each in runctl.json("doctor", code=1)["findings"] if each["verdict"] == "problem"]
    assert [each["subject"] for each in problems] == ["quotas", "quotas"]
    assert SPOT in problems[0]["fix"]
