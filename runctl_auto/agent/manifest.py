"""Reads manifests of checkpoints; their content in the bucket is untrusted."""

from __future__ import annotations

from runctl_auto.agent.contract import Manifest, StoredFile
from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.spec import inside


def parse_manifest(data: bytes) -> Manifest:
    """Raises IntegrityError for an invalid manifest or one that names a path outside its folder."""
    try:
        found = Manifest.from_json(data)
        files = [StoredFile(inside(file.path), file.bytes, file.sha256) for file in found.files]
        links = {inside(path): target for path, target in found.links.items()}
    except ValueError as error:
        raise IntegrityError(f"a manifest cannot be understood: {error!r}") from error
    return Manifest(tuple(files), links)
