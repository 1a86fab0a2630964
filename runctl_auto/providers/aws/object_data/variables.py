"""The place of a bucket and the caller's keys where environment variables alone say both.

To ask botocore takes a fifth of a second, longer than many a transfer. It is asked wherever a file, or a
variable that is not understood here, could say something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.store.sigv4 import Credentials

FALLBACK_REGION = "us-east-1"
_NEEDED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL")
_DECIDED_BY_BOTOCORE = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ENDPOINT_URL_S3",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)


@dataclass(frozen=True)
class Told:
    """The address of a service, a region, and keys."""

    address: str
    region: str
    credentials: Credentials


def told_by_variables(environ: Mapping[str, str], endpoint_url: str | None) -> Told | None:
    """None where they do not tell all: at AWS's own addresses, with a profile or a configuration file."""
    variables = {**environ, **({"AWS_ENDPOINT_URL": endpoint_url} if endpoint_url else {})}
    if not all(variables.get(name) for name in _NEEDED):
        return None
    if any(variables.get(name) for name in _DECIDED_BY_BOTOCORE):
        return None
    if Path(variables.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser().is_file():
        return None
    return Told(
        variables["AWS_ENDPOINT_URL"],
        variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or FALLBACK_REGION,
        Credentials(
            variables["AWS_ACCESS_KEY_ID"],
            variables["AWS_SECRET_ACCESS_KEY"],
            variables.get("AWS_SESSION_TOKEN") or variables.get("AWS_SECURITY_TOKEN") or None,
        ),
    )
