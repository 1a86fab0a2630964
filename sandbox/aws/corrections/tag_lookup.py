"""moto scans the tags of all resources for each resource that it lists; this looks them up by id."""

from typing import Any

from moto.ec2.models.tags import TagBackend
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

from sandbox.aws.corrections.patches import Emulation, Patches


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(describe_tags: Any) -> Any:
        def described(self: Any, filters: dict[str, list[str]] | None = None) -> list[dict[str, str]]:
            identity = _only_id(filters)
            if identity is None:
                found: list[dict[str, str]] = describe_tags(self, filters)
                return found
            kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(identity), "")
            held = self.tags.get(identity, {})
            return [
                {"resource_id": identity, "key": key, "value": value, "resource_type": kind}
                for key, value in dict(held).items()
            ]

        return described

    patches.wrap(TagBackend, "describe_tags", make)


def _only_id(filters: dict[str, list[str]] | None) -> str | None:
    """The single id in the filters, without wildcards; None for any other query."""
    if filters is None or list(filters) != ["resource-id"] or len(filters["resource-id"]) != 1:
        return None
    identity = filters["resource-id"][0]
    return None if any(sign in identity for sign in "*?\\") else identity
