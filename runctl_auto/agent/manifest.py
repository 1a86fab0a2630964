"""Manifests: the list of what was stored, written last, so that without one nothing was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.spec import inside


@dataclass(frozen=True)
class StoredFile:
    """One file: relative path, size, hash."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Stored files, and links (path to target) where the folder had some."""

    files: Sequence[StoredFile]
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def total_bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def to_json(self) -> bytes:
        document: dict[str, object] = {
            "files": [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in self.files]
        }
        if self.links:
            document["links"] = dict(self.links)
        return json.dumps(document, indent=1).encode()


def parse_manifest(data: bytes) -> Manifest:
    """Raises IntegrityError for what is no manifest or names a path outside its folder."""
    try:
        document = json.loads(data)
        files = [
            StoredFile(inside(str(entry["path"])), int(entry["bytes"]), str(entry["sha256"]))
            for entry in document["files"]
        ]
        links = {inside(str(path)): str(target) for path, target in document.get("links", {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"a manifest cannot be understood: {error!r}") from error
    return Manifest(tuple(files), links)
