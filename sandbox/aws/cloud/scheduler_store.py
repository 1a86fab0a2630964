"""moto's schedules, and their calls, run on its machines with the schedule's own role."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.aws.cloud.role_access import permits, trusts
from sandbox.aws.cloud.scheduled_calls import NotCarriedOut, ScheduledCall, instances_of, time_of

SERVICE = "scheduler.amazonaws.com"
DEFAULT_GROUP = "default"
CANNOT_ASSUME = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."

_log = logging.getLogger(__name__)


def listed() -> Iterator[ScheduledCall]:
    """Every enabled schedule. Call with the cloud's lock held."""
    for _, _, schedule in _schedules():
        if schedule.state != "ENABLED":
            continue
        policy = schedule.target.get("RetryPolicy") or {}
        try:
            due = time_of(schedule.schedule_expression, schedule.schedule_expression_timezone)
        except NotCarriedOut:  # created past the cloud's own check
            continue
        yield ScheduledCall(
            arn=schedule.arn,
            version=f"{schedule.creation_date} {schedule.last_modified_date} {schedule.schedule_expression}",
            due=due,
            retries=int(policy.get("MaximumRetryAttempts", 185)),
            age=float(policy.get("MaximumEventAgeInSeconds", 86400)),
        )


def invoke(call: ScheduledCall) -> str | None:
    """Run the call of a schedule's target; return its error, or None. Call with the cloud's lock held."""
    for backend, group, schedule in _schedules():
        if schedule.arn == call.arn:
            wrong = _carried_out(backend, group, schedule.target)
            _log.warning("schedule %s is due: %s", call.arn, wrong or "its call was made")
            if wrong is None and schedule.action_after_completion == "DELETE":
                group.delete_schedule(schedule.name)
            return wrong
    return "the schedule is gone"


def may_assume(account: str, role_arn: str, group_arn: str) -> bool:
    """Whether the scheduler may assume the role for schedules of the group."""
    role = role_of(account, role_arn)
    context = {"aws:SourceAccount": account, "aws:SourceArn": group_arn}
    return role is not None and trusts(role.assume_role_policy_document, SERVICE, context)


def role_of(account: str, role_arn: str) -> Any:
    """The role of this ARN, or None."""
    from moto.iam.models import iam_backends

    backend = iam_backends[account][role_arn.split(":")[1]]
    return next((role for role in backend.roles.values() if role.arn == role_arn), None)


def permissions_of(role: Any) -> list[Any]:
    """Inline and attached policies; a permissions boundary is ignored."""
    attached = (policy.default_version.document for policy in role.managed_policies.values())
    return [*role.policies.values(), *attached]


def _schedules() -> Iterator[tuple[Any, Any, Any]]:
    from moto.scheduler.models import scheduler_backends

    for account in list(scheduler_backends.values()):
        for backend in list(account.values()):
            for group in list(backend.schedule_groups.values()):
                for schedule in list(group.schedules.values()):
                    yield backend, group, schedule


def _carried_out(backend: Any, group: Any, target: Mapping[str, Any]) -> str | None:
    """Run the target; any error fails this call only and must not stop the cloud's clock."""
    try:
        return _terminate(backend, group, target)
    except Exception as error:  # moto's refusals, and failures of its own
        return f"{type(error).__name__}: {error}"


def _terminate(backend: Any, group: Any, target: Mapping[str, Any]) -> str | None:
    from moto.ec2.models import ec2_backends

    account, region, role_arn = backend.account_id, backend.region_name, str(target.get("RoleArn"))
    if not may_assume(account, role_arn, group.arn):
        return CANNOT_ASSUME
    documents = permissions_of(role_of(account, role_arn))
    instances = instances_of(target)
    for each in instances:
        arn = f"arn:{backend.partition}:ec2:{region}:{account}:instance/{each}"
        if not permits(documents, "ec2:TerminateInstances", arn):
            return f"{role_arn} is not authorized to perform: ec2:TerminateInstances on resource: {arn}"
    ec2_backends[account][region].terminate_instances(instances)
    return None
