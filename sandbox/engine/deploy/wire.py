"""Property values on the wire: protobuf structs with Pulumi's signatures."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2

from sandbox.engine.properties import (
    ARCHIVE_SIGNATURE,
    ASSET_SIGNATURE,
    BYTES_SIGNATURE,
    COMPUTED,
    OUTPUT_SIGNATURE,
    RESOURCE_SIGNATURE,
    SECRET_SIGNATURE,
    SIGNATURE,
    UNKNOWN_TEXT,
    Archive,
    Asset,
    Computed,
    Output,
    PropertyError,
    PropertyMap,
    PropertyValue,
    ResourceReference,
    Secret,
    source_from_dict,
    source_to_dict,
)

_UNKNOWNS = {
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
    UNKNOWN_TEXT,
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
    "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
    "e48ece36-62e2-4504-bad9-02848725956a",  # archive
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
}
_OMIT = object()


@dataclass(frozen=True)
class Send:
    """What the receiver understands; what it does not is flattened or left out."""

    unknowns: bool = True
    secrets: bool = True
    resources: bool = True
    outputs: bool = False
    asset_contents: bool = True
    byte_strings: bool = False


@dataclass(frozen=True)
class Receive:
    """How to take what was sent. `outputs` keeps output values (and lifts secrets and unknowns to them);
    `reject_unknowns` raises PropertyError for an unknown; `hash_source` fills in hashes of assets."""

    outputs: bool = False
    reject_unknowns: bool = False
    hash_source: Callable[[Asset | Archive], Asset | Archive] | None = None


def to_struct(values: PropertyMap, send: Send) -> struct_pb2.Struct:
    """The values as a protobuf struct."""
    struct = struct_pb2.Struct()
    for key in sorted(values):
        _set(struct.fields, key, _flatten(values[key], send))
    return struct


def _set(fields: Any, key: str, flat: Any) -> None:
    if flat is not _OMIT:
        _fill(fields[key], flat)


def _fill(target: struct_pb2.Value, flat: Any) -> None:
    if flat is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(flat, bool):
        target.bool_value = flat
    elif isinstance(flat, str):
        target.string_value = flat
    elif isinstance(flat, (int, float)):
        target.number_value = flat
    elif isinstance(flat, list):
        target.list_value.SetInParent()
        for item in flat:
            _fill(target.list_value.values.add(), item)
    else:
        target.struct_value.SetInParent()
        for key, item in flat.items():
            _fill(target.struct_value.fields[key], item)


def _flatten(value: PropertyValue, send: Send) -> Any:  # noqa: PLR0911 - one return a kind of value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return _flatten_text(value, send)
    if isinstance(value, list):
        return [flat for flat in (_flatten(item, send) for item in value) if flat is not _OMIT]
    if isinstance(value, dict):
        items = ((key, _flatten(item, send)) for key, item in value.items())
        return {key: flat for key, flat in items if flat is not _OMIT}
    if isinstance(value, Secret):
        inner = _flatten(value.value, send)
        if not send.secrets or inner is _OMIT:
            return inner
        return {SIGNATURE: SECRET_SIGNATURE, "value": inner}
    if isinstance(value, Computed):
        return UNKNOWN_TEXT if send.unknowns else _OMIT
    if isinstance(value, Output):
        return _flatten_output(value, send)
    if isinstance(value, (Asset, Archive)):
        return source_to_dict(value if send.asset_contents else type(value)(hash=value.hash))
    if isinstance(value, ResourceReference):
        return _flatten_reference(value, send)
    raise PropertyError(f"{type(value).__name__} is no property value")


def _flatten_text(text: str, send: Send) -> Any:
    try:
        text.encode()
    except UnicodeEncodeError:
        if not send.byte_strings:
            raise PropertyError(
                "a value is a string with bytes that are not UTF-8, which the receiver does not support"
            ) from None
        raw = base64.b64encode(text.encode(errors="surrogateescape")).decode()
        return {SIGNATURE: BYTES_SIGNATURE, "value": raw}
    return text


def _flatten_output(output: Output, send: Send) -> Any:
    if not send.outputs:
        inner: PropertyValue = output.value if output.known else COMPUTED
        return _flatten(Secret(inner) if output.secret else inner, send)
    flat: dict[str, Any] = {SIGNATURE: OUTPUT_SIGNATURE}
    if output.known:
        flat["value"] = _flatten(output.value, send)
    if output.secret:
        flat["secret"] = True
    if output.dependencies:
        flat["dependencies"] = list(output.dependencies)
    return flat


def _flatten_reference(reference: ResourceReference, send: Send) -> Any:
    identity = reference.id
    if not send.resources:
        return reference.urn if identity is None else _flatten(identity, send)
    flat: dict[str, Any] = {SIGNATURE: RESOURCE_SIGNATURE, "urn": reference.urn}
    if identity is not None:
        flat["id"] = "" if isinstance(identity, Computed) else identity
    if reference.package_version:
        flat["packageVersion"] = reference.package_version
    return flat


def from_struct(struct: struct_pb2.Struct, receive: Receive = Receive()) -> PropertyMap:
    """The values of a protobuf struct. Raises PropertyError for malformed ones."""
    return {key: from_value(value, receive) for key, value in sorted(struct.fields.items())}


def from_value(value: struct_pb2.Value, receive: Receive = Receive()) -> PropertyValue:
    """One value of a protobuf struct."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return _unknown(receive) if text in _UNKNOWNS else text
    if kind == "number_value":
        number = value.number_value
        return int(number) if math.isfinite(number) and number.is_integer() and abs(number) < 1e15 else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [from_value(item, receive) for item in value.list_value.values]
    if kind == "struct_value":
        values = from_struct(value.struct_value, receive)
        return _signed(values, receive) if SIGNATURE in values else values
    return None


def _unknown(receive: Receive) -> PropertyValue:
    if receive.reject_unknowns:
        raise PropertyError("unexpected unknown property value")
    return Output() if receive.outputs else COMPUTED


def _signed(values: PropertyMap, receive: Receive) -> PropertyValue:
    signature = values[SIGNATURE]
    if signature in (ASSET_SIGNATURE, ARCHIVE_SIGNATURE):
        source = source_from_dict(values)
        return receive.hash_source(source) if receive.hash_source else source
    if signature == SECRET_SIGNATURE:
        if "value" not in values:
            raise PropertyError("malformed RPC secret: missing value")
        if receive.outputs:
            return Output(values["value"], known=True, secret=True)
        return Secret(values["value"])
    if signature == RESOURCE_SIGNATURE:
        return _reference(values)
    if signature == OUTPUT_SIGNATURE:
        return _output(values, receive)
    if signature == BYTES_SIGNATURE:
        return base64.b64decode(str(values.get("value"))).decode(errors="surrogateescape")
    raise PropertyError(f"unrecognized signature '{signature}' in property map")


def _reference(values: PropertyMap) -> ResourceReference:
    urn = values.get("urn")
    if not isinstance(urn, str):
        raise PropertyError("malformed resource reference: missing urn")
    identity = values.get("id")
    if isinstance(identity, Output):
        identity = identity.value if identity.known else COMPUTED
    if identity == "":
        identity = COMPUTED
    return ResourceReference(urn, identity, str(values.get("packageVersion") or ""))


def _output(values: PropertyMap, receive: Receive) -> PropertyValue:
    known, secret = "value" in values, bool(values.get("secret"))
    if receive.outputs:
        dependencies = tuple(str(urn) for urn in values.get("dependencies") or ())
        return Output(values.get("value"), known, secret, dependencies)
    inner = values["value"] if known else _unknown(receive)
    return Secret(inner) if secret else inner
