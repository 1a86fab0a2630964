"""Data sources that a job may read, from a project's ``policies.yaml``."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from policies.environment import ENVIRONMENTS
from policies.rule import UNKNOWN, Judged, Rule, Settings, Violation, shown


def other_source(resource: Judged, settings: Settings) -> Iterator[Violation]:
    """A source that is not listed. Without a list every source is allowed.

    A pattern allows a source that it matches, and one whose every object it matches: ``s3://bucket/*`` allows
    the bucket.
    """
    patterns = [str(pattern) for pattern in settings.get("sources") or ()]
    found = resource.inputs.get("dataSources")
    if not patterns or not isinstance(found, (list, tuple)):
        return
    for index, source in enumerate(found):
        if source is not UNKNOWN and not _is_allowed(source, patterns):
            yield Violation(
                found=f"data source {shown(source)}",
                allowed=", ".join(patterns),
                field=f"data[{index}].source",
            )


def _is_allowed(source: Any, patterns: list[str]) -> bool:
    name = str(source).rstrip("/")
    return any(fnmatchcase(name, each) or fnmatchcase(f"{name}/", each) for each in patterns)


RULE = Rule(
    name="allowed-data-sources",
    description="Jobs read data from buckets and prefixes that the project allows.",
    types=ENVIRONMENTS,
    reads=frozenset({"dataSources"}),
    check=other_source,
    schema={
        "sources": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "default": [],
            "description": "sources such as s3://bucket/prefix or s3://bucket/*; none: all",
        }
    },
)
