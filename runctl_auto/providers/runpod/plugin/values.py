"""Values between Pulumi's engine and JSON: what is unknown stays unknown, what is secret stays secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime.rpc import UNKNOWN

Properties = Mapping[str, PropertyValue]


def is_unknown(value: PropertyValue) -> bool:
    """Whether a preview does not know it, or a part of it."""
    inner = value.value
    if isinstance(inner, Mapping):
        return any(is_unknown(each) for each in inner.values())
    if isinstance(inner, tuple):
        return any(is_unknown(each) for each in inner)
    return isinstance(inner, Computed)


def sendable(properties: Properties) -> dict[str, PropertyValue]:
    """The same properties, what is unknown written as the protocol does, which the SDK 3.272 can
    only read."""
    return {name: _sendable(each) for name, each in properties.items()}


def _sendable(value: PropertyValue) -> PropertyValue:
    inner = value.value
    if isinstance(inner, Computed):
        return value.with_value(UNKNOWN)
    if isinstance(inner, Mapping):
        return value.with_value({name: _sendable(each) for name, each in inner.items()})
    if isinstance(inner, tuple):
        return value.with_value([_sendable(each) for each in inner])
    return value


def plain(value: PropertyValue) -> Any:
    """The value as JSON data, whether or not it is secret. Whole numbers, which the engine sends as floats,
    are integers; parts that are null are left out of objects."""
    inner = value.value
    if isinstance(inner, Mapping):
        return {name: plain(each) for name, each in inner.items() if each.value is not None}
    if isinstance(inner, tuple):
        return [plain(each) for each in inner]
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    return inner


def plain_all(properties: Properties) -> dict[str, Any]:
    """As ``plain``, for all that is not null."""
    return {name: plain(each) for name, each in properties.items() if each.value is not None}


def property_of(value: Any, *, secret: bool = False) -> PropertyValue:
    """JSON data as a value of the engine's."""
    if isinstance(value, Mapping):
        inner: Any = {str(name): property_of(each) for name, each in value.items()}
    elif isinstance(value, list | tuple):
        inner = [property_of(each) for each in value]
    elif isinstance(value, int) and not isinstance(value, bool):
        inner = float(value)
    else:
        inner = value
    return PropertyValue(cast(Any, inner), is_secret=secret)


def covers(told: Any, wanted: Any) -> bool:
    """Whether what the API tells is what was asked for, defaults that it added left aside."""
    if isinstance(wanted, dict) and isinstance(told, dict):
        return all(covers(told.get(name), each) for name, each in wanted.items())
    return bool(told == wanted)
