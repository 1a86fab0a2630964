"""What a job's machine may do: what its run writes, its own parameters, Session Manager; nothing else.

What the machine is told, it cannot write: the spec, the stop request, the packages, the chosen checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.artifact_bucket import bucket_arn
from components.data_access import reading_data
from components.naming import parameter_folder
from components.tags import FAILED_BOOT, JOB

_SEQUENCE = "?" * 8
"""The folders of checkpoints, and nothing beside them: a sequence has 8 digits."""


@dataclass(frozen=True, kw_only=True)
class AttachedVolumes:
    """The volumes that a machine attaches to itself: the job's ``own``, and existing ones by ``ids``."""

    own: bool = False
    ids: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class MachineAccess:
    """``run`` is the run served, ``lineage`` the run whose checkpoints it continues.

    ``has_secrets``: whether the job has parameters to read; ``sends_notices``: whether it marks notices as
    sent; ``stores_spans``: whether it stores the spans of a traced run; ``has_nodes``: whether it is one of
    several. ``data``: the sources (``s3://...``) it reads; ``repository``: the ARN of the container
    repository that it fetches from. ``group`` is the name of the group that it ends; ``attached`` are the
    volumes that it attaches to itself. ``sessions``: whether people reach the machine by Session Manager.
    """

    account: str
    partition: str
    region: str
    job: str
    run: str
    lineage: str
    bucket: str
    has_secrets: bool = False
    sends_notices: bool = False
    stores_spans: bool = False
    has_nodes: bool = False
    data: Sequence[str] = ()
    repository: str | None = None
    group: str | None = None
    attached: AttachedVolumes | None = None
    sessions: bool = True


def access_policy(access: MachineAccess) -> dict[str, object]:
    """The permissions. No action has a wildcard; ``*`` is used only for actions without resource-level
    permissions.
    """
    bucket = bucket_arn(access.partition, access.bucket)
    run, checkpoints = f"runs/{access.run}", f"checkpoints/{access.lineage}"
    read = ["code/*", "agent/*", f"{run}/*", f"{checkpoints}/*"]
    write = [f"{run}/status.json", f"{run}/logs/*", f"{run}/metrics/*", f"{run}/artifacts/*", f"{run}/exec/*"]
    write += [f"{checkpoints}/{_SEQUENCE}/*"]
    write += [f"{run}/notices/*"] if access.sends_notices else []
    write += [f"{run}/traces/*"] if access.stores_spans else []
    write += [f"{run}/nodes/*"] if access.has_nodes else []
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                # On the whole bucket: with a condition on the prefix, S3 returns 403 for a missing object
                # instead of 404, and most objects that the agent requests are missing.
                "Sid": "ListOwnBucket",
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": [bucket],
            },
            {
                "Sid": "ReadOwnObjects",
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": [f"{bucket}/{prefix}" for prefix in read],
            },
            {
                "Sid": "WriteOwnObjects",
                "Effect": "Allow",
                "Action": ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
                "Resource": [f"{bucket}/{prefix}" for prefix in write],
            },
            {
                # The bucket keeps what is deleted as an earlier version, which nobody on the machine reads
                # or deletes.
                "Sid": "ForgetOldCheckpoints",
                "Effect": "Allow",
                "Action": ["s3:DeleteObject"],
                "Resource": [f"{bucket}/{checkpoints}/{_SEQUENCE}/*"],
            },
            *(_reading_secrets(access) if access.has_secrets else ()),
            *reading_data(access.partition, f"{access.region}:{access.account}", access.data),
            *(_fetching_images(access.repository) if access.repository else ()),
            *(_ending_group(access, access.group) if access.group else ()),
            *(_attaching(access, access.attached) if access.attached else ()),
            *((_SESSION_MANAGER,) if access.sessions else ()),
        ],
    }


_SESSION_MANAGER: Mapping[str, object] = {
    "Sid": "SessionManager",
    "Effect": "Allow",
    "Action": [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ],
    "Resource": ["*"],
}


def _reading_secrets(access: MachineAccess) -> Sequence[dict[str, object]]:
    """Permission to read only the job's own parameters, and to decrypt them only through the store."""
    place = f"{access.region}:{access.account}"
    parameters = f"arn:{access.partition}:ssm:{place}:parameter{parameter_folder(access.job)}*"
    suffix = "amazonaws.com.cn" if access.partition == "aws-cn" else "amazonaws.com"
    return (
        {
            "Sid": "ReadOwnParameters",
            "Effect": "Allow",
            "Action": ["ssm:GetParameters"],
            "Resource": [parameters],
        },
        {
            "Sid": "DecryptOwnParameters",
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": [f"arn:{access.partition}:kms:{place}:key/*"],
            "Condition": {
                "StringEquals": {"kms:ViaService": f"ssm.{access.region}.{suffix}"},
                "StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameters},
            },
        },
    )


def _fetching_images(repository: str) -> Sequence[dict[str, object]]:
    """Permission to fetch from one repository. The password that a fetch needs is for no single one."""
    return (
        {
            "Sid": "LogInToRegistry",
            "Effect": "Allow",
            "Action": ["ecr:GetAuthorizationToken"],
            "Resource": ["*"],
        },
        {
            "Sid": "FetchOwnImage",
            "Effect": "Allow",
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": [repository],
        },
    )


def _ending_group(access: MachineAccess, group: str) -> Sequence[dict[str, object]]:
    """Permission to set the number of machines of the own group, whose ARN has an id that only AWS knows, and
    the one tag by which a machine that can store nothing tells the next one.
    """
    place = f"arn:{access.partition}:autoscaling:{access.region}:{access.account}"
    own = [f"{place}:autoScalingGroup:*:autoScalingGroupName/{group}"]
    return (
        {
            "Sid": "EndOwnGroup",
            "Effect": "Allow",
            "Action": ["autoscaling:SetDesiredCapacity"],
            "Resource": own,
        },
        {
            "Sid": "TellOfFailedBoot",
            "Effect": "Allow",
            "Action": ["autoscaling:CreateOrUpdateTags"],
            "Resource": own,
            "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": [FAILED_BOOT]}},
        },
    )


def _attaching(access: MachineAccess, attached: AttachedVolumes) -> Sequence[dict[str, object]]:
    """Permission to attach the job's volumes to the job's machines: both by the job's tag, since neither id
    is known when the role is made; a volume that existed before, by its id.
    """
    place = f"arn:{access.partition}:ec2:{access.region}:{access.account}"
    own = [f"{place}:instance/*", *([f"{place}:volume/*"] if attached.own else [])]
    named = [f"{place}:volume/{each}" for each in attached.ids]
    statements: list[dict[str, object]] = [
        {
            "Sid": "AttachOwnVolumes",
            "Effect": "Allow",
            "Action": ["ec2:AttachVolume"],
            "Resource": own,
            "Condition": {"StringEquals": {f"aws:ResourceTag/{JOB}": access.job}},
        }
    ]
    if named:
        statements.append(
            {
                "Sid": "AttachNamedVolumes",
                "Effect": "Allow",
                "Action": ["ec2:AttachVolume"],
                "Resource": named,
            }
        )
    return statements
