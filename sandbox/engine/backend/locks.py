"""Locks on stacks: one JSON file a holder, naming process, user, host and time."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import uuid
from collections.abc import Iterator
from datetime import datetime

from sandbox.engine.backend.bucket import Bucket
from sandbox.engine.backend.errors import StackLockedError
from sandbox.engine.backend.location import Location
from sandbox.engine.backend.reference import StackReference

FOLDER = ".pulumi/locks"


class Locks:
    """The locks of one backend, taken in the name of this process."""

    def __init__(self, bucket: Bucket, location: Location) -> None:
        self._bucket = bucket
        self._location = location
        self._id = str(uuid.uuid4())

    @contextlib.contextmanager
    def hold(self, reference: StackReference) -> Iterator[None]:
        """Holds the stack's lock within the block. Raises StackLockedError when others hold one."""
        self._check(reference)
        key = f"{_folder(reference)}/{self._id}.json"
        self._bucket.write(key, json.dumps(_content(), separators=(",", ":")).encode())
        try:
            self._check(reference)
            yield
        finally:
            self._bucket.delete(key)

    def release_all(self, reference: StackReference) -> None:
        """Removes every lock of the stack, whoever holds it; stops nobody."""
        for name in self._bucket.names(_folder(reference)):
            self._bucket.delete(f"{_folder(reference)}/{name}")

    def held(self, reference: StackReference) -> bool:
        """Whether anybody holds a lock on the stack."""
        return bool(self._bucket.names(_folder(reference)))

    def _check(self, reference: StackReference) -> None:
        holders = [
            self._describe(f"{_folder(reference)}/{name}")
            for name in self._bucket.names(_folder(reference))
            if name != f"{self._id}.json"
        ]
        if holders:
            raise StackLockedError(holders)

    def _describe(self, key: str) -> str:
        try:
            lock = json.loads(self._bucket.read(key))
        except (OSError, ValueError):
            return f"{self._location.url_of(key)}: unreadable lock file"
        return (
            f"{self._location.url_of(key)}: created by {lock.get('username')}@{lock.get('hostname')} "
            f"(pid {lock.get('pid')}) at {_whole_seconds(str(lock.get('timestamp')))}"
        )


def _folder(reference: StackReference) -> str:
    return f"{FOLDER}/{reference.qualified}"


def _content() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "username": _user(),
        "hostname": socket.gethostname(),
        "timestamp": datetime.now().astimezone().isoformat(),
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _whole_seconds(time: str) -> str:
    """An RFC 3339 time without the fraction of its seconds."""
    head, dot, tail = time.partition(".")
    return f"{head}{tail.lstrip('0123456789')}" if dot else time
