"""Jobs that AWS and RunPod may both run, in the sandbox: what one refuses the other takes; both end clean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from support.cloud_faults import Fault, trouble
from support.cloud_keys import client_keys
from support.runctl_cli import Runctl
from support.runpod_jobs import RunpodJobs, weights_after
from support.waiting import await_output

pytestmark = pytest.mark.sandbox

ALWAYS = 1000
REFUSED = "InsufficientInstanceCapacity"
AWS_FIRST, RUNPOD_FIRST = ["aws", "runpod"], ["runpod", "aws"]
TYPES = {"instance_types": ["m5.large", "nvidia-a40.1"]}


@pytest.fixture
def jobs(runctl: Runctl) -> RunpodJobs:
    return RunpodJobs(runctl)


@pytest.fixture(autouse=True)
def _no_faults_left(jobs: RunpodJobs, cloud_url: str) -> Iterator[None]:
    yield
    jobs.control("DELETE", "faults")


def of_both(jobs: RunpodJobs, name: str, order: list[str], **fields: Any) -> str:
    return jobs.write(
        name,
        **{"provider": order[0], "providers": order, "resources": TYPES, "zones": ["us-east-1a"], **fields},
    )


def aws_refuses(job: str) -> Fault:
    return Fault("ec2:RunInstances", REFUSED, ALWAYS, {"Job": job})


def access_at_aws(job: str, cloud_url: str) -> dict[str, list[str]]:
    """The names of the job's IAM roles and users."""
    iam = boto3.client("iam", endpoint_url=cloud_url, region_name="us-east-1", **client_keys(cloud_url))
    mine = f"runctl-{job}-"
    return {
        "roles": [each["RoleName"] for each in iam.list_roles()["Roles"] if mine in each["RoleName"]],
        "users": [each["UserName"] for each in iam.list_users()["Users"] if mine in each["UserName"]],
    }


def at_runpod(jobs: RunpodJobs, job: str) -> list[str]:
    found = jobs.control("GET", "inventory")
    return [kind for kind, items in found.items() for each in items if f"runctl-{job}-" in each["name"]]


def test_what_aws_refuses_runpod_takes(jobs: RunpodJobs, cloud_url: str, ended: list[str]) -> None:
    ended.append("crossing")
    file = of_both(jobs, "crossing", AWS_FIRST)
    with trouble(cloud_url, aws_refuses("crossing")):
        up = jobs.runctl.json("up", file, "--yes")
    assert up["phase"] == "succeeded"
    assert up["placement"]["provider"] == "runpod"
    assert {(each["provider"], each["code"]) for each in up["trail"]} == {("aws", REFUSED)}
    assert (
        jobs.runctl.folder / "runs" / "crossing" / up["run"] / "model/weights"
    ).read_text() == weights_after(3)
    assert access_at_aws("crossing", cloud_url)["roles"] == [], "the access of machines of AWS is gone"
    assert jobs.runctl.json("describe", "crossing")["trail"] == up["trail"]
    receipt = jobs.runctl.json("down", "crossing", "--yes")
    assert receipt["leaked"] == []
    assert jobs.left("crossing", cloud_url) == []


@pytest.mark.matrix
def test_what_runpod_refuses_aws_takes(jobs: RunpodJobs, cloud_url: str, ended: list[str]) -> None:
    ended.append("crossing-back")
    file = of_both(jobs, "crossing-back", RUNPOD_FIRST, env={"EPOCHS": "400"})
    plan = jobs.runctl("preview", file).text
    assert "(RunPod)" in plan
    assert "the next machine may be at RunPod or AWS" in plan
    jobs.fail("no-capacity", times=ALWAYS)
    up = jobs.runctl("up", file, "--yes", "--detach")
    assert "(RunPod): 400; trying m5.large" in up.text
    told = jobs.runctl.json("describe", "crossing-back")
    assert told["placement"]["provider"] == "aws"
    assert {each["provider"] for each in told["trail"]} == {"runpod"}
    assert "(RunPod): 400" in jobs.runctl("describe", "crossing-back").out
    assert at_runpod(jobs, "crossing-back") == [], "nothing waits at RunPod"
    assert access_at_aws("crossing-back", cloud_url)["users"] == []
    assert jobs.runctl("leaks").code == 0
    jobs.runctl("down", "crossing-back", "--yes", "--discard-artifacts", "--grace", "1")
    assert jobs.left("crossing-back", cloud_url) == []


@pytest.mark.matrix
def test_both_refuse_and_one_down_leaves_nothing(jobs: RunpodJobs, cloud_url: str, ended: list[str]) -> None:
    ended.append("refused-twice")
    file = of_both(jobs, "refused-twice", AWS_FIRST)
    jobs.fail("no-capacity", times=ALWAYS)
    with trouble(cloud_url, aws_refuses("refused-twice")):
        refused = jobs.runctl.json("up", file, "--yes", code=6)
    assert {each["provider"] for each in refused["error"]["trail"]} == {"aws", "runpod"}
    jobs.control("DELETE", "faults")
    up = jobs.runctl.json("up", file, "--yes", "--detach")
    assert up["placement"]["provider"] in ("aws", "runpod")
    jobs.runctl("down", "refused-twice", "--yes", "--discard-artifacts", "--grace", "1")
    assert jobs.left("refused-twice", cloud_url) == []


@pytest.mark.matrix
def test_a_spent_balance_leaves_the_job_to_the_other(
    jobs: RunpodJobs, cloud_url: str, ended: list[str]
) -> None:
    ended.append("no-money")
    file = of_both(jobs, "no-money", RUNPOD_FIRST)
    jobs.fail("balance-spent", "POST /v2/pods", ALWAYS)
    up = jobs.runctl.json("up", file, "--yes", "--detach")
    assert up["placement"]["provider"] == "aws"
    assert [(each["provider"], each["code"]) for each in up["trail"]] == [("runpod", "402")]
    jobs.runctl("down", "no-money", "--yes", "--discard-artifacts", "--grace", "1")
    assert jobs.left("no-money", cloud_url) == []


@pytest.mark.matrix
def test_offers_of_both_are_in_one_table(jobs: RunpodJobs, cloud_url: str) -> None:
    file = of_both(jobs, "one-table", AWS_FIRST)
    offers = jobs.runctl.json("offers", file)["offers"]
    order = [each["provider"] for each in offers if each["left_out"] is None]
    assert order == sorted(order), "those of AWS come first"
    assert set(order) == {"aws", "runpod"}
    assert "PROVIDER" in jobs.runctl("offers", file).out
    by_price = of_both(jobs, "one-table", AWS_FIRST, provider_order="price")
    found = [each for each in jobs.runctl.json("offers", by_price)["offers"] if each["left_out"] is None]
    prices = [each["expected_hour"] for each in found]
    assert len({each["provider"] for each in found}) == 2
    assert prices == sorted(prices)


@pytest.mark.matrix
def test_a_lost_pod_is_replaced_by_a_machine_of_aws(
    jobs: RunpodJobs, cloud_url: str, ended: list[str]
) -> None:
    ended.append("lost-over")
    file = of_both(jobs, "lost-over", RUNPOD_FIRST, env={"EPOCHS": "12"})
    process = jobs.runctl.start("up", file, "--yes")
    await_output(process, "epoch 5")
    (pod,) = [each for each in jobs.control("GET", "inventory")["pods"] if "lost-over" in each["name"]]
    jobs.fail("no-capacity", times=ALWAYS)
    jobs.control("POST", f"pods/{pod['id']}/vanish", {})
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, out + err
    assert "going on from checkpoint" in out + err
    told = jobs.runctl.json("describe", "lost-over")
    assert told["placement"]["provider"] == "aws"
    cost = jobs.runctl.json("cost", "lost-over")
    print(f"COUNTED cost {cost}")
    assert jobs.runctl.json("down", "lost-over", "--yes")["leaked"] == []
    assert jobs.left("lost-over", cloud_url) == []
