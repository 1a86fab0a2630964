"""moto's roles and users: by ARN, by the key of a session or user, and with what their policies say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RoleSession:
    """Temporary credentials that a role was assumed with; `name` is the session's. Or the key of a user: then
    there is no token, and `role_arn` is the user's ARN.
    """

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
    return _user_key(access_key)


def _user_key(access_key: str) -> RoleSession | None:
    """The active key of a user as a session, or None."""
    from moto.iam.models import iam_backends

    for _, _, backend in list(iam_backends.iter_backends()):
        for user in list(backend.users.values()):
            for key in user.access_keys:
                if key.access_key_id == access_key and key.status == "Active":
                    return RoleSession(access_key, key.secret_access_key, "", str(user.arn), str(user.name))
    return None


def documents_of(session: RoleSession) -> list[Any]:
    """The policies of the session's role, or of the user; none when it is gone."""
    from moto.iam.models import iam_backends

    if ":user/" not in session.role_arn:
        role = role_of(session.account, session.role_arn)
        return [] if role is None else permissions_of(role)
    users = iam_backends[session.account][session.partition].users
    user = next((each for each in users.values() if each.arn == session.role_arn), None)
    return [] if user is None else permissions_of(user)


def role_of(account: str, role_arn: str) -> Any:
    """The role of this ARN, or None."""
    from moto.iam.models import iam_backends

    backend = iam_backends[account][role_arn.split(":")[1]]
    return next((role for role in backend.roles.values() if role.arn == role_arn), None)


def permissions_of(role: Any) -> list[Any]:
    """Inline and attached policies of a role or user; a permissions boundary is ignored."""
    attached = (policy.default_version.document for policy in role.managed_policies.values())
    return [*role.policies.values(), *attached]
