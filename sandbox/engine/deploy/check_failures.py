"""What people are told of inputs that a provider refuses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.engine import property_path
from sandbox.engine.deploy.providers.api import CheckFailure, ProviderError
from sandbox.engine.model import Resource
from sandbox.engine.properties import PropertyMap, PropertyValue, to_json, without_outputs


def refusal(resource: Resource, failure: CheckFailure) -> str:
    """The message for one failure of a check of the resource's inputs."""
    if not failure.property:
        return f"{resource.type} resource '{resource.name}' has a problem: {failure.reason}"
    return (
        f"{resource.type} resource '{resource.name}': property {failure.property} value "
        f"{rendered(resource.inputs.get(failure.property))} has a problem: {failure.reason}"
    )


def described(error: ProviderError, inputs: PropertyMap) -> str:
    """An error with the inputs that the provider refuses."""
    lines = [str(error)]
    for path, reason in error.refused:
        found, value = _value_at(inputs, path)
        shown = f" with value '{rendered(value)}'" if found else ""
        lines.append(f"\n\t\t- property {path}{shown} has a problem: {reason}")
    return "".join(lines)


def _value_at(inputs: PropertyMap, path: str) -> tuple[bool, PropertyValue]:
    value: Any = without_outputs(inputs)
    try:
        for part in property_path.parse(path):
            value = value[part]
    except (property_path.PathError, LookupError, TypeError):
        return False, None
    return True, value


def rendered(value: PropertyValue) -> str:
    """A value as such messages show it."""
    return "{" + _bare(value) + "}"


def _bare(value: PropertyValue) -> str:  # noqa: PLR0911 - one a kind of value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{' '.join(map(rendered, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{rendered(value[key])}' for key in sorted(value))}]"
    return str(to_json(value, lambda _: "", redact=True))


def _number(number: float) -> str:
    """With an exponent from a million on and below a ten-thousandth."""
    digits, exponent = f"{Decimal(repr(number)).normalize():e}".split("e")
    if -5 < int(exponent) < 6:
        return f"{Decimal(repr(number)).normalize():f}"
    return f"{digits}e{int(exponent):+03d}"
