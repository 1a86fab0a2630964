"""Tags of stacks, kept beside their checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sandbox.engine.backend.bucket import Bucket
from sandbox.engine.backend.checkpoints import STACKS
from sandbox.engine.backend.errors import BackendError
from sandbox.engine.backend.reference import StackReference

_VERSION = 1


class Tags:
    """The tags of one backend's stacks."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def load(self, reference: StackReference) -> dict[str, str]:
        """The tags; none when there have never been any."""
        try:
            document = json.loads(self._bucket.read(_key(reference)))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise BackendError(f"failed to unmarshal stack tags: {error}") from error
        if document.get("version") != _VERSION:
            raise BackendError(
                f"unsupported stack tags version: {document.get('version')} (expected {_VERSION})"
            )
        return dict(document.get("tags") or {})

    def save(self, reference: StackReference, tags: Mapping[str, str]) -> None:
        """Replaces the tags; without any the file goes."""
        if not tags:
            self._bucket.delete(_key(reference))
            return
        document = {"version": _VERSION, "tags": dict(sorted(tags.items()))}
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        self._bucket.write(_key(reference), text.encode())

    def remove(self, reference: StackReference) -> None:
        """Removes all tags."""
        self._bucket.delete(_key(reference))


def _key(reference: StackReference) -> str:
    return f"{STACKS}/{reference.project}/{reference.name}.pulumi-tags"
