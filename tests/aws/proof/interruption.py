"""Interrupts a spot machine with the fault injection service (FIS)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aws.proof.account import CLOUD_ERRORS, Account, code_of, in_words, wait_until
from aws.proof.course import Deadline
from aws.proof.policy_role import PolicyRole

ACTION = "aws:ec2:send-spot-instance-interruptions"
SHORTEST = "PT2M"
"""The shortest time before the interruption that FIS takes; the notice is sent at once."""
TAG = "smoke-runctl"
_GONE = ("ResourceNotFoundException", "ConflictException")


class NotAllowed(Exception):
    """The account or its region does not let this experiment run."""


@dataclass
class Interruption:
    """One experiment with the role ``role``. ``clean`` removes everything, also of an earlier run."""

    account: Account
    role: PolicyRole
    _running: list[str] = field(default_factory=list)

    def of(self, instance: str, ended: Callable[[], bool], deadline: Deadline, *, pause: float) -> None:
        """Interrupt ``instance`` and wait until ``ended``. Raises NotAllowed, StepFailed."""
        try:
            experiment = self._start(instance, deadline, pause=pause)
        except CLOUD_ERRORS as error:
            raise NotAllowed(in_words(error)) from error
        fis = self.account.client("fis")

        def over() -> bool | None:
            if ended():
                return True
            state = fis.get_experiment(id=experiment)["experiment"]["state"]
            if state["status"] == "failed":
                raise NotAllowed(f"the experiment failed: {state.get('reason', '')}")
            return None

        wait_until(over, "waiting for the interruption", deadline, pause=pause)
        self._stop(experiment)

    def clean(self) -> None:
        """Stop what runs (its minutes are charged), and remove templates and role."""
        for experiment in self._running:
            self._stop(experiment)
        for template in self.templates():
            self.account.client("fis").delete_experiment_template(id=template)
        self.role.delete()

    def templates(self) -> list[str]:
        """Ids of this test's templates; none where the service is not allowed or does not exist."""
        try:
            listed = self.account.client("fis").list_experiment_templates()["experimentTemplates"]
        except CLOUD_ERRORS:
            return []
        return [each["id"] for each in listed if TAG in (each.get("tags") or {})]

    def _start(self, instance: str, deadline: Deadline, *, pause: float) -> str:
        account = self.account
        arn = f"arn:{account.partition}:ec2:{account.region}:{account.id}:instance/{instance}"
        self.role.delete()
        self.role.create(
            {"Service": "fis.amazonaws.com"},
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": "ec2:SendSpotInstanceInterruptions", "Resource": arn},
                    {"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"},
                ],
            },
            "Interrupts one machine of runctl's smoke test",
        )
        fis = account.client("fis")
        template = fis.create_experiment_template(
            clientToken=uuid4().hex,
            description="Interrupts the machine of runctl's smoke test",
            stopConditions=[{"source": "none"}],
            targets={
                "machine": {
                    "resourceType": "aws:ec2:spot-instance",
                    "resourceArns": [arn],
                    "selectionMode": "ALL",
                }
            },
            actions={
                "interrupt": {
                    "actionId": ACTION,
                    "parameters": {"durationBeforeInterruption": SHORTEST},
                    "targets": {"SpotInstances": "machine"},
                }
            },
            roleArn=self.role.arn,
            tags={TAG: "true"},
        )["experimentTemplate"]["id"]
        return wait_until(
            lambda: self._started(fis, template),
            "waiting for the experiment's role",
            deadline,
            pause=pause,
            longest=60,
        )

    def _started(self, fis: Any, template: str) -> str | None:
        """The running experiment; None while its role is not known everywhere yet."""
        experiment = fis.start_experiment(clientToken=uuid4().hex, experimentTemplateId=template)[
            "experiment"
        ]
        self._running.append(experiment["id"])
        state = fis.get_experiment(id=experiment["id"])["experiment"]["state"]
        if state["status"] == "failed" and "assume" in state.get("reason", "").lower():
            return None
        return str(experiment["id"])

    def _stop(self, experiment: str) -> None:
        try:
            self.account.client("fis").stop_experiment(id=experiment)
        except CLOUD_ERRORS as error:
            if code_of(error) not in _GONE:
                raise
