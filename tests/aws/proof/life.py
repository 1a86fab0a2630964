"""The life of one small job: plan, up, interruption, resume, down; each step adds lines to the report."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws.proof import report as subjects
from aws.proof.account import CLOUD_ERRORS, DENIED, Account, code_of, in_words, wait_until
from aws.proof.commands import Commands, end, finished
from aws.proof.course import CleanUp, Deadline, Step, StepFailed
from aws.proof.interruption import Interruption, NotAllowed
from aws.proof.leftovers import left_of
from aws.proof.policy_role import PolicyRole
from aws.proof.report import Report
from support.counting_job import write_job

JOB = "aws-smoke"
APPLY_ROLE, FAULTS_ROLE = "smoke-runctl-apply", "smoke-runctl-faults"
INSTANCE_TYPES = ("t3.micro", "t3.small")
HOLDS_AT = 3
STEPS = 6
SECRET = "SMOKE_SECRET"
SETTINGS = {SECRET: "not a secret", "RUNCTL_AWS_END_SCHEDULE": "true"}
ATTEMPTS = 3
NO_JOB = 7
"""Exit code of a command about a job that does not exist yet."""

ENDED = ("shutting-down", "terminated")


@dataclass
class Life:
    """``own`` runs commands with the person's credentials, the others have the role's."""

    account: Account
    own: Commands
    report: Report
    deadline: Deadline
    clean_up_deadline: Deadline
    pause: float
    inject_faults: bool = True
    _commands: Commands | None = None
    _up: subprocess.Popen[str] | None = None
    _machine: str = ""
    _market: str = ""
    _began: float = 0.0
    _price: float | None = None
    _is_removed: bool = False
    _seen: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.role = PolicyRole(self.account, APPLY_ROLE)
        self.interruption = Interruption(self.account, PolicyRole(self.account, FAULTS_ROLE))

    def steps(self) -> tuple[Step, ...]:
        return (
            Step("removing what an earlier run left", subjects.LEFTOVERS, self.remove_earlier),
            Step("creating a role with the generated policy", subjects.PERMISSIONS, self.take_role),
            Step("planning", subjects.PRICES, self.plan),
            Step("up", subjects.PERMISSIONS, self.start),
            Step("looking at the machine", subjects.TEMPLATES, self.look),
            Step("interrupting the machine", subjects.SPOT, self.interrupt),
            Step("waiting for the training to resume and end", subjects.SPOT, self.resume),
            Step("planning again", subjects.PROVIDER, self.plan_again),
            Step("down", subjects.LEFTOVERS, self.down),
        )

    def clean_ups(self) -> tuple[CleanUp, ...]:
        return (
            ("ending commands", self._end_commands),
            ("removing the experiment", self.interruption.clean),
            ("removing the job", self._remove_job),
            ("removing the role", self.role.delete),
        )

    def left(self) -> list[str]:
        """What still exists of the job and of this test."""
        roles = [each for each in (self.role, self.interruption.role) if each.exists()]
        templates = [f"experiment template {each}" for each in self.interruption.templates()]
        return [*left_of(self.account, JOB), *(f"role {each.name}" for each in roles), *templates]

    # Steps

    def remove_earlier(self) -> None:
        earlier = self.left()
        if earlier:
            self.report.note(f"found of an earlier run: {', '.join(earlier)}")
            self.interruption.clean()
            self._remove_job()
            self.role.delete()
        remaining = self.left()
        if remaining:
            raise StepFailed(f"cannot start while these exist: {', '.join(remaining)}")

    def take_role(self) -> None:
        policy = self.own.json(
            "permissions",
            *("--role", "apply", "--account", self.account.id, "--region", self.account.region),
            deadline=self.deadline,
        )
        root = f"arn:{self.account.partition}:iam::{self.account.id}:root"
        self.role.create({"AWS": root}, policy, "Runs the job of runctl's smoke test")
        credentials, seconds = self.role.assume(self.deadline, pause=self.pause)
        self.report.proved(
            subjects.PROPAGATION, f"a new role with its policy is usable after {seconds:.0f} s"
        )
        self._commands = self.own.by(credentials)
        self._seen["statements"] = len(policy["Statement"])
        self._show_refusal(credentials)

    def _show_refusal(self, credentials: Mapping[str, str]) -> None:
        role = Account.of(self.account.region, credentials=dict(credentials))
        try:
            role.client("iam").list_users(MaxItems=1)
        except CLOUD_ERRORS as error:
            if code_of(error) not in DENIED:
                raise
            self._seen["refuses"] = True

    def plan(self) -> None:
        self._write_job()
        placement = self.by_role.json("preview", self.job_file, deadline=self.deadline)["placement"]
        self._price = placement["price_hour"]
        if self._price is None:
            raise StepFailed(f"no price is known for {placement['instance_type']} in {placement['zone']}")
        self.report.proved(
            subjects.PRICES,
            f"{placement['instance_type']} {placement['market']} in {placement['zone']}: "
            f"{self._price:.4f} USD an hour",
        )

    def start(self) -> None:
        self._began = self.deadline.clock()
        self._up = self.by_role.start("up", self.job_file, "--yes")
        described = wait_until(
            self._training, "waiting for the first checkpoint", self.deadline, pause=self.pause
        )
        outputs = described["outputs"]
        self._machine, self._market = outputs["instanceId"], outputs["market"]
        seconds = self.deadline.clock() - self._began
        self.report.proved(
            subjects.BOOT,
            f"{outputs['instanceType']} {self._market}: {seconds:.0f} s from `up` to the first checkpoint "
            f"(phase {described['phase']})",
        )

    def _training(self) -> dict[str, Any] | None:
        """The job's description once a checkpoint is saved; raises StepFailed if `up` has ended."""
        assert self._up is not None
        if self._up.poll() is not None:
            finished(self._up, ("up",), self.deadline)
            raise StepFailed("`runctl up` ended before the machine was interrupted")
        described = self.by_role.json("describe", JOB, deadline=self.deadline, codes=(0, NO_JOB))
        checkpoints = described.get("checkpoints") or {}
        held = described.get("phase") == "running" and checkpoints.get("count", 0) > 0
        return described if held else None

    def look(self) -> None:
        ec2 = self.account.client("ec2")
        machine = self._described(self._machine)
        self.report.proved(subjects.IMAGES, f"{machine['ImageId']} starts the agent")
        behavior = ec2.describe_instance_attribute(
            InstanceId=self._machine, Attribute="instanceInitiatedShutdownBehavior"
        )["InstanceInitiatedShutdownBehavior"]["Value"]
        if behavior != "terminate":
            raise StepFailed(f"the machine's shutdown behavior is {behavior}")
        self.report.proved(subjects.TEMPLATES, "the shutdown behavior is terminate, from the launch template")
        request = machine.get("SpotInstanceRequestId")
        if request:
            (described,) = ec2.describe_spot_instance_requests(SpotInstanceRequestIds=[request])[
                "SpotInstanceRequests"
            ]
            if {"Key": "runctl:created-by", "Value": "runctl"} not in (described.get("Tags") or []):
                raise StepFailed(f"the spot request {request} has no tags, so that it may not be canceled")
            self.report.proved(subjects.TEMPLATES, "the spot request carries the template's tags")
        schedules = self.account.client("scheduler").list_schedules(NamePrefix=f"runctl-{JOB}-")["Schedules"]
        if not schedules:
            raise StepFailed("there is no schedule that terminates the machine")
        self.report.proved(subjects.SCHEDULER, "it accepts a role that was created seconds before")

    def interrupt(self) -> None:
        self._began = self.deadline.clock()
        why = self._not_interrupted()
        if why is None:
            self.report.proved(subjects.SPOT, "the fault injection service interrupted the machine")
            return
        self.report.not_shown(subjects.SPOT, f"no interruption: {why}; the machine was terminated instead")
        self.account.client("ec2").terminate_instances(InstanceIds=[self._machine])

    def _not_interrupted(self) -> str | None:
        """Interrupt the machine; why that is not possible, else None."""
        if not self.inject_faults:
            return "--no-fault-injection"
        if self._market != "spot":
            return f"the machine is {self._market}"
        try:
            self.interruption.of(self._machine, self._has_ended, self.deadline, pause=self.pause)
        except NotAllowed as error:
            return str(error)
        return None

    def resume(self) -> None:
        assert self._up is not None
        result = finished(self._up, ("up", JOB), self.deadline)
        if result["phase"] != "succeeded":
            raise StepFailed(f"the training is {result['phase']}: {result.get('message')}")
        metrics = Path(result["artifacts"]["folder"]) / "model" / "metrics.json"
        counted = json.loads(metrics.read_text())
        if counted["steps"] != STEPS or counted["starts"][:1] != [0] or len(counted["starts"]) != 2:
            raise StepFailed(f"the training did not resume once: {counted}")
        if counted["starts"][1] < HOLDS_AT:
            raise StepFailed(f"the training lost steps: {counted}")
        seconds = self.deadline.clock() - self._began
        self.report.proved(
            subjects.SPOT,
            f"another machine resumed at step {counted['starts'][1]} of {STEPS} and ended {seconds:.0f} s "
            "after the interruption",
        )
        self._show_volume()
        self._show_permissions()

    def _show_volume(self) -> None:
        log = self.by_role.start("logs", JOB)
        out, _ = log.communicate(timeout=self.deadline.left("reading the log"))
        if "volume holds 2 runs" not in out:
            raise StepFailed("the second machine did not find what the first one wrote to the volume")
        self.report.proved(subjects.DISKS, "the second machine found the file system and data of the first")

    def _show_permissions(self) -> None:
        detail = f"up and resume need nothing but the {self._seen['statements']} statements of the policy"
        if self._seen.get("refuses"):
            self.report.proved(subjects.PERMISSIONS, detail)
        else:
            self.report.not_shown(
                subjects.PERMISSIONS, "the account does not refuse a call that the policy does not contain"
            )

    def plan_again(self) -> None:
        planned = self.by_role.json("preview", self.job_file, deadline=self.deadline)
        changed = [f"{each['operation']} {each['name']}" for each in planned["changes"]]
        if changed:
            self.report.failed(subjects.PROVIDER, f"a second preview has changes: {', '.join(changed)}")
        else:
            self.report.proved(subjects.PROVIDER, "a second preview has no changes")
        cost = self.by_role.json("describe", JOB, deadline=self.deadline)["cost"]
        self.report.proved(subjects.COST, f"the machines cost {cost['usd']:.6f} USD by runctl's account")

    def down(self) -> None:
        receipt = self.by_role.json("down", JOB, "--yes", deadline=self.deadline)
        if not receipt["nothing_left"]:
            raise StepFailed("the receipt says that something is left")
        orphans = self.by_role.json("leaks", deadline=self.deadline, codes=(0, 5))["orphans"]
        mine = [f"{each['kind']} {each['id']}" for each in orphans if each["job"] == JOB]
        found = left_of(self.account, JOB)
        self._is_removed = receipt["stack_removed"] and not found
        if mine or found:
            raise StepFailed(f"runctl finds {mine or 'nothing'}, the services list {found or 'nothing'}")
        self.report.proved(
            subjects.LEFTOVERS, "after `down`, runctl and the services' own lists find nothing"
        )

    # Clean-up

    def _end_commands(self) -> None:
        if self._up is not None:
            end(self._up)

    def _remove_job(self) -> None:
        """Remove the job with the person's credentials, and what no stack contains any more."""
        if self._is_removed:
            return
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._remove_once()
            except StepFailed as error:
                if attempt == ATTEMPTS:
                    raise
                self.report.note(f"once more: {error}")
            else:
                return

    def _remove_once(self) -> None:
        deadline = self.clean_up_deadline
        listed = self.own.json("ls", deadline=deadline)["jobs"]
        if JOB in [each["job"] for each in listed]:
            self.own.json("down", JOB, "--yes", "--discard-artifacts", "--grace", "5", deadline=deadline)
        if left_of(self.account, JOB):
            self.own.json("leaks", "--delete", "--yes", deadline=deadline, codes=(0, 5))
        remaining = left_of(self.account, JOB)
        if remaining:
            raise StepFailed(f"still there: {', '.join(remaining)}")

    # What steps share

    @property
    def by_role(self) -> Commands:
        if self._commands is None:
            raise StepFailed("there are no credentials of the role")
        return self._commands

    @property
    def job_file(self) -> str:
        return str(self.own.folder / f"{JOB}.yaml")

    def _write_job(self) -> None:
        write_job(
            self.own.folder,
            JOB,
            region=self.account.region,
            env={"STEPS": str(STEPS), "HOLD_AT": str(HOLDS_AT), "STEP_SECONDS": "0.2"},
            resources={"instance_types": list(INSTANCE_TYPES), "disk": "10GB"},
            volumes=[{"name": "data", "size": "1GB", "mount": "/data"}],
            secrets=[SECRET],
            max_duration="20m",
            budget=0.1,
            tags={"purpose": "smoke test"},
        )

    def _described(self, instance: str) -> dict[str, Any]:
        found = self.account.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"]
        return dict(found[0]["Instances"][0])

    def _has_ended(self) -> bool:
        try:
            return self._described(self._machine)["State"]["Name"] in ENDED
        except CLOUD_ERRORS as error:
            if code_of(error).startswith("InvalidInstanceID"):
                return True
            raise StepFailed(in_words(error)) from error
