"""Cost so far against the emulated cloud's launch history: what the metadata service, the agents and EC2 tell
of three machines, two of them interrupted.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any
from unittest import mock

import pytest
from support.agent_stand_ins import MemoryStore
from support.emulated_account import Account
from support.job_stacks import placement, stack_config

from runctl_auto.agent.config import AgentConfig
from runctl_auto.agent.contract import status_key
from runctl_auto.agent.machine_identity import read_identity
from runctl_auto.agent.status import Outcome, StatusWriter, read_previous
from runctl_auto.cost.charges import JobRecords, machines_to_ask_for
from runctl_auto.cost.spent import Spent, spent
from runctl_auto.providers.aws.machines import find_machines
from runctl_auto.run.status import parse_run_status
from sandbox.aws.cloud.description import describe
from sandbox.hosts.cloud_client import snapshot_of
from sandbox.hosts.metadata_service import Metadata, Sources

PRICE = 3.6
"""A second costs 0.001 USD."""
CONFIG = AgentConfig("digits", "r1", "us-east-1", "b", "1", "a", "x", "s", 0.0, None)
KEY = status_key("r1")
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


class Job:
    """A run in the emulated cloud; its agents are the real writers of its status."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._ec2 = account.client("ec2")
        self._store = MemoryStore()
        self._image = account.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]

    def launch(self) -> tuple[str, StatusWriter]:
        """A spot machine that runs, and its agent, which has said its first word."""
        made = self._ec2.run_instances(
            ImageId=self._image,
            InstanceType="m5.large",
            MinCount=1,
            MaxCount=1,
            InstanceMarketOptions={"MarketType": "spot"},
            InstanceInitiatedShutdownBehavior="terminate",
        )
        identity = str(made["Instances"][0]["InstanceId"])
        self._account.after(17.3)
        status = StatusWriter(
            CONFIG,
            read_identity(_MetadataOf(self._instance(identity))),
            self._store,
            previous=read_previous(self._store, KEY),
            clock=lambda: self._account.now,
            ticks=lambda: self._account.now,
        )
        status.price_machine(lambda _type, _market: PRICE)
        status.enter("running")
        return identity, status

    def interrupt(self, identity: str, notice: float) -> None:
        self._account.lifecycle.interrupt(identity, notice)

    def end(self, identity: str, status: StatusWriter) -> None:
        """As the agent does after a notice: its last word, then it shuts its machine down."""
        status.end(Outcome("interrupted", "interruption"), self._store)
        self._account.now += 0.4
        self._account.lifecycle.host_ended(identity, 1)

    def history(self) -> list[float]:
        """Seconds of each machine, as the cloud knows them."""
        now = self._account.now
        return [(life.ended or now) - life.launched for life in self._account.lifecycle.lives()]

    def cost(self) -> Spent:
        now = datetime.fromtimestamp(self._account.now, timezone.utc)
        status = parse_run_status(self._store.objects[KEY], "r1")
        machines = find_machines(self._account.cloud, list(machines_to_ask_for(status, now)))
        config = stack_config(placement=placement(price_hour=PRICE, instance_type="m5.large"))
        return spent(JobRecords(config=config, now=now, status=status, machines=machines))

    def _instance(self, identity: str) -> Any:
        told = json.loads(json.dumps({"version": 1, **describe(self._account.lifecycle.lives())}))
        return next(each for each in snapshot_of(told).instances if each.id == identity)


class _MetadataOf:
    """What the sandbox's metadata service answers to a machine."""

    def __init__(self, instance: Any) -> None:
        self._metadata = Metadata(instance, mock.create_autospec(Sources, instance=True))

    def get(self, path: str) -> str | None:
        told = self._metadata.get(path)
        return None if told is None else told.decode()


@pytest.fixture
def job(account: Account) -> Job:
    return Job(account)


def test_three_machines_of_which_two_were_interrupted(account: Account, job: Job) -> None:
    silent, first = job.launch()
    account.after(100)
    first.write()
    account.after(9)
    job.interrupt(silent, notice=0.0)
    account.after(40)
    told, second = job.launch()
    account.after(300)
    job.interrupt(told, notice=120.0)
    account.after(5.1)
    job.end(told, second)
    account.after(30)
    _, third = job.launch()
    account.after(600)
    third.write()
    account.after(12)

    found = job.cost()
    assert len(found.machines) == 3
    assert found.of("machine").complete
    assert found.of("machine").usd == pytest.approx(sum(job.history()) * PRICE / 3600, abs=PRICE / 3600)
    assert found.hour.usd == pytest.approx(PRICE)


def test_a_machine_that_the_cloud_has_forgotten_costs_at_least_until_it_was_seen(
    account: Account, job: Job
) -> None:
    silent, first = job.launch()
    account.after(100)
    first.write()
    job.interrupt(silent, notice=0.0)
    account.after(30)
    account.after(2)
    account.after(4000)
    _, second = job.launch()
    second.write()
    found = job.cost()
    expected = (117.3 + 17.3) * PRICE / 3600
    assert not found.of("machine").complete
    assert found.of("machine").usd == pytest.approx(expected, abs=2 * PRICE / 3600)
