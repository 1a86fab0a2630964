"""A job's bucket as seen from the developer's machine: status, logs, artifacts, and the stop request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from runctl_auto.agent.contract import (
    RUNS_PREFIX,
    StopJson,
    StopReason,
    artifacts_prefix,
    file_key,
    log_part_name,
    log_part_number,
    logs_prefix,
    manifest_key,
    stop_key,
)
from runctl_auto.agent.manifest import Manifest, StoredFile
from runctl_auto.errors import NotFoundError, UnfetchedArtifactsError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.bucket_objects import BucketObjects
from runctl_auto.providers.aws.run_status import read_run_status
from runctl_auto.providers.contract import LogPart
from runctl_auto.run.status import RunStatus

_CHUNK = 1 << 20


def _log_part(key: str, content: bytes) -> LogPart:
    return LogPart(key, content.decode("utf-8", errors="replace"))


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
        content = self._read(stop_key(run))
        if content is None:
            return None
        try:
            return str(json.loads(content)["reason"])
        except (ValueError, KeyError, TypeError):
            return "unknown"

    def log_parts(self, run: str, *, after: str | None = None) -> Iterator[LogPart]:
        """Parts of a run's log in order, after key ``after``. Nothing when there is no bucket.

        Parts have consecutive numbers: those after ``after`` are requested by name, which costs a twelfth of
        a list request.
        """
        if after is not None:
            yield from self._following_parts(after)
            return
        try:
            listed = list(
                self._cloud.pages(
                    "s3",
                    "list_objects_v2",
                    "Contents",
                    Bucket=self.name,
                    Prefix=logs_prefix(run),
                    ExpectedBucketOwner=self._owner,
                )
            )
        except NotFoundError:
            return
        for entry in listed:
            content = self._read(entry["Key"])
            if content is not None:
                yield _log_part(entry["Key"], content)

    def _following_parts(self, key: str) -> Iterator[LogPart]:
        folder, _, name = key.rpartition("/")
        number = log_part_number(name)
        while True:
            number += 1
            following = f"{folder}/{log_part_name(number)}"
            content = self._read(following)
            if content is None:
                return
            yield _log_part(following, content)

    def runs(self) -> tuple[str, ...]:
        """Ids of all runs with objects in the bucket; empty when there is no bucket."""
        try:
            listed = list(
                self._cloud.pages(
                    "s3",
                    "list_objects_v2",
                    "CommonPrefixes",
                    Bucket=self.name,
                    Prefix=RUNS_PREFIX,
                    Delimiter="/",
                    ExpectedBucketOwner=self._owner,
                )
            )
        except NotFoundError:
            return ()
        return tuple(each["Prefix"][len(RUNS_PREFIX) :].rstrip("/") for each in listed)

    def artifacts(self, run: str) -> Manifest | None:
        """The manifest of the run's artifacts; None when there is none (yet)."""
        content = self._read(manifest_key(artifacts_prefix(run)))
        if content is None:
            return None
        try:
            return Manifest.from_json(content)
        except ValueError as error:
            raise UnfetchedArtifactsError(
                f"The list of artifacts of run {run} cannot be read: {error}",
                where={"bucket": self.name, "run": run},
                next_step=f"Look at {artifacts_prefix('RUN')} in the bucket; "
                "`runctl down --discard-artifacts` gives them up.",
            ) from error

    def has_unlisted_artifacts(self, run: str) -> bool:
        """Whether the run stored artifacts but not their manifest, which is written last."""
        listed = self._cloud.call(
            "s3",
            "list_objects_v2",
            Bucket=self.name,
            Prefix=artifacts_prefix(run),
            MaxKeys=1,
            ExpectedBucketOwner=self._owner,
        )
        return bool(listed.get("Contents")) and self._read(manifest_key(artifacts_prefix(run))) is None

    def fetch_artifact(self, run: str, file: StoredFile, target: Path) -> None:
        """Writes what is stored of one artifact to ``target``. Raises ``UnfetchedArtifactsError`` when it
        differs.
        """
        key = file_key(artifacts_prefix(run), file.path)

        def fetch() -> str:
            answer = self._cloud.client("s3").get_object(
                Bucket=self.name, Key=key, ExpectedBucketOwner=self._owner
            )
            digest = hashlib.sha256()
            with target.open("wb") as stream:
                for chunk in answer["Body"].iter_chunks(_CHUNK):
                    digest.update(chunk)
                    stream.write(chunk)
            return digest.hexdigest()

        found = self._cloud.retried(fetch, f"fetching artifact {file.path}")
        if found != file.sha256:
            raise UnfetchedArtifactsError(
                f"Artifact {file.path} of run {run} did not arrive as it was written.",
                where={"bucket": self.name, "run": run, "file": file.path},
                next_step="Repeat the command. If it stays so, the object in the bucket was changed.",
            )

    def objects(self) -> BucketObjects:
        """The objects of the bucket by key, such as those of checkpoints. Makes no request."""
        return BucketObjects(self._cloud, self.name, self._owner)

    def _read(self, key: str) -> bytes | None:
        def fetch() -> bytes:
            answer = self._cloud.client("s3").get_object(
                Bucket=self.name, Key=key, ExpectedBucketOwner=self._owner
            )
            content: bytes = answer["Body"].read()
            return content

        try:
            read: bytes = self._cloud.retried(fetch, f"reading {key}")
        except NotFoundError:
            return None
        return read
