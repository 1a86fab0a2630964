"""The role of a job's machine, with what it may do, and the instance profile that passes it on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.machine_access import MachineAccess, access_policy

TYPE = "runctl:aws:IamProfile"


@dataclass(frozen=True, kw_only=True)
class IamProfileArgs:
    """``role_name``, ``policy_name``, ``profile_name`` are physical names; ``access`` is what the machine may
    do. ``permissions_boundary``: the ARN of a policy that limits the role.
    """

    role_name: str
    policy_name: str
    profile_name: str
    access: MachineAccess
    permissions_boundary: str | None = None
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


class IamProfile(pulumi.ComponentResource):
    """A role with one inline policy, and the instance profile that passes it to the machine."""

    profile_name: pulumi.Output[str]

    def __init__(self, name: str, args: IamProfileArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__(TYPE, name, {"role": args.role_name}, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-role",
            name=args.role_name,
            description=f"Machine of the runctl job {args.access.job}",
            permissions_boundary=args.permissions_boundary,
            assume_role_policy=json.dumps(trust_policy(args.access.partition), sort_keys=True),
            # Policies attached from outside must not prevent the role's deletion.
            force_detach_policies=True,
            tags=dict(args.tags),
            opts=child,
        )
        aws.iam.RolePolicy(
            f"{name}-policy",
            name=args.policy_name,
            role=role.name,
            policy=json.dumps(access_policy(args.access), sort_keys=True),
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
