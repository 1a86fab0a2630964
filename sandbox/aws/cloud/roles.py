"""moto's roles: by ARN, by the key of a session, and with what their policies say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RoleSession:
    """Temporary credentials that a role was assumed with; `name` is the session's."""

    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    role_arn: str = ""
    name: str = ""

    @property
    def account(self) -> str:
        return self.role_arn.split(":")[4]

    @property
    def partition(self) -> str:
        return self.role_arn.split(":")[1]


def session_of(access_key: str) -> RoleSession | None:
    """The session with this access key, or None. Reads moto's tables."""
    from moto.sts.models import sts_backends

    for _, _, backend in list(sts_backends.iter_backends()):
        found = backend.get_assumed_role_from_access_key(access_key)
        if found is not None:
            return RoleSession(
                found.access_key_id,
                found.secret_access_key,
                found.session_token,
                str(found.role_arn),
                str(found.session_name),
            )
    return None


def role_of(account: str, role_arn: str) -> Any:
    """The role of this ARN, or None."""
    from moto.iam.models import iam_backends

    backend = iam_backends[account][role_arn.split(":")[1]]
    return next((role for role in backend.roles.values() if role.arn == role_arn), None)


def permissions_of(role: Any) -> list[Any]:
    """Inline and attached policies; a permissions boundary is ignored."""
    attached = (policy.default_version.document for policy in role.managed_policies.values())
    return [*role.policies.values(), *attached]
