"""Where RunPod's API is and with which key: from the environment only, so that no file of a project decides
who gets the key."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from runctl_auto.errors import CredentialsError

KEY_VARIABLE = "RUNPOD_API_KEY"
ENDPOINT_VARIABLE = "RUNPOD_ENDPOINT_URL"
PUBLIC_ENDPOINT = "https://api.runpod.io"


@dataclass(frozen=True)
class RunpodAccess:
    """An address without a path, and a key, which no text of this object shows."""

    endpoint: str
    key: str = field(repr=False)


def runpod_access(environ: Mapping[str, str]) -> RunpodAccess:
    """The access that the environment states. Raises ``CredentialsError`` without a key, or when the address
    would carry it in plain text over a network."""
    key = environ.get(KEY_VARIABLE, "").strip()
    if not key:
        raise CredentialsError(
            "There is no API key for RunPod.",
            where={"provider": "runpod"},
            next_step=f"Set {KEY_VARIABLE} to a key of your RunPod account, or use --sandbox.",
        )
    if not key.isascii() or not key.isprintable():
        raise CredentialsError(
            f"{KEY_VARIABLE} holds characters that no key has.",
            where={"provider": "runpod"},
            next_step=f"Copy the key again into {KEY_VARIABLE}.",
        )
    return RunpodAccess(_checked(environ.get(ENDPOINT_VARIABLE) or PUBLIC_ENDPOINT), key)


def _checked(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    if not safe or not parts.hostname or parts.username is not None:
        raise CredentialsError(
            f"{ENDPOINT_VARIABLE} is no address that an API key may be sent to.",
            where={"provider": "runpod"},
            next_step=f"Unset {ENDPOINT_VARIABLE}, or use an https address (http on this machine only).",
        )
    return f"{parts.scheme}://{parts.netloc}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
