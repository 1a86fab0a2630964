"""Cost so far against the emulated cloud's launch history: what the metadata service, the agents and EC2 tell
of three machines, two of them interrupted.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any
from unittest import mock

import pytest
from support.agent_stand_ins import MemoryStore
from support.emulated_account import Account
from support.job_stacks import placement, stack_config

from runctl_auto.agent.keys import status_key
from runctl_auto.agent.machine.machine_identity import read_identity
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.status import Outcome, StatusWriter, read_previous
from runctl_auto.cost.bill_json import bill_from_json, bill_to_json
from runctl_auto.cost.charges import HeldVolume, JobRecords, charges, machines_to_ask_for
from runctl_auto.cost.ledger import Bill, Period, grouped, merged
from runctl_auto.cost.spent import Spent, spent
from runctl_auto.jobs.bills.last import bill_of
from runctl_auto.providers.aws.machines import find_machines
from runctl_auto.run.status import parse_run_status
from runctl_auto.stack.prices import Rates
from sandbox.aws.cloud.description import describe
from sandbox.hosts.cloud_client import snapshot_of
from sandbox.hosts.metadata_service import Metadata, Sources

PRICE = 3.6
"""A second costs 0.001 USD."""
RATES = Rates(volume_gb_month=0.08, public_ipv4_hour=0.005)
GB_HOUR = 0.08 / 730
CONFIG = AgentConfig("digits", "r1", "us-east-1", "b", "1", "a", "x", "s", "0", 0.0, None)
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


class Job:
    """A job in the emulated cloud; its agents are the real writers of the statuses of its runs."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._ec2 = account.client("ec2")
        self._store = MemoryStore()
        self._image = account.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
        self.run = "r1"
        self.prices: dict[str, float] = {}
        self.volumes: list[HeldVolume] = []

    def launch(self, market: str = "spot", price: float = PRICE) -> tuple[str, StatusWriter]:
        """A machine that runs, and its agent, which has said its first word."""
        options = {"InstanceMarketOptions": {"MarketType": "spot"}} if market == "spot" else {}
        made = self._ec2.run_instances(
            ImageId=self._image,
            InstanceType="m5.large",
            MinCount=1,
            MaxCount=1,
            InstanceInitiatedShutdownBehavior="terminate",
            **options,
        )
        identity = str(made["Instances"][0]["InstanceId"])
        self._account.after(17.3)
        self.prices[identity] = price
        key = status_key(self.run)
        status = StatusWriter(
            replace(CONFIG, run=self.run),
            read_identity(_MetadataOf(self._instance(identity))),
            self._store,
            previous=read_previous(self._store, key, self.run),
            clock=lambda: self._account.now,
            ticks=lambda: self._account.now,
        )
        status.price_machine(lambda _type, _market: price)
        status.enter("running")
        return identity, status

    def interrupt(self, identity: str, notice: float) -> None:
        self._account.lifecycle.interrupt(identity, notice)
        self._account.lifecycle.advance()

    def terminate(self, identity: str) -> None:
        """As `down`, or somebody by hand."""
        self._ec2.terminate_instances(InstanceIds=[identity])

    def end(self, identity: str, status: StatusWriter, phase: str = "interrupted") -> None:
        """As the agent does after a notice: its last word, then it shuts its machine down."""
        status.end(Outcome(phase, "interruption"), self._store)
        self._account.now += 0.4
        self._account.lifecycle.host_ended(identity, 1)

    def history(self) -> dict[str, float]:
        """Seconds of each machine, as the cloud knows them."""
        now = self._account.now
        lives = self._account.lifecycle.lives()
        return {life.machine.id: (life.ended or now) - life.launched for life in lives}

    def records(self, runs: Sequence[str]) -> JobRecords:
        now = datetime.fromtimestamp(self._account.now, timezone.utc)
        keys = [(run, status_key(run)) for run in runs if status_key(run) in self._store.objects]
        statuses = [parse_run_status(self._store.objects[key], run) for run, key in keys]
        wanted = [each for status in statuses for each in machines_to_ask_for(status, now)]
        config = stack_config(
            placement=placement(price_hour=PRICE, instance_type="m5.large", disk_gb=20, public_address=True),
            rates=RATES,
        )
        return JobRecords(
            config=config,
            now=now,
            status=statuses[-1],
            earlier=statuses[:-1],
            volumes=self.volumes,
            machines=find_machines(self._account.cloud, wanted),
        )

    def cost(self) -> Spent:
        return spent(self.records(["r1"]))

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
    assert found.of("machine").usd == pytest.approx(
        sum(job.history().values()) * PRICE / 3600, abs=PRICE / 3600
    )
    assert found.hour.usd == pytest.approx(PRICE + 20 * GB_HOUR + 0.005)


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


KINDS = (
    "spot",
    "on-demand",
    "interrupted",
    "silent",
    "by hand",
    "failed",
    "kept volume",
    "deleted volume",
    "goes on",
    "gone",
    "killed",
    "killed twice",
)
"""Each is in the history of every twelfth seed, and in others by chance."""
HISTORIES = [pytest.param(seed, marks=[] if seed in (3, 10) else [pytest.mark.matrix]) for seed in range(40)]
"""Two of them in every run of the tests."""


class History:
    """A job's life by a seed. ``bills`` are those that killed teardowns have kept meanwhile."""

    def __init__(self, account: Account, job: Job, seed: int) -> None:
        self.account, self.job = account, job
        self.chosen = random.Random(seed)
        self.forced = KINDS[seed % len(KINDS)]
        self.runs: list[str] = []
        self.bills: list[Bill] = []
        self.began = account.now
        self.volume_hours = 0.0

    def has(self, kind: str, chance: float) -> bool:
        return self.forced == kind or self.chosen.random() < chance

    def live(self) -> None:
        """Runs in both markets at prices that change, each on one machine or several."""
        kills = {"killed": 1, "killed twice": 2}.get(self.forced, self.chosen.randint(0, 1))
        for number in range(1, self.chosen.randint(2, 4)):
            self.job.run = f"r{number}"
            self.runs.append(self.job.run)
            many = self.forced in ("interrupted", "silent")
            for is_last in (*[False] * (1 if many else self.chosen.randint(0, 2)), True):
                market = self._market(is_last=is_last)
                machine, agent = self.job.launch(market, price=self.chosen.randint(1, 400) / 100)
                self.account.after(self.chosen.uniform(1, 120))
                agent.write()
                self.account.after(self.chosen.uniform(0, 14))
                if kills and is_last:
                    kills -= 1
                    self._kill_a_teardown()
                self._end(machine, agent, is_last=is_last, market=market)
                self.account.after(self.chosen.uniform(2, 60))
        if self.has("goes on", 0.3):
            self.job.run = "goes-on"
            self.runs.append(self.job.run)
            _, agent = self.job.launch(price=0.5)
            self.account.after(self.chosen.uniform(1, 900))
            agent.write()
            self.account.after(10)
        self._end_volume()

    def bill(self) -> Bill:
        """As the job is known now, with what killed teardowns kept of it: as JSON, which outlives the job."""
        final = self._bill()
        if self.has("gone", 0.5) or self.bills:
            final = replace(final, gone=True)
            texts = [json.dumps(bill_to_json(each)) for each in (*self.bills, final)]
            (final,) = merged(bill_from_json(json.loads(text)) for text in texts)
        return final

    def _market(self, *, is_last: bool) -> str:
        if self.forced in ("spot", "on-demand"):
            return self.forced
        wants_spot = self.forced in ("interrupted", "silent") and not is_last
        return "spot" if wants_spot else self.chosen.choice(["spot", "on-demand"])

    def _kill_a_teardown(self) -> None:
        """`down` has kept the bill as it was, and is killed before it has deleted anything: the job goes on,
        until another one."""
        self.job.volumes = [HeldVolume(id="vol-1", gb=100, since=_at(self.began))]
        self.bills.append(replace(self._bill(), gone=True))
        self.account.after(self.chosen.uniform(1, 40))

    def _bill(self) -> Bill:
        records = self.job.records(self.runs)
        return bill_of(records.config, tuple(charges(records)))

    def _end_volume(self) -> None:
        self.job.volumes = []
        if not self.bills and not self.has("kept volume", 0.3) and not self.has("deleted volume", 0.4):
            return
        kept = self.forced == "kept volume"
        kept |= self.forced != "deleted volume" and self.chosen.random() < 0.5
        now = self.account.now
        until = now if kept else self.chosen.uniform(now - 1, now)
        end = None if kept else _at(until)
        self.job.volumes = [HeldVolume(id="vol-1", gb=100, since=_at(self.began), until=end)]
        self.volume_hours = (until - self.began) / 3600

    def _end(self, machine: str, agent: StatusWriter, *, is_last: bool, market: str) -> None:
        ways = ["told", "by hand", *(["silent"] if market == "spot" and not is_last else [])]
        asked = {"interrupted": "told", "failed": "told"}.get(self.forced, self.forced)
        match asked if asked in ways else self.chosen.choice(ways):
            case "told":
                ends = ["failed"] if self.forced == "failed" else ["succeeded", "failed", "stopped"]
                self.job.end(machine, agent, self.chosen.choice(ends) if is_last else "interrupted")
            case "by hand":
                if is_last:
                    agent.end(Outcome("stopped", "down"), self.job._store)
                self.job.terminate(machine)
            case _:
                self.job.interrupt(machine, notice=0.0)


@pytest.mark.parametrize("seed", HISTORIES)
def test_the_ledger_equals_the_launch_history_to_the_cent(account: Account, job: Job, seed: int) -> None:
    """Runs in both markets at prices that change: interrupted with and without a word, failed, ended by hand,
    going on; a volume that is kept or deleted; jobs that are gone; teardowns that were killed once or twice.
    All of it is within the hour in which EC2 tells when a machine ended.
    """
    life = History(account, job, seed)
    life.live()
    hours = {each: seconds / 3600 for each, seconds in job.history().items()}
    expected = sum(hours[each] * (job.prices[each] + 20 * GB_HOUR + 0.005) for each in hours)
    expected += life.volume_hours * 100 * GB_HOUR
    bill = life.bill()
    until = datetime.fromtimestamp(account.now, timezone.utc)
    (group,) = grouped((bill,), "job", Period(until=until))
    assert len(hours) == sum(each.kind == "machine" for each in bill.charges)
    assert group.usd.complete
    assert group.usd.usd == pytest.approx(expected, abs=0.01)


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
