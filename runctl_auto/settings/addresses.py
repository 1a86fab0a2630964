"""Addresses that settings may name: requests to them carry credentials, so they are encrypted on the way."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

_TRUE = ("1", "t", "true")
_PLAIN_OPTIONS = ("disablessl", "disable_https")


def checked_url(value: str | None, schemes: tuple[str, ...]) -> str | None:
    """``value`` when it is a URL with one of the ``schemes``. Raises ValueError with the complaint.

    Plain HTTP is accepted to this machine only, also in the options of an ``s3://`` URL.
    """
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in schemes or not (parts.netloc or parts.path.strip("/")):
        raise ValueError(f"must be a URL with one of the schemes {', '.join(schemes)}")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("must be an https:// address; http:// is for this machine only")
    refuse_plain_requests(value)
    return value


def refuse_plain_requests(url: str) -> None:
    """Raises ValueError when the options of ``url``, which are those of Pulumi's backends and key services,
    make its requests plain HTTP to another machine."""
    options = {name.lower(): values for name, values in parse_qs(urlsplit(url).query).items()}
    is_plain = "http" in options.get("protocol", ()) or any(
        each.lower() in _TRUE for name in _PLAIN_OPTIONS for each in options.get(name, ())
    )
    endpoints = [*options.get("endpoint", ()), *options.get("domain", ())]
    for endpoint in endpoints or ([""] if is_plain else []):
        parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
        if (is_plain or parts.scheme == "http") and not _is_loopback(parts.hostname):
            raise ValueError("must reach its endpoint by HTTPS; plain HTTP is for this machine only")


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
