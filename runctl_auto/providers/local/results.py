"""The results of a job's runs in its folder: status, logs, artifacts, and the stop request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from runctl_auto.agent.contract import (
    LOG_PART_BYTES,
    MOST_MANIFEST_BYTES,
    MOST_NOTE,
    MOST_REQUEST_BYTES,
    MOST_STATUS_BYTES,
    StopJson,
    StopReason,
)
from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.keys import (
    RUNS_PREFIX,
    artifacts_prefix,
    file_key,
    log_part_number,
    manifest_key,
    node_logs_prefix,
    status_key,
    stop_key,
)
from runctl_auto.agent.saving.manifest import Manifest, StoredFile
from runctl_auto.agent.saving.manifest_reading import parse_manifest
from runctl_auto.agent.status_format import StatusJson
from runctl_auto.agent.untrusted import UnreadableError, read_object, text
from runctl_auto.errors import NotFoundError, UnfetchedArtifactsError
from runctl_auto.providers.local.folder_objects import FolderObjects
from runctl_auto.providers.stored_runs import MOST_RUNS, PARTS_AT_ONCE, LogPart, following_part_keys
from runctl_auto.run.identity import RUN_ID
from runctl_auto.run.status import RunStatus, parse_run_status, unreadable_status

_MOST_PART_BYTES = 2 * LOG_PART_BYTES


class FolderResults:
    """Implements ``providers.contract.Results`` over the folder ``store`` of one job."""

    def __init__(self, store: Path) -> None:
        self._folder = store
        self._objects = FolderObjects(store)

    @property
    def name(self) -> str:
        return str(self._folder)

    def status(self, run: str) -> RunStatus | None:
        try:
            content = self._objects.find(status_key(run), MOST_STATUS_BYTES)
        except IntegrityError as error:
            return unreadable_status(run, str(error))
        return None if content is None else parse_run_status(content, run)

    def request_stop(self, run: str, *, reason: StopReason, grace_seconds: int, at: str) -> None:
        if not self._folder.is_dir():
            raise NotFoundError(f"there is no folder {self._folder}", code="NotFound")
        request: StopJson = {"reason": reason, "grace_seconds": grace_seconds, "at": at}
        self._objects.put(stop_key(run), json.dumps(request).encode())

    def stop_request(self, run: str) -> str | None:
        try:
            content = self._objects.find(stop_key(run), MOST_REQUEST_BYTES)
            if content is None:
                return None
            return read_object(content, MOST_REQUEST_BYTES).needed("reason", text(MOST_NOTE))
        except (IntegrityError, UnreadableError):
            return "unknown"

    def write_status(self, run: str, status: StatusJson) -> None:
        self._objects.put(status_key(run), json.dumps(status).encode())

    def log_parts(
        self,
        run: str,
        *,
        after: str | None = None,
        node: int = 0,
        at_once: int = PARTS_AT_ONCE,  # noqa: ARG002
    ) -> Iterator[LogPart]:
        if after is not None:
            yield from self._following_parts(after)
            return
        prefix = node_logs_prefix(run, node)
        for key in self._objects.object_sizes(prefix):
            if log_part_number(key[len(prefix) :]) is not None:
                yield self._part(key)

    def _following_parts(self, key: str) -> Iterator[LogPart]:
        for following in following_part_keys(key):
            try:
                yield self._part(following)
            except NotFoundError:
                return

    def _part(self, key: str) -> LogPart:
        try:
            content = self._objects.get(key, _MOST_PART_BYTES)
        except IntegrityError:
            return LogPart(key, f"[runctl] {key} is larger than any part that is written: it is not shown\n")
        return LogPart(key, content.decode("utf-8", errors="replace"))

    def runs(self) -> tuple[str, ...]:
        names = self._objects.list_folders(RUNS_PREFIX)
        return tuple(islice((name for name in names if RUN_ID.fullmatch(name)), MOST_RUNS))

    def artifacts(self, run: str) -> Manifest | None:
        try:
            content = self._objects.find(manifest_key(artifacts_prefix(run)), MOST_MANIFEST_BYTES)
            return None if content is None else parse_manifest(content)
        except IntegrityError as error:
            raise UnfetchedArtifactsError(
                f"The list of artifacts of run {run} cannot be read: {error}",
                where={"folder": self.name, "run": run},
                next_step=f"Look at {artifacts_prefix('RUN')} in the folder; "
                "`runctl down --discard-artifacts` gives them up.",
            ) from error

    def has_unlisted_artifacts(self, run: str) -> bool:
        if not self._folder.is_dir():
            raise NotFoundError(f"there is no folder {self._folder}", code="NotFound")
        prefix = artifacts_prefix(run)
        keys = self._objects.object_sizes(prefix)
        return bool(keys) and manifest_key(prefix) not in keys

    def fetch_artifact(self, run: str, file: StoredFile, target: Path) -> None:
        key = file_key(artifacts_prefix(run), file.path)
        try:
            found = self._objects.download(key, target, file.stored_bytes)
        except NotFoundError as error:
            raise UnfetchedArtifactsError(
                f"Artifact {file.path} of run {run} is in its list and not in the folder.",
                where={"folder": self.name, "run": run, "file": file.path},
                next_step="`runctl down --discard-artifacts` gives the artifacts up.",
            ) from error
        if found != file.sha256:
            raise UnfetchedArtifactsError(
                f"Artifact {file.path} of run {run} is not what was stored.",
                where={"folder": self.name, "run": run, "file": file.path},
                next_step="Repeat the command. If it stays so, the file in the job's folder was changed.",
            )

    def objects(self) -> FolderObjects:
        return self._objects
