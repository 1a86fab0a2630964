"""Configurations, states and reporters for tests of operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from runctl_auto.engine.events import EngineEvent
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.providers.contract import Offer, Offers
from runctl_auto.run.identity import RunIdentity
from runctl_auto.stack.config import Placement, Protection, StackConfig
from runctl_auto.stack.state import StackState, parse_state

RUN = RunIdentity("r1", 1, "r1", "c" * 64, "a" * 64)


def job_spec(**changes: Any) -> JobSpec:
    values: dict[str, Any] = {
        "name": "digits",
        "region": "us-east-1",
        "run": "true",
        "resources": {"instance_types": ["t3.micro", "m5.large"]},
        **changes,
    }
    return JobSpec.model_validate(values)


def placement(**changes: Any) -> Placement:
    values: dict[str, Any] = {
        "account": "111122223333",
        "partition": "aws",
        "region": "us-east-1",
        "zone": "us-east-1a",
        "vpc": "vpc-1",
        "subnet": "subnet-1",
        "image": "ami-1",
        "instance_type": "t3.micro",
        "market": "spot",
        "price_hour": 0.01,
        **changes,
    }
    return Placement(**values)


def offers(*places: Placement, notes: tuple[str, ...] = ()) -> Offers:
    """An offer for each place, at its price."""
    return Offers(
        tuple(
            Offer(
                instance_type=each.instance_type,
                zone=each.zone,
                market=each.market,
                provider=each.provider,
                price_hour=each.price_hour,
                places=(each,),
            )
            for each in places
        ),
        notes,
    )


def stack_config(**changes: Any) -> StackConfig:
    values: dict[str, Any] = {
        "job": job_spec(),
        "run": RUN,
        "placement": placement(),
        "owner": "ann",
        "protection": Protection(),
        **changes,
    }
    return StackConfig(**values)


def instance_state(identity: str = "i-1") -> dict[str, Any]:
    return resource("aws:ec2/instance:Instance", "digits-machine-instance", identity)


def group_state(name: str = "runctl-digits-group-1") -> dict[str, Any]:
    return resource("aws:autoscaling/group:Group", "digits-machines-group", name)


def volume_state(name: str = "data", *, zone: str = "us-east-1b", protect: bool = False) -> dict[str, Any]:
    return {
        **resource("aws:ebs/volume:Volume", f"digits-{name}-volume", f"vol-{name}"),
        "protect": protect,
        "created": "2025-12-31T23:00:00Z",
        "outputs": {"availabilityZone": zone, "size": 100},
    }


def network_volume_state(name: str = "data", *, zone: str = "EU-RO-1") -> dict[str, Any]:
    return {
        **resource("runctl-runpod:index:NetworkVolume", f"digits-{name}", f"nv-{name}"),
        "created": "2025-12-31T23:00:00Z",
        "outputs": {"dataCenter": zone, "size": 100},
    }


def resource(token: str, name: str, identity: str) -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:digits::runctl::{token}::{name}",
        "type": token,
        "id": identity,
        "custom": True,
    }


def stack_state(*resources: dict[str, Any]) -> StackState:
    return parse_state({"resources": list(resources)})


class Told:
    """A reporter that records everything."""

    def __init__(self, *, agrees: bool = True, answers: str = "") -> None:
        self.asked: list[str] = []
        self.questions: list[str] = []
        self._answers = answers
        self.said: list[str] = []
        self.lines: list[str] = []
        self.plans: list[PlanView] = []
        self._agrees = agrees

    def say(self, text: str) -> None:
        self.said.append(text)

    def plan(self, view: PlanView) -> None:
        self.plans.append(view)

    def confirm(self, question: str) -> bool:
        self.questions.append(question)
        return self._agrees

    def ask(self, question: str) -> str:
        self.asked.append(question)
        return self._answers

    def log_line(self, line: str, rank: int | None = None) -> None:
        self.lines.append(line if rank is None else f"[{rank}] {line}")

    def engine_event(self, event: EngineEvent) -> None:
        pass

    def engine_output(self, line: str) -> None:
        pass

    @contextmanager
    def working(self, title: str, *, after: float = 0.0) -> Iterator[None]:
        yield

    def progress(self, text: str) -> None:
        pass


class FakeTime:
    """A clock that sleeping advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now
