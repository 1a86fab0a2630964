"""Converts Pulumi property values between `google.protobuf.Struct` and plain Python values.

JSON values are used as they are (whole floats become integers); `UNKNOWN` is a value not known during
preview, `Secret` a secret value, `Asset` and `Archive` file contents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2

UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a type's signature on the wire, not a secret
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"


class Unknown:
    """The type of `UNKNOWN`: a value that is not known until its resource exists."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts in state and masks in output."""

    value: Any


@dataclass(frozen=True)
class Asset:
    """The content of one file: by text, path or URI, exactly one of them."""

    hash: str
    text: str | None = None
    path: str | None = None
    uri: str | None = None


@dataclass(frozen=True)
class Archive:
    """The content of several files: by path, URI or parts, exactly one of them."""

    hash: str
    path: str | None = None
    uri: str | None = None
    assets: Mapping[str, Any] | None = None


def decode(struct: struct_pb2.Struct) -> dict[str, Any]:
    """The properties in a message."""
    return {name: _decode_value(value) for name, value in struct.fields.items()}


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """The message for the properties, without None values."""
    struct = struct_pb2.Struct()
    for name, value in properties.items():
        if value is not None:
            struct.fields[name].CopyFrom(_encode_value(value))
    return struct


def reveal(value: Any) -> Any:
    """The value with all secrets in it revealed."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, Mapping):
        return {name: reveal(part) for name, part in value.items()}
    if isinstance(value, list):
        return [reveal(part) for part in value]
    return value


def holds_secret(value: Any) -> bool:
    """Whether the value is or contains a secret."""
    return _any_part(value, Secret)


def holds_unknown(value: Any) -> bool:
    """Whether the value is or contains an unknown."""
    return _any_part(reveal(value), Unknown)


def _any_part(value: Any, kind: type) -> bool:
    if isinstance(value, kind):
        return True
    parts: Iterable[Any] = ()
    if isinstance(value, Mapping):
        parts = value.values()
    elif isinstance(value, list):
        parts = value
    return any(_any_part(part, kind) for part in parts)


def _decode_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value == UNKNOWN_TEXT else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode_value(part) for part in value.list_value.values]
    if kind == "struct_value":
        return _decode_object(decode(value.struct_value))
    return None


def _decode_object(fields: dict[str, Any]) -> Any:
    signature = fields.get(_SIGNATURE)
    if signature is None:
        return fields
    if signature == _SECRET:
        return Secret(fields.get("value"))
    if signature == _OUTPUT:
        content = fields.get("value", UNKNOWN)
        return Secret(content) if fields.get("secret") else content
    if signature == _ASSET:
        return Asset(fields.get("hash", ""), fields.get("text"), fields.get("path"), fields.get("uri"))
    if signature == _ARCHIVE:
        return Archive(fields.get("hash", ""), fields.get("path"), fields.get("uri"), fields.get("assets"))
    if signature == _REFERENCE:
        return fields.get("id") or fields.get("urn")
    raise ValueError(f"a property value with the unknown signature {signature}")


def _encode_value(value: Any) -> struct_pb2.Value:
    for kind, encoded in _ENCODERS:
        if isinstance(value, kind):
            return encoded(value)
    return struct_pb2.Value(struct_value=encode(_signed(value)))


def _encode_list(value: Any) -> struct_pb2.Value:
    parts = [_encode_value(part) for part in value]
    return struct_pb2.Value(list_value=struct_pb2.ListValue(values=parts))


# Order matters: in Python, a bool is an int.
_ENCODERS: tuple[tuple[Any, Callable[[Any], struct_pb2.Value]], ...] = (
    (type(None), lambda _: struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)),
    (Unknown, lambda _: struct_pb2.Value(string_value=UNKNOWN_TEXT)),
    (bool, lambda value: struct_pb2.Value(bool_value=value)),
    ((int, float), lambda value: struct_pb2.Value(number_value=value)),
    (str, lambda value: struct_pb2.Value(string_value=value)),
    (Mapping, lambda value: struct_pb2.Value(struct_value=encode(value))),
    ((list, tuple), _encode_list),
)


def _signed(value: Any) -> dict[str, Any]:
    if isinstance(value, Secret):
        return {_SIGNATURE: _SECRET, "value": value.value}
    if isinstance(value, Asset):
        return {
            _SIGNATURE: _ASSET,
            "hash": value.hash,
            "text": value.text,
            "path": value.path,
            "uri": value.uri,
        }
    if isinstance(value, Archive):
        return {
            _SIGNATURE: _ARCHIVE,
            "hash": value.hash,
            "path": value.path,
            "uri": value.uri,
            "assets": value.assets,
        }
    raise TypeError(f"{type(value).__name__} is not a property value")
