"""The region that a person's own AWS settings name."""

from __future__ import annotations

from collections.abc import Mapping

FALLBACK = "us-east-1"


def home_region(environ: Mapping[str, str]) -> str:
    """From ``AWS_REGION``, ``AWS_DEFAULT_REGION`` or the profile; ``us-east-1`` when nothing tells."""
    told = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if told:
        return told
    from botocore.session import Session

    return Session(profile=environ.get("AWS_PROFILE")).get_config_variable("region") or FALLBACK
