"""The configuration of a provider resource (`aws.Provider`) as received: nested values as JSON strings."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sandbox.aws.provider.wire import Unknown, reveal

OFFICIAL_MAX_RETRIES = 25
_JSON_KEYS = frozenset(
    {
        "allowedAccountIds",
        "defaultTags",
        "endpoints",
        "forbiddenAccountIds",
        "ignoreTags",
        "insecure",
        "maxRetries",
        "s3UsePathStyle",
        "skipCredentialsValidation",
        "skipMetadataApiCheck",
        "skipRegionValidation",
        "skipRequestingAccountId",
        "useDualstackEndpoint",
        "useFipsEndpoint",
    }
)
_TEXT_KEYS = frozenset(
    {"accessKey", "region", "secretKey", "stsRegion", "token", "version", "pluginDownloadURL"}
)
SUPPORTED = (_JSON_KEYS | _TEXT_KEYS) - {"ignoreTags", "insecure", "useDualstackEndpoint", "useFipsEndpoint"}


class ConfigurationError(Exception):
    """The configuration is invalid; the message names the key and what to do."""


@dataclass(frozen=True)
class CloudAccess:
    """The settings of a client; equal settings can share clients."""

    region: str
    endpoint: str
    service_endpoints: tuple[tuple[str, str], ...] = ()
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    path_style: bool = True

    def endpoint_of(self, service: str) -> str:
        """The endpoint of one service."""
        return dict(self.service_endpoints).get(service, self.endpoint)


@dataclass(frozen=True)
class Configuration:
    """One provider resource's settings. max_attempts: maximum attempts per call (`maxRetries`)."""

    access: CloudAccess
    default_tags: Mapping[str, str] = field(default_factory=dict)
    max_attempts: int = OFFICIAL_MAX_RETRIES
    allowed_accounts: tuple[str, ...] = ()
    forbidden_accounts: tuple[str, ...] = ()
    ask_account: bool = True

    @property
    def region(self) -> str:
        """The default region."""
        return self.access.region

    def check_account(self, account: str) -> None:
        """Raise ConfigurationError when the credentials belong to a disallowed account."""
        allowed = not self.allowed_accounts or account in self.allowed_accounts
        if not allowed or account in self.forbidden_accounts:
            raise ConfigurationError(f"AWS account ID not allowed: {account}")


def unsupported_keys(settings: Mapping[str, Any]) -> list[str]:
    """The keys that are set and that this provider does not support, in order."""
    return sorted(
        key for key, value in settings.items() if key not in SUPPORTED and _parsed(key, value) not in _OFF
    )


_OFF: tuple[Any, ...] = (None, "", False, [], {})


def with_defaults(settings: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings with the official provider's defaults."""
    filled = dict(settings)
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if filled.get("region") is None and region:
        filled["region"] = region
    filled.setdefault("skipCredentialsValidation", "false")
    filled.setdefault("skipRegionValidation", "true")
    return filled


def parse_configuration(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Configuration:
    """The effective configuration. Raises ConfigurationError for invalid settings.

    Only endpoints on this machine are accepted: the stand-in must never reach a real cloud.
    """
    values = {key: _parsed(key, value) for key, value in settings.items()}
    unsupported = unsupported_keys(settings)
    if unsupported:
        raise ConfigurationError(f"the sandbox's aws provider does not support: {', '.join(unsupported)}")
    values = with_defaults(values, environment)
    region = values.get("region")
    if not region:
        raise ConfigurationError("Missing region configuration: set aws:region or AWS_REGION")
    return Configuration(
        access=_access(str(region), values, environment),
        default_tags=_text_map((values.get("defaultTags") or {}).get("tags")),
        max_attempts=int(values.get("maxRetries") or OFFICIAL_MAX_RETRIES),
        allowed_accounts=tuple(map(str, values.get("allowedAccountIds") or ())),
        forbidden_accounts=tuple(map(str, values.get("forbiddenAccountIds") or ())),
        ask_account=values.get("skipRequestingAccountId") is not True,
    )


def _access(region: str, values: Mapping[str, Any], environment: Mapping[str, str]) -> CloudAccess:
    endpoints = {
        service: str(address)
        for entry in values.get("endpoints") or ()
        for service, address in entry.items()
        if address
    }
    for variable, address in environment.items():
        if variable.startswith("AWS_ENDPOINT_URL_"):
            service = variable.removeprefix("AWS_ENDPOINT_URL_").replace("_", "").lower()
            endpoints.setdefault(service, address)
    general = environment.get("AWS_ENDPOINT_URL", "")
    for address in (*endpoints.values(), general):
        _require_local(address)
    if not general and not endpoints:
        raise ConfigurationError(
            "the sandbox's aws provider has no endpoint: start it by `runctl sandbox start`, "
            "or set AWS_ENDPOINT_URL to the emulated cloud's address"
        )
    return CloudAccess(
        region=region,
        endpoint=general,
        service_endpoints=tuple(sorted(endpoints.items())),
        access_key=values.get("accessKey") or environment.get("AWS_ACCESS_KEY_ID"),
        secret_key=values.get("secretKey") or environment.get("AWS_SECRET_ACCESS_KEY"),
        token=values.get("token") or environment.get("AWS_SESSION_TOKEN"),
        path_style=values.get("s3UsePathStyle") is not False,
    )


def _require_local(address: str) -> None:
    if address and not _is_this_machine(urlsplit(address).hostname or ""):
        raise ConfigurationError(
            f"the sandbox's aws provider refuses the endpoint {address}: it talks to this machine only"
        )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parsed(key: str, value: Any) -> Any:
    plain = reveal(value)
    if isinstance(plain, Unknown):
        raise ConfigurationError(f"{key} is not known yet")
    if key in _TEXT_KEYS or not isinstance(plain, str) or not plain:
        return plain
    try:
        return json.loads(plain)
    except ValueError:
        if key in _JSON_KEYS:
            raise ConfigurationError(f"{key} is not JSON: {plain!r}") from None
        return plain


def _text_map(value: Any) -> dict[str, str]:
    return {str(name): str(text) for name, text in (value or {}).items()}
