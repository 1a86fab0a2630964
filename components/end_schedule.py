"""A machine's end as the cloud itself keeps it: by a one-time schedule, whatever agent and machine do."""

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
    """``after_seconds`` is when the machine is terminated, counted from when the schedule is made for it.

    ``permissions_boundary``: the ARN of a policy beyond which the schedule's role can do nothing.
    """

    names: Names
    partition: str
    instance_id: pulumi.Input[str]
    after_seconds: int
    permissions_boundary: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def trust_policy(account: str, group_arn: str) -> dict[str, object]:
    """Only the scheduler may assume the role, for schedules of this group of this account."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": SERVICE},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": account, "aws:SourceArn": group_arn}},
            }
        ],
    }


def ending_policy(instance_arn: str) -> dict[str, object]:
    """The role's one permission."""
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
    """Terminates one machine, and nothing else, when its time has come.

    All of it is made for one machine and replaced with it: names hold a digest of the machine's id. The time
    counts from the creation of the group, which the cloud keeps, so that nothing that is done to the stack
    later moves it.
    """

    def __init__(self, name: str, args: EndScheduleArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__(TYPE, name, {"afterSeconds": args.after_seconds}, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        group = aws.scheduler.ScheduleGroup(
            f"{name}-group",
            name=self._physical("timer", SCHEDULE_LIMIT),
            tags=dict(args.tags),
            opts=self._child,
        )
        role = self._role(group)
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            name=self._physical("end", POLICY_LIMIT),
            role=role.name,
            policy=self._instance_arn().apply(lambda arn: _text(ending_policy(arn))),
            opts=self._child,
        )
        self._schedule(group, role, policy)
        self.register_outputs({})

    def _role(self, group: aws.scheduler.ScheduleGroup) -> aws.iam.Role:
        args = self._args
        return aws.iam.Role(
            f"{self._name}-role",
            name=self._physical("end", ROLE_LIMIT),
            description=f"Ends the machine of the runctl job {args.names.job} at its time",
            permissions_boundary=args.permissions_boundary,
            assume_role_policy=group.arn.apply(lambda arn: _text(trust_policy(args.names.account, arn))),
            # What somebody else attached must not keep the role from being deleted.
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
            name=self._physical("end", SCHEDULE_LIMIT),
            group_name=group.name,
            description=f"Ends the machine of the runctl job {args.names.job}",
            schedule_expression=group.creation_date.apply(lambda made: expression(made, args.after_seconds)),
            schedule_expression_timezone="UTC",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            # The stack owns its end: one that deletes itself would be drift.
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

    def _physical(self, role: str, limit: int) -> pulumi.Output[str]:
        names = self._args.names
        return pulumi.Output.from_input(self._args.instance_id).apply(
            lambda identity: names.name(role, limit=limit, content=identity)
        )

    def _instance_arn(self) -> pulumi.Output[str]:
        args = self._args
        place = f"arn:{args.partition}:ec2:{args.names.region}:{args.names.account}"
        return pulumi.Output.from_input(args.instance_id).apply(
            lambda identity: f"{place}:instance/{identity}"
        )


def _text(document: object) -> str:
    return json.dumps(document, sort_keys=True)
