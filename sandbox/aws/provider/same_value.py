"""Equivalence of two values of a kind, regardless of notation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.aws.provider.schema import Field, Kind
from sandbox.aws.provider.wire import Archive, Asset


def is_empty(value: Any) -> bool:
    """Whether the value is absent, an empty string, list or map, false, or zero."""
    return value is None or value in ("", False, 0) or (isinstance(value, list | dict) and not value)


def same(field: Field, left: Any, right: Any) -> bool:
    """Whether two known values are equivalent; absent and empty are."""
    if is_empty(left) and is_empty(right):
        return True
    if left is None or right is None:
        return False
    compare = _COMPARISONS.get(field.kind)
    return bool(left == right) if compare is None else compare(field, left, right)


def same_object(field: Field, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether an object has all wanted fields; it may have further fields, computed by the cloud."""
    return all(
        (part.computed and wanted.get(name) is None) or same(part, wanted.get(name), found.get(name))
        for name, part in (field.fields or {}).items()
    )


def content_hash(value: Any) -> str:
    """The hash of an asset's or archive's content."""
    return str(value.hash) if isinstance(value, Asset | Archive) and value.hash else repr(value)


def _same_objects(field: Field, wanted: Any, found: Any) -> bool:
    if len(wanted) != len(found):
        return False
    if field.kind is Kind.OBJECTS:
        return all(same_object(field, left, right) for left, right in zip(wanted, found, strict=True))
    remaining = list(found)
    for left in wanted:
        match = _first_same(field, left, remaining)
        if match is None:
            return False
        remaining.remove(match)
    return True


def _first_same(field: Field, wanted: Any, candidates: Iterable[Any]) -> Any:
    return next((candidate for candidate in candidates if same_object(field, wanted, candidate)), None)


def _document(value: Any) -> Any:
    """A policy document without differences that have no meaning: list order, and lists of one string."""
    try:
        return _canonical(json.loads(value) if isinstance(value, str) else value)
    except ValueError:
        return value


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _canonical(part) for name, part in value.items()}
    if isinstance(value, list):
        parts = [_canonical(part) for part in value]
        if len(parts) == 1 and not isinstance(parts[0], dict):
            return parts[0]
        return sorted(parts, key=lambda part: json.dumps(part, sort_keys=True))
    return value


_COMPARISONS: Mapping[Kind, Callable[[Field, Any, Any], bool]] = {
    Kind.STRING: lambda _, left, right: str(left) == str(right),
    Kind.INTEGER: lambda _, left, right: str(left) == str(right),
    Kind.POLICY: lambda _, left, right: bool(_document(left) == _document(right)),
    Kind.SET: lambda _, left, right: sorted(map(str, left)) == sorted(map(str, right)),
    Kind.ASSET: lambda _, left, right: content_hash(left) == content_hash(right),
    Kind.OBJECT: same_object,
    Kind.OBJECTS: _same_objects,
    Kind.OBJECT_SET: _same_objects,
}
