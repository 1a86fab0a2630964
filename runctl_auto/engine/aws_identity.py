"""One identity at AWS for runctl, Pulumi's engine and the AWS provider.

Engine and provider use the AWS SDK for Go, which takes keys from the environment before the profile that
``AWS_PROFILE`` names; botocore takes a profile that it is given before all else. So when a profile is named,
by the setting ``aws.profile`` or by ``AWS_PROFILE``, it is the identity of all three: the variables that the
SDK for Go would prefer are removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runctl_auto.errors import CredentialsError

_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
)
_WEB_IDENTITY = ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME")
KEY_VARIABLES = (*_KEYS, *_WEB_IDENTITY)
"""Variables that the SDK for Go takes before a profile."""

_PROFILE = "AWS_PROFILE"
_OTHER_PROFILE = "AWS_DEFAULT_PROFILE"


@dataclass(frozen=True)
class Identity:
    """Where credentials come from: ``profile``, else what the SDKs find by themselves.

    ``ignored`` are variables with credentials that are set and not used.
    """

    profile: str | None = None
    ignored: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"profile '{self.profile}'" if self.profile else "found by the AWS SDK"


def choose_identity(profile: str | None, environ: Mapping[str, str]) -> Identity:
    """The identity for the setting ``aws.profile`` and a shell's environment.

    Raises ``CredentialsError`` for a profile that takes its credentials from the variables that would have to
    be removed.
    """
    named = profile or environ.get(_PROFILE) or environ.get(_OTHER_PROFILE)
    if not named:
        return Identity()
    ignored = tuple(name for name in KEY_VARIABLES if environ.get(name))
    if ignored and _uses_key_variables(named):
        raise CredentialsError(
            f"The profile '{named}' takes its credentials from key variables (credential_source = "
            "Environment), which Pulumi's engine and the AWS provider would use without the profile's role.",
            where={"profile": named},
            next_step="Use source_profile in place of credential_source, or export the credentials of the "
            "role and name no profile.",
        )
    return Identity(named, ignored, {_PROFILE: named}, (*KEY_VARIABLES, _OTHER_PROFILE))


def _uses_key_variables(profile: str) -> bool:
    """Whether the profile, or one that it refers to, has ``credential_source = Environment``."""
    from botocore.session import Session

    profiles: Mapping[str, Any] = Session(profile=profile).full_config.get("profiles", {})
    seen: set[str] = set()
    following: str | None = profile
    while following is not None and following not in seen:
        seen.add(following)
        held = profiles.get(following, {})
        if held.get("credential_source") == "Environment":
            return True
        following = held.get("source_profile")
    return False
