"""The access of a pod to the job's bucket: an IAM user of the job, whose key reaches the pod as a secret.

A pod has no role: no service of AWS vouches for it. The user may do what a machine's role may, less sessions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.machine_access import MachineAccess, access_policy
from components.runpod_resources import Secret

TYPE = "runctl:runpod:PodAccess"


@dataclass(frozen=True, kw_only=True)
class PodAccessArgs:
    """``name`` is the physical name of user, policy and secret. ``access`` is what the pod may do.
    ``permissions_boundary``: the ARN of a policy that limits the user.
    """

    name: str
    access: MachineAccess
    permissions_boundary: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class PodAccess(pulumi.ComponentResource):
    """The user, its key, and the secret of RunPod's account that holds the key's secret part."""

    key_id: pulumi.Output[str]
    secret_reference: str
    """What stands for the secret among a pod's variables: RunPod fills it in when the pod starts."""

    def __init__(self, name: str, args: PodAccessArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__(TYPE, name, {"user": args.name}, opts)
        child = pulumi.ResourceOptions(parent=self)
        user = aws.iam.User(
            f"{name}-user",
            name=args.name,
            permissions_boundary=args.permissions_boundary,
            # A key that an interrupted update made and did not record must not prevent the deletion.
            force_destroy=True,
            tags=dict(args.tags),
            opts=child,
        )
        policy = aws.iam.UserPolicy(
            f"{name}-policy",
            name=args.name,
            user=user.name,
            policy=json.dumps(access_policy(args.access), sort_keys=True),
            opts=child,
        )
        key = aws.iam.AccessKey(f"{name}-key", user=user.name, opts=child)
        secret = Secret(
            f"{name}-secret", {"name": args.name, "value": key.secret}, pulumi.ResourceOptions(parent=self)
        )
        self.key_id = key.id
        self.secret_reference = f"{{{{ RUNPOD_SECRET_{args.name} }}}}"
        self.needs: list[pulumi.Resource] = [policy, key, secret]
        """What must exist before a pod starts."""
        self.register_outputs({"keyId": self.key_id})
