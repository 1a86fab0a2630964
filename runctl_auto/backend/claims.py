"""Claims on jobs that hold across machines: leases in the backend, beside the locks of engines.

A claim is a versioned file (``versions``) that its holder writes anew every few seconds. Whoever wants the
job judges by their own clock alone: a claim whose version has not changed for its whole term, watched from
its first reading, has no holder any more. A clock that is wrong changes nothing, since no time is compared
with that of another machine. The claim of a process that is seen to be dead is free at once. A freed claim
stays as a small file that names nobody.

    runctl-claims/<project>/<job>    below the backend's .pulumi
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from runctl_auto.backend.holder import Here, Life, ProcessMark, host_name, mark_of_this_process, user_name
from runctl_auto.backend.locks import LockOwner
from runctl_auto.backend.versions import Versioned, VersionedFiles
from runctl_auto.errors import CloudError

FOLDER = "runctl-claims"
TERM_SECONDS = 30.0
RENEWAL_SECONDS = 8.0
"""A holder writes three times in a term: two may fail."""
_LONGEST_TERM_SECONDS = 600.0
_LONG_AGO = timedelta(seconds=2 * _LONGEST_TERM_SECONDS)
_RELEASE_SECONDS = 5.0
"""How long a release waits for a renewal that is under way."""
NO_JOB = ".gate"
"""A name that no job can have."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim as it is written. ``owner`` is None when it is free, or cannot be read (``is_free`` tells).

    ``starting``: its job is getting a machine, which no state tells yet.
    """

    identity: str = ""
    owner: LockOwner | None = None
    process: ProcessMark | None = None
    term_seconds: float = TERM_SECONDS
    starting: bool = False
    is_free: bool = False


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Somebody else has the claim. ``life`` is what is known of the holder; ``unknown`` until the claim was
    seen to change. ``seconds_left``: after which it is free, unless it changes."""

    owner: LockOwner | None
    life: Life
    seconds_left: float


@dataclass(frozen=True, kw_only=True)
class HeldClaim:
    """A claim that somebody has, for who looks at it from outside."""

    name: str
    path: str
    claim: Claim
    version: str
    life: Life


@dataclass
class _Sighting:
    version: str
    since: float
    has_changed: bool = False


@dataclass(frozen=True)
class Claims:
    """The claims of a project. ``elapsed`` counts seconds and also those in which the machine sleeps.

    What was seen of others' claims is remembered from one attempt to the next. Not to be shared between
    threads; of a ``Lease``, ``renew`` may be called from another.
    """

    files: VersionedFiles
    project: str
    elapsed: Callable[[], float]
    now: Callable[[], str]
    """The time as it is told to people, RFC 3339."""
    here: Here = field(default_factory=Here)
    process: Callable[[], ProcessMark | None] = mark_of_this_process
    _seen: dict[str, _Sighting] = field(default_factory=dict)

    def attempt(self, name: str) -> Lease | Refused:
        """The claim on ``name``, or who has it; waits for nobody. Raises OSError and ``CloudError``."""
        path = self.path(name)
        found = self.files.read_version(path)
        if found is not None:
            claim = parse_claim(found.content)
            refused = self._refusal(path, found, claim)
            if refused is not None:
                return refused
        lease = Lease(self, path)
        if lease.begin(found.version if found is not None else None):
            self._seen.pop(path, None)
            return lease
        return Refused(owner=None, life="unknown", seconds_left=TERM_SECONDS)

    def held(self) -> tuple[HeldClaim, ...]:
        """The claims that somebody has, by name; those of processes that are seen to be dead too.

        Claims that were last written long before the newest are not read: by the backend's own clock, nobody
        renews them.
        """
        written = self.files.versioned(f"{FOLDER}/{self.project}")
        newest = max(written.values(), default=None)
        found = []
        for path, at in written.items():
            name = path.rpartition("/")[2]
            is_old = newest is not None and newest - at > _LONG_AGO
            if name != NO_JOB and not is_old and (held := self.held_on(name)) is not None:
                found.append(held)
        return tuple(found)

    def held_on(self, name: str) -> HeldClaim | None:
        """The claim on ``name`` as it is; None when nobody has it."""
        path = self.path(name)
        found = self.files.read_version(path)
        if found is None:
            return None
        claim = parse_claim(found.content)
        refused = self._refusal(path, found, claim)
        if claim.is_free:
            return None
        life: Life = "dead" if refused is None else refused.life
        return HeldClaim(name=name, path=path, claim=claim, version=found.version, life=life)

    def free(self, held: HeldClaim) -> bool:
        """Frees somebody else's claim unless it was written since; stops nobody."""
        return self.files.write_version(held.path, _free_content(), held.version) is not None

    def path(self, name: str) -> str:
        return f"{FOLDER}/{self.project}/{name}"

    def _refusal(self, path: str, found: Versioned, claim: Claim) -> Refused | None:
        if claim.is_free:
            return None
        sighting = self._sight(path, found.version)
        life = self.here.life_of(claim.process)
        if life == "dead":
            return None
        left = claim.term_seconds - (self.elapsed() - sighting.since)
        if left <= 0:
            return None
        if life == "unknown" and sighting.has_changed:
            life = "alive"
        return Refused(owner=claim.owner, life=life, seconds_left=left)

    def _sight(self, path: str, version: str) -> _Sighting:
        sighting = self._seen.get(path)
        if sighting is None or sighting.version != version:
            sighting = _Sighting(version, self.elapsed(), has_changed=sighting is not None)
            self._seen[path] = sighting
        return sighting


class Lease:
    """A claim that this process has, until it is released or was not renewed for its term."""

    def __init__(self, claims: Claims, path: str) -> None:
        self.identity = uuid.uuid4().hex
        self._claims = claims
        self._path = path
        self._lock = threading.RLock()
        self._version: str | None = None
        self._renewed_at = 0.0
        self._since = claims.now()
        self._written = 0
        self._starting = False
        self._is_lost = False
        self._is_released = False

    def begin(self, version: str | None) -> bool:
        """Takes the claim if it is still as read; whether it did."""
        began = self._claims.elapsed()
        self._version = self._claims.files.write_version(self._path, self._content(), version)
        self._renewed_at = began
        return self._version is not None

    @property
    def is_certain(self) -> bool:
        """Whether nobody else can have the claim at this moment. Asks nobody and waits for nobody."""
        age = self._claims.elapsed() - self._renewed_at
        return not (self._is_lost or self._is_released) and age < TERM_SECONDS

    def renew(self) -> bool:
        """Writes the claim anew; False when it is somebody else's by now. Raises OSError and ``CloudError``
        when that is not known."""
        with self._lock:
            if self._is_lost or self._is_released:
                return False
            began = self._claims.elapsed()
            version = self._claims.files.write_version(self._path, self._content(), self._version)
            if version is None:
                version = self._after_an_answer_that_was_lost()
            if version is None:
                self._is_lost = True
                return False
            self._version, self._renewed_at = version, began
            return True

    def still_held(self) -> bool:
        """Whether it is held; asks the backend only when the last renewal is too long ago. Raises as
        ``renew``."""
        return self.is_certain or self.renew()

    def mark_starting(self) -> bool:
        """Tells others that the job is getting a machine. As ``renew``."""
        with self._lock:
            self._starting = True
            return self.renew()

    def release(self) -> None:
        """Frees the claim; one that was lost stays whose it is. Idempotent. Raises as ``renew``.

        While a renewal does not come to its end, the claim is left to run out by itself.
        """
        if self._is_released or self._is_lost or not self._lock.acquire(timeout=_RELEASE_SECONDS):
            return
        try:
            self._is_released = True
            self._claims.files.write_version(self._path, _free_content(), self._version)
        finally:
            self._lock.release()

    def _after_an_answer_that_was_lost(self) -> str | None:
        """The new version if what stands there is what this lease wrote, in a call that seemed to fail."""
        files = self._claims.files
        found = files.read_version(self._path)
        if found is None or parse_claim(found.content).identity != self.identity:
            return None
        return files.write_version(self._path, self._content(), found.version)

    def _content(self) -> bytes:
        self._written += 1
        claims = self._claims
        process = claims.process()
        document: dict[str, Any] = {
            "id": self.identity,
            "written": self._written,
            "term_seconds": TERM_SECONDS,
            "starting": self._starting,
            "pid": os.getpid(),
            "username": user_name(),
            "hostname": host_name(),
            "timestamp": self._since,
            "process": None if process is None else [process.machine, process.pid, process.started],
        }
        return json.dumps(document).encode()


def parse_claim(content: bytes) -> Claim:
    """The claim that a file holds. What cannot be read is somebody's, for a term."""
    try:
        document = json.loads(content)
        if document.get("free") is True:
            return Claim(is_free=True)
        return Claim(
            identity=str(document["id"]),
            owner=LockOwner(
                str(document["username"]),
                str(document["hostname"]),
                int(document["pid"]),
                str(document["timestamp"]),
            ),
            process=_process(document),
            term_seconds=min(max(float(document["term_seconds"]), 1.0), _LONGEST_TERM_SECONDS),
            starting=document.get("starting") is True,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return Claim()


def _process(document: Mapping[str, Any]) -> ProcessMark | None:
    told = document.get("process")
    if not isinstance(told, list):
        return None
    machine, pid, started = told
    return ProcessMark(machine=str(machine), pid=int(pid), started=int(started))


def _free_content() -> bytes:
    return json.dumps({"free": True, "id": uuid.uuid4().hex}).encode()


UNCERTAIN = (OSError, CloudError)
"""What a backend raises that cannot be asked now."""
