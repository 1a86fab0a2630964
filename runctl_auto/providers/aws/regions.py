"""The regions of AWS: the one configured by the user, and all that this installation knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

FALLBACK = "us-east-1"


def home_region(environ: Mapping[str, str]) -> str:
    """From ``AWS_REGION``, ``AWS_DEFAULT_REGION`` or the profile; ``us-east-1`` by default."""
    told = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if told:
        return told
    from botocore.session import Session

    return Session(profile=environ.get("AWS_PROFILE")).get_config_variable("region") or FALLBACK


@cache
def known_regions() -> Collection[str]:
    """The regions of AWS that this installation knows."""
    from botocore.session import Session

    session = Session()
    return tuple(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition_name=partition)
    )
