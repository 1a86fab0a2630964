"""Deployment documents (the JSON of a state) seen from outside: outputs, secrets in them, empty ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.engine.model import ENGINE_VERSION, STACK_TYPE
from sandbox.engine.properties import SECRET_SIGNATURE, SIGNATURE
from sandbox.engine.times import now_text

Decrypt = Callable[[str], str]
Document = dict[str, Any]
VERSION = 3
_FEATURES = {
    "hooks": "resourceHooks",
    "refreshBeforeUpdate": "refreshBeforeUpdate",
    "replaceWith": "replaceWith",
    "taint": "taint",
    "views": "viewOf",
}


def empty_deployment(secrets_provider: Mapping[str, Any] | None) -> dict[str, Any]:
    """The deployment of a stack just made."""
    version = f"v{ENGINE_VERSION}"
    document: dict[str, Any] = {
        "manifest": {
            "time": now_text(),
            "magic": hashlib.sha256(version.encode()).hexdigest(),
            "version": version,
        }
    }
    if secrets_provider is not None:
        document["secrets_providers"] = secrets_provider
    return document | {"metadata": {}}


def stack_outputs(document: Mapping[str, Any] | None) -> dict[str, Any]:
    """The outputs of the stack as the document holds them, secrets encrypted."""
    for resource in (document or {}).get("resources") or []:
        if resource.get("type") == STACK_TYPE and not resource.get("delete"):
            return dict(resource.get("outputs") or {})
    return {}


def reveal(value: Any, decrypt: Decrypt) -> Any:
    """The value with each secret in its plain form."""
    return _map(value, lambda secret: reveal(json.loads(_plaintext(secret, decrypt)), decrypt))


def blind(value: Any) -> Any:
    """The value with `[secret]` for each secret."""
    return _map(value, lambda _: "[secret]")


def with_plaintext(value: Any, decrypt: Decrypt) -> Any:
    """The value with each secret still marked, but in plain text."""
    return _map(
        value,
        lambda secret: {SIGNATURE: SECRET_SIGNATURE, "plaintext": _plaintext(secret, decrypt)},
    )


def with_ciphertext(value: Any, encrypt: Callable[[str], str]) -> Any:
    """The value with each secret that is in plain text encrypted."""

    def change(secret: Mapping[str, Any]) -> Any:
        if "plaintext" not in secret:
            return dict(secret)
        return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": encrypt(secret["plaintext"])}

    return _map(value, change)


def has_secret(value: Any) -> bool:
    """Whether a secret occurs in the value."""
    if isinstance(value, dict):
        return value.get(SIGNATURE) == SECRET_SIGNATURE or any(map(has_secret, value.values()))
    return isinstance(value, list) and any(map(has_secret, value))


def _plaintext(secret: Mapping[str, Any], decrypt: Decrypt) -> str:
    if "plaintext" in secret:
        return str(secret["plaintext"])
    return decrypt(str(secret.get("ciphertext", "")))


def _map(value: Any, change: Callable[[Mapping[str, Any]], Any]) -> Any:
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET_SIGNATURE:
            return change(value)
        return {key: _map(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_map(item, change) for item in value]
    return value


def live_resources(document: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The resources of a deployment document, none for a stack never deployed."""
    return list((document or {}).get("resources") or [])


def used_features(document: Mapping[str, Any]) -> list[str]:
    """The features beyond version 3 that the document uses, sorted."""
    resources = live_resources(document)
    return [name for name, field in _FEATURES.items() if any(resource.get(field) for resource in resources)]
