"""Checkpoints: the file that holds a stack's present state, its predecessor, and backups of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.engine.backend.bucket import Bucket
from sandbox.engine.backend.errors import CheckpointError, StackNotFoundError
from sandbox.engine.backend.reference import StackReference

STACKS = ".pulumi/stacks"
BACKUPS = ".pulumi/backups"
VERSION = 3


class Checkpoints:
    """The checkpoints of one backend's stacks: deployments in Pulumi's JSON format, version 3."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def exists(self, reference: StackReference) -> bool:
        """Whether there is such a stack."""
        return self._bucket.exists(key(reference))

    def load(self, reference: StackReference) -> dict[str, Any] | None:
        """The deployment, None while there is none. Raises StackNotFoundError, CheckpointError."""
        try:
            content = self._bucket.read(key(reference))
        except FileNotFoundError:
            self._refuse_compressed(reference)
            raise StackNotFoundError(reference.name) from None
        return _deployment(reference, content)

    def save(self, reference: StackReference, deployment: str | None, features: Sequence[str] = ()) -> None:
        """Replaces the deployment (a JSON text); on return it has reached the disk. The one before stays as
        `.bak`. `features` are those beyond version 3 that the deployment uses."""
        name = json.dumps(reference.qualified)
        latest = f',"latest":{deployment}' if deployment is not None else ""
        used = f',"features":{json.dumps(list(features))}' if features else ""
        text = f'{{"version":{VERSION}{used},"checkpoint":{{"stack":{name}{latest}}}}}'
        self._bucket.keep_as(key(reference), f"{key(reference)}.bak")
        self._bucket.write(key(reference), text.encode())

    def back_up(self, reference: StackReference) -> None:
        """Adds a copy of the checkpoint to the stack's backups."""
        backup = f"{backups_folder(reference)}/{reference.name}.{time.time_ns()}.json"
        self._bucket.copy(key(reference), backup)

    def remove(self, reference: StackReference, *, with_backups: bool = False) -> None:
        """Removes the stack's checkpoint; it stays as `.bak` with the backups unless these go too."""
        if with_backups:
            self._bucket.delete(f"{key(reference)}.bak")
            self._bucket.delete_tree(backups_folder(reference))
        else:
            self._bucket.keep_as(key(reference), f"{key(reference)}.bak")
        self._bucket.delete(key(reference))

    def _refuse_compressed(self, reference: StackReference) -> None:
        for extension in (".gz", ".zst"):
            if self._bucket.exists(f"{key(reference)}{extension}"):
                raise CheckpointError(
                    f"the checkpoint of '{reference.name}' is compressed ({extension}), which this engine "
                    "does not support: export it with Pulumi's own CLI and import it with compression off"
                )


def key(reference: StackReference) -> str:
    """The checkpoint's file in the backend."""
    return f"{STACKS}/{reference.project}/{reference.name}.json"


def backups_folder(reference: StackReference) -> str:
    """The folder of a stack's backups in the backend."""
    return f"{BACKUPS}/{reference.project}/{reference.name}"


def features_in(document: Mapping[str, Any]) -> list[str]:
    """The features that a checkpoint or export names. Raises CheckpointError for unknown ones."""
    from sandbox.engine import checkpoint

    features = [str(feature) for feature in document.get("features") or []]
    try:
        checkpoint.check_features(features)
    except checkpoint.CheckpointError as error:
        raise CheckpointError(str(error)) from error
    return features


def _deployment(reference: StackReference, content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content)
        version, checkpoint = document["version"], document["checkpoint"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"failed to load checkpoint of '{reference.name}': {error}; its predecessor is beside it (.bak)"
        ) from error
    if version != VERSION:
        raise CheckpointError(
            f"the checkpoint of '{reference.name}' has format version {version}; this engine knows {VERSION}"
        )
    features_in(document)
    latest = checkpoint.get("latest") if isinstance(checkpoint, dict) else None
    if latest is not None and not isinstance(latest, dict):
        raise CheckpointError(f"failed to load checkpoint of '{reference.name}': 'latest' is no map")
    return latest
