"""Where the agent keeps code, checkpoints, logs, status and artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Protocol

from runctl_auto.agent.store.time_limit import TimeLimit


class ReadableStore(Protocol):
    """Objects by key. A key is names separated by slashes, as `keys.py` builds them.

    Every call blocks until done or raises an error. Thread-safe. Whoever may write an object decides how
    large it is: reads state what they take `at_most`, in bytes.
    """

    def get(self, key: str, at_most: int) -> bytes:
        """The object. Raises AgentError when there is none, IntegrityError when it is larger."""

    def find(self, key: str, at_most: int) -> bytes | None:
        """The object, None when there is none. Raises IntegrityError when it is larger."""

    def download(self, key: str, target: Path, at_most: int) -> str:
        """Writes the first `at_most` bytes of the object to `target`, which may exist; returns the sha256 of
        what was written. Raises AgentError when there is none."""

    def object_sizes(self, prefix: str) -> dict[str, int]:
        """The keys that begin with `prefix`, in order, with the sizes of their objects in bytes."""

    def list_folders(self, prefix: str) -> list[str]:
        """The distinct next name components of the keys below `prefix` (which ends in '/') that continue
        after it, in order.
        """


class ChangeableStore(ReadableStore, Protocol):
    """Objects that may also be written and deleted.

    Writes are atomic, and reads and lists after a call see its effect.
    """

    def put(self, key: str, data: bytes, content_type: str = ...) -> None:
        """Stores an object, replacing an existing one with this key."""

    def put_new(self, key: str, data: bytes) -> bool:
        """Stores an object if there is none with this key; False when there is. Of several that do so at the
        same time, one succeeds. `data` must differ from what others store there.
        """

    def delete(self, key: str) -> None:
        """Idempotent: no error when the object does not exist."""


class Store(ChangeableStore, Protocol):
    """The agent's store: every call raises an AgentError when it fails."""

    def patient(self, seconds: float) -> Store:
        """The same store, retrying transient errors for at least `seconds`."""

    def within(self, limit: TimeLimit) -> Store:
        """The same store, whose calls raise OutOfTimeError once `limit` is reached; deletions do not."""

    def upload(self, key: str, file: BinaryIO, size: int) -> str:
        """Stores the first `size` bytes of an open file and returns their sha256.

        Raises FileChangedError when the file has fewer bytes, or when the stored bytes may be neither its old
        nor its new content; the caller must not use the object then.
        """
