"""All grants, by role: what runctl and its engine call."""

from __future__ import annotations

from runctl_auto.providers.aws.permissions.grant import OWN, RUNPOD, Grant, remove
from runctl_auto.providers.aws.permissions.making import MAKING
from runctl_auto.providers.aws.permissions.reading import READING
from runctl_auto.providers.aws.reach import DOCUMENTS
from runctl_auto.providers.aws.records.instances import INSTANCE
from runctl_auto.providers.aws.records.kind import EVERYWHERE
from runctl_auto.providers.aws.records.launch import KEY_PAIR
from runctl_auto.providers.aws.records.log_groups import LOG_GROUP
from runctl_auto.providers.aws.records.networks import INTERFACE

_USERS = ("arn:{partition}:iam::{account}:user/runctl-*",)
_SWEPT = (INTERFACE,)
"""Tagged kinds that stacks do not create: only a sweep removes them."""

_REACHING: tuple[Grant, ...] = (
    Grant(
        # `exec`, `ps`, `shell` and `forward`: on machines of runctl's, by these documents.
        "ReachOwnMachines",
        "reach",
        ("ssm:SendCommand", "ssm:StartSession"),
        INSTANCE.arns,
        {"StringEquals": {"ssm:resourceTag/runctl:created-by": "runctl"}},
        seen=False,
    ),
    Grant(
        "ReachByDocuments",
        "reach",
        ("ssm:SendCommand", "ssm:StartSession"),
        tuple(f"arn:{{partition}}:ssm:{{region}}::document/{name}" for name in DOCUMENTS),
        seen=False,
    ),
    Grant("FollowCommands", "reach", ("ssm:GetCommandInvocation",), EVERYWHERE, seen=False),
    Grant(
        "EndSessions",
        "reach",
        ("ssm:ResumeSession", "ssm:TerminateSession"),
        ("arn:{partition}:ssm:{region}:{account}:session/*",),
        seen=False,
    ),
)
_SWEEPING: tuple[Grant, ...] = (
    Grant(
        "RemoveOwnLeftovers",
        "sweep",
        remove(*_SWEPT),
        tuple(arn for kind in _SWEPT for arn in kind.arns),
        OWN,
    ),
    Grant("RemoveOwnKeyPairs", "sweep", remove(KEY_PAIR), KEY_PAIR.arns),
    Grant("RemoveOwnLogs", "sweep", remove(LOG_GROUP), LOG_GROUP.arns),
)
_OF_PODS: tuple[Grant, ...] = (
    Grant("FindUsersOfPods", RUNPOD, ("iam:ListUsers",), EVERYWHERE, seen=False),
    Grant(
        "ManageUsersOfPods",
        RUNPOD,
        (
            "iam:CreateAccessKey",
            "iam:CreateUser",
            "iam:DeleteAccessKey",
            "iam:DeleteUser",
            "iam:DeleteUserPolicy",
            "iam:DetachUserPolicy",
            "iam:GetUser",
            "iam:GetUserPolicy",
            "iam:ListAccessKeys",
            "iam:ListAttachedUserPolicies",
            "iam:ListGroupsForUser",
            "iam:ListUserPolicies",
            "iam:ListUserTags",
            "iam:PutUserPolicy",
            "iam:TagUser",
            "iam:UntagUser",
            "iam:UpdateAccessKey",
        ),
        _USERS,
        seen=False,
    ),
)

GRANTS = (*READING, *_REACHING, *MAKING, *_SWEEPING, *_OF_PODS)
