"""Bucket settings being changed: S3 rejects a concurrent change to the same bucket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.operations import AwsCall

CONFLICT = AwsError(
    "OperationAborted",
    "A conflicting conditional operation is currently in progress against this resource. Please try again.",
    409,
)
_OF_OBJECTS = frozenset({"", "CreateSession", "DeleteObjects"})


class BucketChanges:
    """Buckets with a change in progress. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[str] = set()

    @contextmanager
    def entered(self, call: AwsCall) -> Iterator[AwsError | None]:
        """Yield the error to return, or None; inside the context the call's bucket is being changed."""
        bucket = _changed_bucket(call)
        if bucket is None:
            yield None
            return
        with self._lock:
            is_free = bucket not in self._under_way
            self._under_way.add(bucket)
        try:
            yield None if is_free else CONFLICT
        finally:
            if is_free:
                with self._lock:
                    self._under_way.discard(bucket)


def _changed_bucket(call: AwsCall) -> str | None:
    """The bucket whose settings the call changes; None for any other call."""
    if call.service != "s3" or not call.changes_something or call.operation in _OF_OBJECTS:
        return None
    return None if call.parameters.get("Key") else call.parameters.get("Bucket") or None
