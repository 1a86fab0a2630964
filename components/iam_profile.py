"""The permissions of a job's machine: what its run writes, its own parameters, Session Manager; nothing else.

What the machine is told, it cannot write: the spec, the stop request, the packages, the chosen checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.artifact_bucket import bucket_arn
from components.data_access import reading_data
from components.secret_parameters import parameter_folder
from components.tags import FAILED_BOOT, JOB

TYPE = "runctl:aws:IamProfile"

_SEQUENCE = "?" * 8
"""The folders of checkpoints, and nothing beside them: a sequence has 8 digits."""


@dataclass(frozen=True, kw_only=True)
class AttachedVolumes:
    """The volumes that a machine attaches to itself: the job's ``own``, and existing ones by ``ids``."""

    own: bool = False
    ids: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class IamProfileArgs:
    """``role_name``, ``policy_name``, ``profile_name`` are physical names; ``run`` is the run served,
    ``lineage`` the run whose checkpoints it continues.

    ``permissions_boundary``: the ARN of a policy that limits the role. ``has_secrets``: whether the job has
    parameters to read; ``sends_notices``: whether it marks notices as sent; ``stores_spans``: whether it
    stores the spans of a traced run; ``has_nodes``: whether it is one of several. ``data``: the sources
    (``s3://...``) it reads; ``repository``: the ARN of the container repository that it
    fetches from. ``group`` is the name of the group that it ends; ``attached`` are the volumes that it
    attaches to itself. ``sessions``: whether people reach the machine by Session Manager.
    """

    role_name: str
    policy_name: str
    profile_name: str
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
    permissions_boundary: str | None = None
    data: Sequence[str] = ()
    repository: str | None = None
    group: str | None = None
    attached: AttachedVolumes | None = None
    sessions: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)


def trust_policy(partition: str) -> dict[str, object]:
    """Only EC2 may assume the role."""
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": f"ec2.{suffix}"}, "Action": "sts:AssumeRole"}
        ],
    }


def access_policy(args: IamProfileArgs) -> dict[str, object]:
    """The role's permissions. No action has a wildcard; ``*`` is used only for actions without resource-level
    permissions.
    """
    bucket = bucket_arn(args.partition, args.bucket)
    run, checkpoints = f"runs/{args.run}", f"checkpoints/{args.lineage}"
    read = ["code/*", "agent/*", f"{run}/*", f"{checkpoints}/*"]
    write = [f"{run}/status.json", f"{run}/logs/*", f"{run}/metrics/*", f"{run}/artifacts/*", f"{run}/exec/*"]
    write += [f"{checkpoints}/{_SEQUENCE}/*"]
    write += [f"{run}/notices/*"] if args.sends_notices else []
    write += [f"{run}/traces/*"] if args.stores_spans else []
    write += [f"{run}/nodes/*"] if args.has_nodes else []
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
            *(_reading_secrets(args) if args.has_secrets else ()),
            *reading_data(args.partition, f"{args.region}:{args.account}", args.data),
            *(_fetching_images(args.repository) if args.repository else ()),
            *(_ending_group(args, args.group) if args.group else ()),
            *(_attaching(args, args.attached) if args.attached else ()),
            *((_SESSION_MANAGER,) if args.sessions else ()),
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


def _reading_secrets(args: IamProfileArgs) -> Sequence[dict[str, object]]:
    """Permission to read only the job's own parameters, and to decrypt them only through the store."""
    place = f"{args.region}:{args.account}"
    parameters = f"arn:{args.partition}:ssm:{place}:parameter{parameter_folder(args.job)}*"
    suffix = "amazonaws.com.cn" if args.partition == "aws-cn" else "amazonaws.com"
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
            "Resource": [f"arn:{args.partition}:kms:{place}:key/*"],
            "Condition": {
                "StringEquals": {"kms:ViaService": f"ssm.{args.region}.{suffix}"},
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


def _ending_group(args: IamProfileArgs, group: str) -> Sequence[dict[str, object]]:
    """Permission to set the number of machines of the own group, whose ARN has an id that only AWS knows, and
    the one tag by which a machine that can store nothing tells the next one.
    """
    place = f"arn:{args.partition}:autoscaling:{args.region}:{args.account}"
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


def _attaching(args: IamProfileArgs, attached: AttachedVolumes) -> Sequence[dict[str, object]]:
    """Permission to attach the job's volumes to the job's machines: both by the job's tag, since neither id
    is known when the role is made; a volume that existed before, by its id.
    """
    place = f"arn:{args.partition}:ec2:{args.region}:{args.account}"
    own = [f"{place}:instance/*", *([f"{place}:volume/*"] if attached.own else [])]
    named = [f"{place}:volume/{each}" for each in attached.ids]
    statements: list[dict[str, object]] = [
        {
            "Sid": "AttachOwnVolumes",
            "Effect": "Allow",
            "Action": ["ec2:AttachVolume"],
            "Resource": own,
            "Condition": {"StringEquals": {f"aws:ResourceTag/{JOB}": args.job}},
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


class IamProfile(pulumi.ComponentResource):
    """A role with one inline policy, and the instance profile that passes it to the machine."""

    profile_name: pulumi.Output[str]

    def __init__(self, name: str, args: IamProfileArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__(TYPE, name, {"role": args.role_name}, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-role",
            name=args.role_name,
            description=f"Machine of the runctl job {args.job}",
            permissions_boundary=args.permissions_boundary,
            assume_role_policy=json.dumps(trust_policy(args.partition), sort_keys=True),
            # Policies attached from outside must not prevent the role's deletion.
            force_detach_policies=True,
            tags=dict(args.tags),
            opts=child,
        )
        aws.iam.RolePolicy(
            f"{name}-policy",
            name=args.policy_name,
            role=role.name,
            policy=json.dumps(access_policy(args), sort_keys=True),
            opts=child,
        )
        profile = aws.iam.InstanceProfile(
            f"{name}-profile",
            name=args.profile_name,
            role=role.name,
            tags=dict(args.tags),
            opts=child,
        )
        self.profile_name = profile.name
        self.register_outputs({"profileName": self.profile_name})
