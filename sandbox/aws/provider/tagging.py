"""Tags: the resource's own, the provider's default tags, and both merged in `tagsAll`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.aws.provider.resource import Known

_OF_THE_SERVICE = "aws:"


def merged(default_tags: Mapping[str, str], tags: Any) -> Any:
    """All tags of a resource; its own take precedence. Unknown values stay unknown."""
    if tags is None:
        return dict(default_tags)
    return {**default_tags, **tags} if isinstance(tags, Mapping) else tags


def from_list(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Tags from a service's list, without those that the service set itself."""
    return {
        tag["Key"]: tag.get("Value", "") for tag in tags or () if not tag["Key"].startswith(_OF_THE_SERVICE)
    }


def to_list(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    """Tags in the list format of most services."""
    return [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())]


def told(
    all_tags: Mapping[str, str], default_tags: Mapping[str, str], known: Known
) -> dict[str, dict[str, str]]:
    """The outputs `tags` and `tagsAll`: `tags` has a default tag only when the resource specifies it too."""
    own = known.inputs.get("tags", known.outputs.get("tags")) or {}
    tags = {key: value for key, value in all_tags.items() if default_tags.get(key) != value or key in own}
    return {"tags": tags, "tagsAll": dict(all_tags)}


def changes(
    before: Mapping[str, str] | None, after: Mapping[str, str] | None
) -> tuple[dict[str, str], list[str]]:
    """Tags to set and keys to remove to turn one set of tags into another."""
    old, new = before or {}, after or {}
    return (
        {key: value for key, value in new.items() if old.get(key) != value},
        [key for key in old if key not in new],
    )
