"""Configuration values as they stand in a stack's settings: plain data, secrets as `{"secure": text}`.

A value is a scalar, a list or a map. A map whose one key is `secure`, with a text, stands for what that
decrypts to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

RawValue = Any
"""None, bool, int, float, str, list or dict."""

Transform = Callable[[str], Any]


def secure(ciphertext: str) -> dict[str, str]:
    """The raw value of a secret."""
    return {"secure": ciphertext}


def is_secure(value: RawValue) -> bool:
    """Whether the value itself is a secret."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("secure"), str)


def ciphertexts(value: RawValue) -> Iterator[str]:
    """The ciphertexts of all secrets in the value."""
    if is_secure(value):
        yield value["secure"]
    elif isinstance(value, dict):
        for item in value.values():
            yield from ciphertexts(item)
    elif isinstance(value, list):
        for item in value:
            yield from ciphertexts(item)


def holds_secret(value: RawValue) -> bool:
    """Whether a secret occurs anywhere in the value."""
    return next(ciphertexts(value), None) is not None


def is_object(value: RawValue) -> bool:
    """Whether the value is structured (a list or a map, but no secret text)."""
    return isinstance(value, (list, dict)) and not is_secure(value)


def map_secrets(value: RawValue, change: Transform) -> RawValue:
    """The value with `change(ciphertext)` in place of each secret."""
    if is_secure(value):
        return change(value["secure"])
    if isinstance(value, dict):
        return {key: map_secrets(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [map_secrets(item, change) for item in value]
    return value


def to_text(value: RawValue, decrypt: Transform) -> str:
    """The value as programs receive it: scalars as text, structures as JSON, secrets decrypted."""
    plain = map_secrets(value, decrypt)
    if isinstance(plain, str):
        return plain
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, (int, float)):
        return json.dumps(plain)
    return json.dumps(plain, separators=(",", ":"), sort_keys=True, ensure_ascii=False, default=str)


def coerce_in_path(text: str) -> RawValue:
    """A text set at a path: true, false and whole numbers without a leading zero become such values."""
    if text in ("true", "false"):
        return text == "true"
    if len(text) > 1 and text[0] == "0":
        return text
    digits = text[1:] if text[:1] in "+-" else text
    if digits.isascii() and digits.isdigit() and -(2**63) <= int(text) < 2**64:
        return int(text)
    return text


class ConfigTypeError(ValueError):
    """A text cannot be given the type that was asked for."""


def typed(text: str, type_name: str) -> RawValue:
    """The text as a value of the type string, int, float or bool."""
    try:
        if type_name == "string":
            return text
        if type_name == "int":
            return int(text)
        if type_name == "float":
            return float(text)
    except ValueError as error:
        raise ConfigTypeError(f"could not set config: {text!r} is no {type_name}") from error
    if type_name == "bool":
        return text.lower() in ("1", "t", "true")
    raise ConfigTypeError(f'invalid type "{type_name}"; must be one of string, int, bool, or float')
