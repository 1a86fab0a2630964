"""Test doubles for the agent: an in-memory bucket, and a clock that only tests advance."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from runctl_auto.agent.errors import AgentError, IntegrityError, S3Error
from runctl_auto.agent.store.time_limit import TimeLimit


class MemoryStore:
    """The bucket under the agent's role: reading a missing object is denied, not "not found"."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.grown = b""
        """What each object has at its end by the time that it is downloaded."""
        self.before_put: Callable[[str], None] = lambda key: None

    def patient(self, seconds: float) -> MemoryStore:
        return self

    def within(self, limit: TimeLimit) -> MemoryStore:
        return LimitedMemoryStore(self, limit)

    def get(self, key: str, at_most: int) -> bytes:
        if key not in self.objects:
            raise S3Error(f"GET {key}", 403, "AccessDenied", "")
        if len(self.objects[key]) > at_most:
            raise IntegrityError(f"{key} is larger than {at_most} bytes")
        return self.objects[key]

    def find(self, key: str, at_most: int) -> bytes | None:
        return self.get(key, at_most) if key in self.objects else None

    def put(self, key: str, data: bytes, content_type: str = "") -> None:
        self.before_put(key)
        self.objects[key] = data
        self.puts.append(key)

    def put_new(self, key: str, data: bytes) -> bool:
        self.before_put(key)
        if key in self.objects:
            return False
        self.objects[key] = data
        self.puts.append(key)
        return True

    def upload(self, key: str, file: BinaryIO, size: int) -> str:
        self.before_put(key)
        file.seek(0)
        data = file.read(size)
        self.objects[key] = data
        self.puts.append(key)
        return hashlib.sha256(data).hexdigest()

    def download(self, key: str, target: Path, at_most: int) -> str:
        data = (self.get(key, sys.maxsize) + self.grown)[:at_most]
        target.write_bytes(data)
        return hashlib.sha256(data).hexdigest()

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def object_sizes(self, prefix: str) -> dict[str, int]:
        return {key: len(data) for key, data in sorted(self.objects.items()) if key.startswith(prefix)}

    def list_folders(self, prefix: str) -> list[str]:
        below = (key[len(prefix) :] for key in self.object_sizes(prefix))
        return sorted({name.split("/")[0] for name in below if "/" in name})

    def fail_on(self, part_of_key: str, times: int = 1) -> None:
        """Make the next `times` writes of keys that contain `part_of_key` fail."""
        left = [times]

        def refuse(key: str) -> None:
            if part_of_key in key and left[0]:
                left[0] -= 1
                raise AgentError(f"no {key} now")

        self.before_put = refuse


class LimitedMemoryStore(MemoryStore):
    """The same objects; a write that takes until after the limit fails."""

    def __init__(self, store: MemoryStore, limit: TimeLimit) -> None:
        self._store = store
        self._limit = limit
        self.objects, self.puts, self.grown = store.objects, store.puts, store.grown
        self.before_put = self._before_put

    def _before_put(self, key: str) -> None:
        self._limit.check()
        self._store.before_put(key)
        self._limit.check()

    def get(self, key: str, at_most: int) -> bytes:
        self._limit.check()
        return super().get(key, at_most)

    def list_folders(self, prefix: str) -> list[str]:
        self._limit.check()
        return super().list_folders(prefix)

    def upload(self, key: str, file: BinaryIO, size: int) -> str:
        digest = super().upload(key, file, size)
        self._limit.count(size)
        return digest


class Clock:
    """A clock that advances only when somebody sleeps."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
