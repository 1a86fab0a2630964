"""Checkpoints: which file holds a stack's state, and what it says.

Pulumi keeps ``stacks/<project>/<stack>.json``, with ``.gz`` or ``.zst`` when it compresses. While it changes
the compression two files exist for a moment; the one written last counts. Backups and temporary files end
otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runctl_auto.backend.documents import parse_document
from runctl_auto.backend.files import StoredFile

FOLDER = "stacks"
_FILE = re.compile(r"^(?P<stack>[A-Za-z0-9_.-]+?)\.json(\.gz|\.zst)?$")
_VERSIONS = (3, 4)
_VERSION_OF_NEW = 0
"""What Pulumi writes for a stack that is just made, before the first operation."""


@dataclass(frozen=True)
class StackSummary:
    """A stack as its checkpoint describes it. ``resources`` is None before the first operation;
    ``updated_at``, of the last write, is RFC 3339 in UTC. ``made_at`` is when its newest resource was
    created, as the checkpoint says it; None if unknown.
    """

    name: str
    resources: int | None
    updated_at: str
    busy: bool
    made_at: str | None = None


def checkpoint_files(found: Iterable[StoredFile]) -> dict[str, StoredFile]:
    """The checkpoint of each stack by the stack's name, sorted, out of the files of a project."""
    newest: dict[str, StoredFile] = {}
    for file in found:
        matched = _FILE.match(file.name)
        if matched is None:
            continue
        held = newest.get(matched["stack"])
        if held is None or file.written_at >= held.written_at:
            newest[matched["stack"]] = file
    return dict(sorted(newest.items()))


def parse_checkpoint(content: bytes | None) -> Mapping[str, Any] | None:
    """The deployment that a checkpoint holds; None when its stack has none yet.

    Raises one of ``UNREADABLE`` when it is not understood.
    """
    document = parse_document(content)
    deployment: Mapping[str, Any] | None = document["checkpoint"].get("latest")
    version = document["version"]
    if version not in _VERSIONS and not (version == _VERSION_OF_NEW and deployment is None):
        raise ValueError(f"a checkpoint of version {version} is not known")
    return deployment


def summary(stack: str, file: StoredFile, content: bytes | None, *, busy: bool) -> StackSummary:
    """What a checkpoint tells of its stack. Raises one of ``UNREADABLE`` when it is not understood."""
    deployment = parse_checkpoint(content)
    return StackSummary(
        name=stack,
        resources=None if deployment is None else len(deployment.get("resources") or ()),
        updated_at=_updated_at(deployment, file),
        busy=busy,
        made_at=_made_at(deployment),
    )


def _made_at(deployment: Mapping[str, Any] | None) -> str | None:
    told = (each.get("created") for each in (deployment or {}).get("resources") or ())
    return max((each for each in told if isinstance(each, str)), default=None)


def _updated_at(deployment: Mapping[str, Any] | None, file: StoredFile) -> str:
    told = ((deployment or {}).get("manifest") or {}).get("time")
    if told and not told.startswith("0001"):
        return str(told)
    return file.written_at.isoformat().replace("+00:00", "Z")
