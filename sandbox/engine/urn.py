"""Uniform resource names: `urn:pulumi:STACK::PROJECT::PARENT_TYPE$TYPE::NAME`."""

from __future__ import annotations

from sandbox.engine.model import PROVIDER_TYPE_PREFIX, STACK_TYPE

_PREFIX = "urn:pulumi:"


class UrnError(ValueError):
    """A text is no URN."""


def make(stack: str, project: str, parent_type: str, resource_type: str, name: str) -> str:
    """The URN of a resource; `parent_type` is the parent's qualified type, "" for none and for the stack."""
    qualified = f"{parent_type}${resource_type}" if parent_type else resource_type
    return f"{_PREFIX}{stack}::{project}::{qualified}::{name}"


def is_valid(urn: str) -> bool:
    """Whether the text is a URN."""
    return urn.startswith(_PREFIX) and urn.count("::") >= 3


def check(urn: str) -> str:
    """The URN itself; raises UrnError when it is none."""
    if not is_valid(urn):
        raise UrnError(f"invalid URN {urn!r}")
    return urn


def _part(urn: str, index: int) -> str:
    return urn[len(_PREFIX) :].split("::", 3)[index]


def stack_of(urn: str) -> str:
    """The stack's name."""
    return _part(urn, 0)


def project_of(urn: str) -> str:
    """The project's name."""
    return _part(urn, 1)


def qualified_type_of(urn: str) -> str:
    """The types of all parents and of the resource, joined by `$`."""
    return _part(urn, 2)


def type_of(urn: str) -> str:
    """The resource's type."""
    return qualified_type_of(urn).rpartition("$")[2]


def name_of(urn: str) -> str:
    """The resource's logical name."""
    return _part(urn, 3)


def is_stack(urn: str) -> bool:
    """Whether the URN is that of a root stack resource."""
    return qualified_type_of(urn) == STACK_TYPE


def parent_type_of(parent: str) -> str:
    """The parent type to use for children of `parent` (a URN or "")."""
    return "" if not parent or is_stack(parent) else qualified_type_of(parent)


def is_provider_type(resource_type: str) -> bool:
    """Whether resources of the type are providers."""
    return resource_type.startswith(PROVIDER_TYPE_PREFIX)


def package_of(resource_type: str) -> str:
    """The package of a type token (`aws:ec2/instance:Instance` -> `aws`)."""
    return resource_type.split(":", 1)[0]


def provided_package(provider_type: str) -> str:
    """The package that a provider type serves (`pulumi:providers:aws` -> `aws`)."""
    return provider_type[len(PROVIDER_TYPE_PREFIX) :]


def is_default_provider(urn: str) -> bool:
    """Whether the URN is that of a provider that the engine made by itself."""
    name = name_of(urn)
    return is_provider_type(type_of(urn)) and (name == "default" or name.startswith("default_"))


def split_reference(reference: str) -> tuple[str, str]:
    """URN and id of a provider reference; raises UrnError for a malformed one."""
    urn, separator, identity = reference.rpartition("::")
    if not separator or not identity:
        raise UrnError(f"expected '::' in provider reference '{reference}'")
    return check(urn), identity
