"""A role with exactly the policy that `runctl permissions` prints, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws.proof.account import CLOUD_ERRORS, DENIED, Account, code_of, wait_until
from aws.proof.course import Deadline, StepFailed

INLINE_LIMIT = 10_240
"""Characters of a role's inline policies in total, without white space (IAM quotas)."""
_PROPAGATION_SECONDS = 60.0


@dataclass(frozen=True)
class PolicyRole:
    """The role ``name`` of the account. Deleting one that does not exist does nothing."""

    account: Account
    name: str

    @property
    def arn(self) -> str:
        return f"arn:{self.account.partition}:iam::{self.account.id}:role/{self.name}"

    def create(self, principal: Mapping[str, str], policy: Mapping[str, Any], description: str) -> None:
        """Create the role for ``principal`` with ``policy``. Raises StepFailed if the policy is too long."""
        text = json.dumps(policy, separators=(",", ":"))
        if len(text) > INLINE_LIMIT:
            raise StepFailed(f"the policy has {len(text)} characters, more than {INLINE_LIMIT}")
        trust = {"Effect": "Allow", "Principal": dict(principal), "Action": "sts:AssumeRole"}
        iam = self.account.client("iam")
        iam.create_role(
            RoleName=self.name,
            Description=description,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        iam.put_role_policy(RoleName=self.name, PolicyName=self.name, PolicyDocument=text)

    def assume(self, deadline: Deadline, *, pause: float) -> tuple[dict[str, str], float]:
        """Credentials of the role, as boto3 names them, and the seconds until they could be used."""
        began = deadline.clock()
        sts = self.account.client("sts")

        def assumed() -> dict[str, str] | None:
            try:
                given = sts.assume_role(RoleArn=self.arn, RoleSessionName=self.name)["Credentials"]
            except CLOUD_ERRORS as error:
                if code_of(error) in DENIED:
                    return None
                raise
            return {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given["SessionToken"],
            }

        credentials = wait_until(
            assumed, f"waiting for the role {self.name}", deadline, pause=pause, longest=_PROPAGATION_SECONDS
        )
        role = Account.of(self.account.region, credentials=credentials)

        def allowed() -> bool | None:
            try:
                role.client("ec2").describe_availability_zones()
            except CLOUD_ERRORS as error:
                if code_of(error) in DENIED:
                    return None
                raise
            return True

        wait_until(
            allowed,
            f"waiting for the policy of {self.name}",
            deadline,
            pause=pause,
            longest=_PROPAGATION_SECONDS,
        )
        return credentials, deadline.clock() - began

    def exists(self) -> bool:
        try:
            self.account.client("iam").get_role(RoleName=self.name)
        except CLOUD_ERRORS as error:
            if code_of(error) == "NoSuchEntity":
                return False
            raise
        return True

    def delete(self) -> None:
        iam = self.account.client("iam")
        for operation, parameters in (
            ("delete_role_policy", {"PolicyName": self.name}),
            ("delete_role", {}),
        ):
            try:
                getattr(iam, operation)(RoleName=self.name, **parameters)
            except CLOUD_ERRORS as error:
                if code_of(error) != "NoSuchEntity":
                    raise
