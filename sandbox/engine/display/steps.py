"""Steps as events tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.engine.display.op_text import REPLACEMENT_STEPS
from sandbox.engine.display.options import DisplayOptions
from sandbox.engine.model import PROVIDER_TYPE_PREFIX, STACK_TYPE

Metadata = Mapping[str, Any]


def urn_type(urn: str) -> str:
    """The type in a URN, without the types of its parents."""
    parts = urn.split("::", 3)
    return parts[2].rpartition("$")[2] if len(parts) == 4 else ""


def urn_name(urn: str) -> str:
    """The name in a URN."""
    return urn.split("::", 3)[-1]


def short_type(urn: str) -> str:
    """The type as people see it: without a module that only repeats the name."""
    kind = urn_type(urn)
    package, _, rest = kind.partition(":")
    module, colon, name = rest.partition(":")
    head, slash, tail = module.rpartition("/")
    if colon and slash and tail and tail == name[:1].lower() + name[1:]:
        return f"{package}:{head}:{name}"
    return kind


def is_root(urn: str) -> bool:
    """Whether the URN is that of the stack itself."""
    return bool(urn) and urn_type(urn) == STACK_TYPE


def is_default_provider(urn: str) -> bool:
    """Whether the URN is that of a provider which no program declared."""
    name = urn_name(urn)
    return urn_type(urn).startswith(PROVIDER_TYPE_PREFIX) and (
        name == "default" or name.startswith("default_")
    )


def is_internal(event: Mapping[str, Any]) -> bool:
    """Whether an event is not for people: steps of default providers."""
    for content in event.values():
        if isinstance(content, Mapping) and "metadata" in content:
            return is_default_provider(str(content["metadata"]["urn"]))
    return False


def state_of(metadata: Metadata) -> Mapping[str, Any]:
    """The resource that a step is about: its new state, else its old one."""
    return metadata.get("new") or metadata.get("old") or {}


def is_shown(metadata: Metadata, options: DisplayOptions) -> bool:
    """Whether a step is worth a line."""
    op = metadata["op"]
    if op == "same":
        old, new = metadata.get("old") or {}, metadata.get("new") or {}
        return bool(old.get("protect")) != bool(new.get("protect")) or options.show_sames
    if not options.show_replacement_steps and options.replacements_in_one:
        return bool(metadata.get("logical")) or op not in REPLACEMENT_STEPS
    return True
