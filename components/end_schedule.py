"""A machine's termination by the cloud itself: a one-time schedule, independent of agent and machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import pulumi
import pulumi_aws as aws

from components.naming import POLICY_LIMIT, ROLE_LIMIT, SCHEDULE_LIMIT, Names

TYPE = "runctl:aws:EndSchedule"
SERVICE = "scheduler.amazonaws.com"
RETRY_SECONDS = 3600
RETRIES = 10


@dataclass(frozen=True, kw_only=True)
class EndScheduleArgs:
    """``after_seconds`` is when the machine is terminated, counted from the creation of its schedule.

    ``permissions_boundary``: the ARN of a policy that limits the schedule's role. ``part`` is part of the
    names: another one for each machine of a job.
    """

    names: Names
    partition: str
    instance_id: pulumi.Input[str]
    after_seconds: int
    permissions_boundary: str | None = None
    part: str = "end"
    tags: Mapping[str, str] = field(default_factory=dict)


def trust_policy(account: str, groups: str) -> dict[str, object]:
    """Only the scheduler may assume the role, for schedules of the job's groups (an ARN with ``?``)."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": SERVICE},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": account},
                    "ArnLike": {"aws:SourceArn": groups},
                },
            }
        ],
    }


def ending_policy(instance_arn: str) -> dict[str, object]:
    """The role's only permission."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "EndOneMachine",
                "Effect": "Allow",
                "Action": ["ec2:TerminateInstances"],
                "Resource": [instance_arn],
            }
        ],
    }


def expression(made_at: str, after_seconds: int) -> str:
    """When the schedule is due, in UTC and whole seconds. ``made_at`` is RFC 3339."""
    moment = datetime.fromisoformat(made_at.replace("Z", "+00:00")).astimezone(timezone.utc)
    due = moment + timedelta(seconds=after_seconds)
    return f"at({due.strftime('%Y-%m-%dT%H:%M:%S')})"


class EndSchedule(pulumi.ComponentResource):
    """Terminates one machine, and nothing else, at a given time.

    Group and schedule are created for one machine and replaced with it: the group's name contains a digest of
    the machine's id. The time counts from the creation of the group, which the cloud stores, so that later
    updates of the stack do not move it. The role stays, and its permission is updated to the machine.
    """

    def __init__(self, name: str, args: EndScheduleArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__(TYPE, name, {"afterSeconds": args.after_seconds}, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        group = aws.scheduler.ScheduleGroup(
            f"{name}-group",
            name=pulumi.Output.from_input(args.instance_id).apply(self._group_name),
            tags=dict(args.tags),
            opts=self._child,
        )
        role = self._role()
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            name=args.names.name(args.part, limit=POLICY_LIMIT),
            role=role.name,
            policy=self._instance_arn().apply(lambda arn: _text(ending_policy(arn))),
            opts=self._child,
        )
        self._schedule(group, role, policy)
        self.register_outputs({})

    def _role(self) -> aws.iam.Role:
        args = self._args
        return aws.iam.Role(
            f"{self._name}-role",
            name=args.names.name(args.part, limit=ROLE_LIMIT),
            description=f"Ends the machine of the runctl job {args.names.job} at its time",
            permissions_boundary=args.permissions_boundary,
            assume_role_policy=_text(trust_policy(args.names.account, self._groups())),
            # Policies attached from outside must not prevent the role's deletion.
            force_detach_policies=True,
            tags=dict(args.tags),
            opts=self._child,
        )

    def _schedule(
        self, group: aws.scheduler.ScheduleGroup, role: aws.iam.Role, policy: aws.iam.RolePolicy
    ) -> None:
        args = self._args
        instance = pulumi.Output.from_input(args.instance_id)
        aws.scheduler.Schedule(
            f"{self._name}-schedule",
            name=args.names.name(args.part, limit=SCHEDULE_LIMIT),
            group_name=group.name,
            description=f"Ends the machine of the runctl job {args.names.job}",
            schedule_expression=group.creation_date.apply(lambda made: expression(made, args.after_seconds)),
            schedule_expression_timezone="UTC",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            # The stack deletes the schedule: one that deletes itself would be drift.
            action_after_completion="NONE",
            target=aws.scheduler.ScheduleTargetArgs(
                arn=f"arn:{args.partition}:scheduler:::aws-sdk:ec2:terminateInstances",
                role_arn=role.arn,
                input=instance.apply(lambda identity: _text({"InstanceIds": [identity]})),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_event_age_in_seconds=RETRY_SECONDS, maximum_retry_attempts=RETRIES
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _group_name(self, instance_id: str) -> str:
        return self._args.names.name("timer", limit=SCHEDULE_LIMIT, content=instance_id)

    def _groups(self) -> str:
        """The ARN of the groups of all the job's machines, which end with eight hexadecimal digits."""
        args, any_machine = self._args, self._group_name("any")
        place = f"arn:{args.partition}:scheduler:{args.names.region}:{args.names.account}"
        return f"{place}:schedule-group/{any_machine[:-8]}????????"

    def _instance_arn(self) -> pulumi.Output[str]:
        args = self._args
        place = f"arn:{args.partition}:ec2:{args.names.region}:{args.names.account}"
        return pulumi.Output.from_input(args.instance_id).apply(
            lambda identity: f"{place}:instance/{identity}"
        )


def _text(document: object) -> str:
    return json.dumps(document, sort_keys=True)
