"""Property values: what resources' inputs, outputs and a program's configuration are made of.

A value is None, a bool, a number, a str, a list, a dict with str keys, or one of the classes here.
Numbers are written without a fraction when they are whole, as Pulumi does.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.engine.json_text import compact

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker of Pulumi's formats, no secret
ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
BYTES_SIGNATURE = "803fd3297a5875dc03ca845dda5d2a98"
FLOAT_SIGNATURE = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

PropertyValue = Any
"""None, bool, int, float, str, list, dict, Secret, Computed, Output, Asset, Archive or ResourceReference."""

PropertyMap = dict[str, PropertyValue]
Encrypt = Callable[[str], str]
Decrypt = Callable[[str], str]


class PropertyError(ValueError):
    """A property value is malformed; the message names what is wrong with it."""


@dataclass(frozen=True)
class Secret:
    """A value never shown in plain text. `ciphertext` is what it was read from, and is written again."""

    value: PropertyValue
    ciphertext: str | None = field(default=None, compare=False, repr=False)

    def __repr__(self) -> str:
        return "Secret([hidden])"


@dataclass(frozen=True)
class Computed:
    """A value that is not known before the deployment."""


COMPUTED = Computed()


@dataclass(frozen=True)
class Output:
    """A value with what is known of it: whether it is known, secret, and the URNs it depends on."""

    value: PropertyValue = None
    known: bool = False
    secret: bool = False
    dependencies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asset:
    """A file's content: given as text, path or address. `hash` is its SHA-256, "" if unknown."""

    text: str | None = None
    path: str | None = None
    uri: str | None = None
    hash: str = ""


@dataclass(frozen=True)
class Archive:
    """A tree of files: given as assets by name, path or address. `hash` as in Pulumi, "" if unknown."""

    assets: Mapping[str, Asset | Archive] | None = None
    path: str | None = None
    uri: str | None = None
    hash: str = ""


@dataclass(frozen=True)
class ResourceReference:
    """A reference to a resource. `id` is None for components, COMPUTED while unknown."""

    urn: str
    id: str | Computed | None = None
    package_version: str = ""


def same(left: PropertyValue, right: PropertyValue) -> bool:
    """Deep equality in which True is not 1, and assets are equal when their known hashes are."""
    if isinstance(left, Secret) or isinstance(right, Secret):
        return isinstance(left, Secret) and isinstance(right, Secret) and same(left.value, right.value)
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool) and left == right
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(same(value, right[key]) for key, value in left.items())
        )
    if isinstance(left, list):
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(same(a, b) for a, b in zip(left, right, strict=True))
        )
    if isinstance(left, (Asset, Archive)) and type(left) is type(right) and left.hash and right.hash:
        return left.hash == right.hash
    return bool(left == right)


def contains_secrets(value: PropertyValue) -> bool:
    """Whether a secret occurs anywhere in the value."""
    return _any(value, lambda v: isinstance(v, Secret) or (isinstance(v, Output) and v.secret))


def contains_unknowns(value: PropertyValue) -> bool:
    """Whether an unknown occurs anywhere in the value."""
    return _any(value, lambda v: isinstance(v, Computed) or (isinstance(v, Output) and not v.known))


def _any(value: PropertyValue, test: Callable[[PropertyValue], bool]) -> bool:
    if test(value):
        return True
    if isinstance(value, dict):
        return any(_any(v, test) for v in value.values())
    if isinstance(value, list):
        return any(_any(v, test) for v in value)
    if isinstance(value, (Secret, Output)):
        return _any(value.value, test)
    return False


def plain(value: PropertyValue) -> PropertyValue:
    """The value without secret marks and output wrappers (an unknown output becomes COMPUTED)."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Output):
        return plain(value.value) if value.known else COMPUTED
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


def without_outputs(value: PropertyValue) -> PropertyValue:
    """The value with output wrappers turned into secrets and unknowns."""
    if isinstance(value, Output):
        inner = without_outputs(value.value) if value.known else COMPUTED
        return Secret(inner) if value.secret else inner
    if isinstance(value, Secret):
        return Secret(without_outputs(value.value), value.ciphertext)
    if isinstance(value, dict):
        return {k: without_outputs(v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_outputs(v) for v in value]
    return value


def to_json(
    value: PropertyValue, encrypt: Encrypt, *, show_secrets: bool = False, redact: bool = False
) -> Any:
    """The value as it stands in a checkpoint. Secrets are encrypted, or shown as plain text with
    `show_secrets`. A secret that was read from a checkpoint keeps its ciphertext.

    With `redact` it is the value as engine events show it: the ciphertext of secrets is `[secret]`, and texts
    of assets are left out."""
    return _Encoder(encrypt, show_secrets, redact).value(value)


class _Encoder:
    def __init__(self, encrypt: Encrypt, show_secrets: bool, redact: bool) -> None:
        self._encrypt, self._show, self._redact = encrypt, show_secrets, redact

    def value(self, value: PropertyValue) -> Any:  # noqa: PLR0911 - one return a kind of value
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return _text_to_json(value)
        if isinstance(value, (int, float)):
            return _number_to_json(value)
        if isinstance(value, list):
            return [self.value(v) for v in value]
        if isinstance(value, dict):
            return {k: self.value(value[k]) for k in sorted(value)}
        if isinstance(value, Secret):
            return self._secret(value)
        if isinstance(value, Computed):
            return UNKNOWN_TEXT
        if isinstance(value, Output):
            return self.value(without_outputs(value))
        if isinstance(value, (Asset, Archive)):
            return source_to_dict(_without_texts(value) if self._redact else value)
        if isinstance(value, ResourceReference):
            return _reference_to_json(value)
        raise PropertyError(f"{type(value).__name__} is no property value")

    def _secret(self, secret: Secret) -> Any:
        if self._redact:
            return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": "[secret]"}
        if secret.ciphertext is not None and not self._show:
            return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": secret.ciphertext}
        inner = _Encoder(lambda text: text, show_secrets=True, redact=False).value(secret.value)
        text = compact(inner, html=True)
        if self._show:
            return {SIGNATURE: SECRET_SIGNATURE, "plaintext": text}
        ciphertext = self._encrypt(text)
        object.__setattr__(secret, "ciphertext", ciphertext)
        return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": ciphertext}


def _without_texts(source: Asset | Archive) -> Asset | Archive:
    if isinstance(source, Asset):
        return source if source.text is None else replace(source, text="<contents elided>")
    if source.assets is None:
        return source
    return replace(source, assets={name: _without_texts(part) for name, part in source.assets.items()})


def _text_to_json(text: str) -> Any:
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        raw = text.encode(errors="surrogateescape")
        return {SIGNATURE: BYTES_SIGNATURE, "value": base64.b64encode(raw).decode()}
    return text


def _number_to_json(number: float) -> Any:
    if isinstance(number, int):
        return number
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN differs from itself
        return {SIGNATURE: FLOAT_SIGNATURE, "value": struct.pack(">d", number).hex()}
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def _reference_to_json(reference: ResourceReference) -> dict[str, Any]:
    out: dict[str, Any] = {
        SIGNATURE: RESOURCE_SIGNATURE,
        "urn": reference.urn,
        "packageVersion": reference.package_version,
    }
    if isinstance(reference.id, Computed):
        out["id"] = ""
    elif reference.id is not None:
        out["id"] = reference.id
    return out


def source_to_dict(source: Asset | Archive) -> dict[str, Any]:
    """An asset or archive as Pulumi writes it in checkpoints and on the wire."""
    if isinstance(source, Asset):
        out: dict[str, Any] = {SIGNATURE: ASSET_SIGNATURE}
        if source.hash:
            out["hash"] = source.hash
        for key, value in (("text", source.text), ("path", source.path), ("uri", source.uri)):
            if value:
                out[key] = value
        return out
    out = {SIGNATURE: ARCHIVE_SIGNATURE}
    if source.hash:
        out["hash"] = source.hash
    if source.assets is not None:
        out["assets"] = {name: source_to_dict(source.assets[name]) for name in sorted(source.assets)}
    for key, value in (("path", source.path), ("uri", source.uri)):
        if value:
            out[key] = value
    return out


def source_from_dict(data: Mapping[str, Any]) -> Asset | Archive:
    """The asset or archive that `source_to_dict` wrote."""
    signature = data.get(SIGNATURE)
    known_hash = _optional_text(data, "hash") or ""
    path, uri = _optional_text(data, "path"), _optional_text(data, "uri")
    if signature == ASSET_SIGNATURE:
        return Asset(text=_optional_text(data, "text"), path=path, uri=uri, hash=known_hash)
    assets = data.get("assets")
    if assets is not None and not isinstance(assets, Mapping):
        raise PropertyError(f"an archive's assets are a {type(assets).__name__}, not a map")
    parts = None if assets is None else {name: _archive_part(name, part) for name, part in assets.items()}
    return Archive(assets=parts, path=path, uri=uri, hash=known_hash)


def _archive_part(name: str, part: Any) -> Asset | Archive:
    if isinstance(part, (Asset, Archive)):
        return part
    if isinstance(part, Mapping) and part.get(SIGNATURE) in (ASSET_SIGNATURE, ARCHIVE_SIGNATURE):
        return source_from_dict(part)
    raise PropertyError(f"archive member {name!r} is neither an asset nor an archive")


def _optional_text(data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is None or isinstance(value, str):
        return value or None if key != "text" else value
    raise PropertyError(f"{key} of an asset or archive is a {type(value).__name__}, not text")


def from_json(data: Any, decrypt: Decrypt) -> PropertyValue:
    """The value that `to_json` wrote. Raises PropertyError for a malformed one."""
    if isinstance(data, str):
        return COMPUTED if data == UNKNOWN_TEXT else data
    if isinstance(data, list):
        return [from_json(item, decrypt) for item in data]
    if isinstance(data, dict):
        signature = data.get(SIGNATURE)
        if signature is None:
            return {key: from_json(item, decrypt) for key, item in data.items()}
        return _signed_from_json(str(signature), data, decrypt)
    return data


def _signed_from_json(signature: str, data: dict[str, Any], decrypt: Decrypt) -> PropertyValue:
    if signature == SECRET_SIGNATURE:
        return _secret_from_json(data, decrypt)
    if signature in (ASSET_SIGNATURE, ARCHIVE_SIGNATURE):
        return source_from_dict(data)
    if signature == RESOURCE_SIGNATURE:
        return _reference_from_json(data)
    if signature == FLOAT_SIGNATURE:
        return struct.unpack(">d", bytes.fromhex(str(data.get("value"))))[0]
    if signature == BYTES_SIGNATURE:
        try:
            raw = base64.b64decode(str(data.get("value")), validate=True)
        except binascii.Error as error:
            raise PropertyError(f"malformed byte string: {error}") from error
        return raw.decode(errors="surrogateescape")
    raise PropertyError(f"unrecognized signature '{signature}' in property map")


def _secret_from_json(data: dict[str, Any], decrypt: Decrypt) -> Secret:
    ciphertext, plaintext = data.get("ciphertext"), data.get("plaintext")
    if bool(ciphertext) == bool(plaintext):
        raise PropertyError(
            "malformed secret value: exactly one of `ciphertext` or `plaintext` must be supplied"
        )
    text = plaintext or decrypt(str(ciphertext))
    value = from_json(json.loads(text), lambda inner: inner)
    return Secret(value, ciphertext or None)


def _reference_from_json(data: dict[str, Any]) -> ResourceReference:
    urn = data.get("urn")
    if not isinstance(urn, str):
        raise PropertyError("malformed resource reference: missing urn")
    identity = data.get("id")
    if identity == "":
        identity = COMPUTED
    return ResourceReference(urn, identity, str(data.get("packageVersion") or ""))
