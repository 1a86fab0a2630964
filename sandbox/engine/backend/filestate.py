"""One backend: its stacks with their checkpoints, history, locks and tags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.engine.backend.bucket import Bucket
from sandbox.engine.backend.checkpoints import STACKS, Checkpoints, key
from sandbox.engine.backend.errors import (
    BackendError,
    StackExistsError,
    StackHasResourcesError,
    UnsupportedBackendError,
)
from sandbox.engine.backend.history import History, HistoryRecord
from sandbox.engine.backend.location import Location
from sandbox.engine.backend.locks import Locks
from sandbox.engine.backend.reference import StackReference, is_name
from sandbox.engine.backend.tags import Tags

META = ".pulumi/meta.yaml"
ROOT_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class StackSummary:
    """What a list of stacks shows. `last_update` is RFC 3339, None when never deployed."""

    reference: StackReference
    last_update: str | None
    resource_count: int | None


class FileBackend:
    """A backend in a folder. Opening it makes its metadata file when there is none."""

    def __init__(self, url: str, current_folder: Path) -> None:
        self.location = Location(url, current_folder)
        self.bucket = Bucket(self.location.folder)
        self.checkpoints = Checkpoints(self.bucket)
        self.history = History(self.bucket)
        self.locks = Locks(self.bucket, self.location)
        self.tags = Tags(self.bucket)
        self._check_version()

    @property
    def url(self) -> str:
        """The address as it was given."""
        return self.location.url

    def create(self, reference: StackReference, deployment: str | None) -> None:
        """Makes a stack. Raises StackExistsError, StackLockedError."""
        with self.locks.hold(reference):
            if self.checkpoints.exists(reference):
                raise StackExistsError(reference.qualified)
            self.checkpoints.save(reference, deployment)

    def remove(self, reference: StackReference, *, force: bool, with_backups: bool = False) -> None:
        """Removes a stack. Raises StackHasResourcesError unless it is empty or `force` is given."""
        with self.locks.hold(reference):
            deployment = self.checkpoints.load(reference) or {}
            types = [resource.get("type") for resource in deployment.get("resources") or []]
            if not force and types not in ([], [ROOT_TYPE]):
                raise StackHasResourcesError("refusing to remove stack because it still contains resources")
            self.checkpoints.remove(reference, with_backups=with_backups)
            self.tags.remove(reference)
            self.history.remove(reference)

    def rename(
        self,
        old: StackReference,
        new: StackReference,
        deployment: str | None,
        features: Sequence[str] = (),
    ) -> None:
        """Gives a stack a new name; `deployment` is its state with the new name in it."""
        with self.locks.hold(old):
            if self.checkpoints.exists(new):
                raise BackendError(f"a stack named {new.name} already exists")
            self.checkpoints.save(new, deployment, features)
            self.checkpoints.remove(old)
            self.history.rename(old, new)
            tags = self.tags.load(old)
            self.tags.save(new, tags)
            self.tags.remove(old)

    def record(self, reference: StackReference, record: HistoryRecord) -> None:
        """Adds an operation to the history and backs the checkpoint up."""
        self.history.add(reference, record, key(reference))
        self.checkpoints.back_up(reference)

    def list(self, project: str | None) -> list[StackReference]:
        """The stacks of one project, or of all when it is None, in order."""
        projects = [project] if project is not None else self.bucket.folders(STACKS)
        return [
            StackReference(folder, name[: -len(".json")])
            for folder in projects
            if is_name(folder)
            for name in self.bucket.names(f"{STACKS}/{folder}")
            if name.endswith(".json") and is_name(name[: -len(".json")])
        ]

    def summary(self, reference: StackReference) -> StackSummary:
        """What a list shows of a stack."""
        deployment = self.checkpoints.load(reference)
        if deployment is None:
            return StackSummary(reference, None, None)
        time = (deployment.get("manifest") or {}).get("time")
        return StackSummary(reference, time, len(deployment.get("resources") or []))

    def _check_version(self) -> None:
        try:
            text = self.bucket.read(META).decode()
        except FileNotFoundError:
            self._start()
            return
        found = re.search(r"^version:\s*(\d+)\s*$", text, re.MULTILINE)
        if found is None:
            raise UnsupportedBackendError(f'corrupt store: missing version in "{META}"')
        if found.group(1) != "1":
            raise UnsupportedBackendError(
                f"state store unsupported: 'meta.yaml' version ({found.group(1)}) is not "
                "supported by this engine"
            )

    def _start(self) -> None:
        if any(name.endswith(".json") for name in self.bucket.names(STACKS)):
            raise UnsupportedBackendError(
                "the state store keeps stacks without their project (the layout of old versions), which this "
                "engine does not support; upgrade it with Pulumi's own CLI: `pulumi state upgrade`"
            )
        self.bucket.write(META, b"version: 1\n")
