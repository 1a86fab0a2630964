"""A job's bucket as seen from the developer's machine: status, logs, artifacts, and the stop request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from runctl_auto.agent.contract import (
    LOG_PART_BYTES,
    MOST_MANIFEST_BYTES,
    MOST_NOTE,
    MOST_REQUEST_BYTES,
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
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.bucket_objects import BucketObjects
from runctl_auto.providers.aws.object_body import read_body, write_body
from runctl_auto.providers.aws.read_ahead import read_ahead
from runctl_auto.providers.aws.run_status import read_run_status
from runctl_auto.providers.contract import MOST_RUNS, LogPart
from runctl_auto.providers.stored_runs import PARTS_AT_ONCE, following_part_keys
from runctl_auto.run.identity import RUN_ID
from runctl_auto.run.status import RunStatus

_MOST_PART_BYTES = 2 * LOG_PART_BYTES
"""What is replaced in a part may be shorter than what replaces it."""


class _Stored(NamedTuple):
    """Content of an object, and the POSIX time at which it was stored."""

    content: bytes
    at: float


class JobBucket:
    """The bucket of one job. Every call states the account that must own it.

    Implements ``providers.contract.Results``.
    """

    def __init__(self, cloud: Cloud, name: str, owner: str) -> None:
        self.name = name
        self._cloud = cloud
        self._owner = owner

    def status(self, run: str) -> RunStatus | None:
        """The durable status of a run; None when there is none (yet), or no bucket."""
        return read_run_status(self._cloud, bucket=self.name, owner=self._owner, run=run)

    def request_stop(self, run: str, *, reason: StopReason, grace_seconds: int, at: str) -> None:
        """Requests the agent to stop the job gracefully. Idempotent."""
        request: StopJson = {"reason": reason, "grace_seconds": grace_seconds, "at": at}
        self._cloud.call(
            "s3",
            "put_object",
            Bucket=self.name,
            Key=stop_key(run),
            Body=json.dumps(request).encode(),
            ContentType="application/json",
            ExpectedBucketOwner=self._owner,
        )

    def stop_request(self, run: str) -> str | None:
        """The reason of the request to stop the run; None when there is none, or no bucket."""
        content = self._read(stop_key(run), MOST_REQUEST_BYTES)
        if content is None:
            return None
        try:
            return read_object(content, MOST_REQUEST_BYTES).needed("reason", text(MOST_NOTE))
        except UnreadableError:
            return "unknown"

    def write_status(self, run: str, status: StatusJson) -> None:
        """Replaces the durable status of a run that has no machine which could write it."""
        self._cloud.call(
            "s3",
            "put_object",
            Bucket=self.name,
            Key=status_key(run),
            Body=json.dumps(status).encode(),
            ContentType="application/json",
            ExpectedBucketOwner=self._owner,
        )

    def log_parts(
        self, run: str, *, after: str | None = None, node: int = 0, at_once: int = PARTS_AT_ONCE
    ) -> Iterator[LogPart]:
        """Parts of the log of a run's node in order, after key ``after``. Nothing when there is no bucket.

        Parts of a run are many and small: ``at_once`` are read at a time. They have consecutive numbers:
        those after ``after`` are requested by name, which costs a twelfth of a list request.
        """
        if after is not None:
            yield from self._following_parts(after)
            return
        prefix = node_logs_prefix(run, node)
        keys = (str(entry["Key"]) for entry in self._listed("Contents", Prefix=prefix))
        parts = (each for each in keys if log_part_number(each[len(prefix) :]) is not None)
        for _, part in read_ahead(parts, self._part, at_once=at_once):
            if part is not None:
                yield part

    def _following_parts(self, key: str) -> Iterator[LogPart]:
        for following in following_part_keys(key):
            part = self._part(following)
            if part is None:
                return
            yield part

    def _part(self, key: str) -> LogPart | None:
        stored = self._read_dated(key, _MOST_PART_BYTES)
        if stored is None:
            return None
        text = stored.content[:_MOST_PART_BYTES].decode("utf-8", errors="replace")
        if len(stored.content) > _MOST_PART_BYTES:
            text += f"\n[runctl] {key} is larger than any part that is written: the rest is not shown\n"
        return LogPart(key, text, stored.at)

    def runs(self) -> tuple[str, ...]:
        """Ids of all runs with objects in the bucket, ``MOST_RUNS`` at most; empty without a bucket."""
        listed = self._listed("CommonPrefixes", Prefix=RUNS_PREFIX, Delimiter="/")
        names = (str(each["Prefix"])[len(RUNS_PREFIX) : -1] for each in listed)
        return tuple(islice((name for name in names if RUN_ID.fullmatch(name)), MOST_RUNS))

    def artifacts(self, run: str) -> Manifest | None:
        """The manifest of the run's artifacts; None when there is none (yet)."""
        content = self._read(manifest_key(artifacts_prefix(run)), MOST_MANIFEST_BYTES)
        if content is None:
            return None
        try:
            return parse_manifest(content)
        except IntegrityError as error:
            raise UnfetchedArtifactsError(
                f"The list of artifacts of run {run} cannot be read: {error}",
                where={"bucket": self.name, "run": run},
                next_step=f"Look at {artifacts_prefix('RUN')} in the bucket; "
                "`runctl down --discard-artifacts` gives them up.",
            ) from error

    def has_unlisted_artifacts(self, run: str) -> bool:
        """Whether the run stored artifacts but not their manifest, which is written last."""
        return self._has(artifacts_prefix(run)) and not self._has(manifest_key(artifacts_prefix(run)))

    def fetch_artifact(self, run: str, file: StoredFile, target: Path) -> None:
        """Writes what is stored of one artifact to ``target``, no more than its list states. Raises
        ``UnfetchedArtifactsError`` when it differs.
        """
        key = file_key(artifacts_prefix(run), file.path)

        def fetch() -> str:
            answer = self._cloud.client("s3").get_object(
                Bucket=self.name, Key=key, ExpectedBucketOwner=self._owner
            )
            return write_body(answer["Body"], target, file.stored_bytes)

        try:
            found = self._cloud.retried(fetch, f"fetching artifact {file.path}")
        except NotFoundError as error:
            if error.code == "NoSuchBucket":
                raise
            raise UnfetchedArtifactsError(
                f"Artifact {file.path} of run {run} is in its list and not in the bucket.",
                where={"bucket": self.name, "run": run, "file": file.path},
                next_step="`runctl down --discard-artifacts` gives the artifacts up.",
            ) from error
        if found != file.sha256:
            raise UnfetchedArtifactsError(
                f"Artifact {file.path} of run {run} did not arrive as it was written.",
                where={"bucket": self.name, "run": run, "file": file.path},
                next_step="Repeat the command. If it stays so, the object in the bucket was changed.",
            )

    def objects(self) -> BucketObjects:
        """The objects of the bucket by key, such as those of checkpoints. Makes no request."""
        return BucketObjects(self._cloud, self.name, self._owner)

    def _has(self, prefix: str) -> bool:
        """Whether there is a key that begins with ``prefix``."""
        listed = self._cloud.call(
            "s3",
            "list_objects_v2",
            Bucket=self.name,
            Prefix=prefix,
            MaxKeys=1,
            ExpectedBucketOwner=self._owner,
        )
        return bool(listed.get("Contents"))

    def _listed(self, field: str, **what: str) -> Iterator[Any]:
        """What a list call returns, page by page; nothing when there is no bucket."""
        try:
            yield from self._cloud.pages(
                "s3", "list_objects_v2", field, Bucket=self.name, ExpectedBucketOwner=self._owner, **what
            )
        except NotFoundError:
            return

    def _read(self, key: str, at_most: int) -> bytes | None:
        """The object, of a larger one the beginning; None when there is none."""
        stored = self._read_dated(key, at_most)
        return None if stored is None else stored.content

    def _read_dated(self, key: str, at_most: int) -> _Stored | None:
        """As ``_read``, with the time."""

        def fetch() -> _Stored:
            answer = self._cloud.client("s3").get_object(
                Bucket=self.name, Key=key, ExpectedBucketOwner=self._owner
            )
            return _Stored(read_body(answer["Body"], at_most), answer["LastModified"].timestamp())

        try:
            read: _Stored = self._cloud.retried(fetch, f"reading {key}")
        except NotFoundError:
            return None
        return read
