"""Where data come from and go to: a local path, ``s3://BUCKET/KEY``, or a part of a job."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runctl_auto.errors import UsageError

_JOB = r"[a-z0-9][a-z0-9-]{0,38}[a-z0-9]"
_OF_A_JOB = re.compile(rf"(?P<job>{_JOB})@(?P<what>artifacts|checkpoints/(?P<sequence>[0-9]+))")
_ON_A_MACHINE = re.compile(rf"(?P<job>{_JOB}):(?P<path>/.*)")
_BUCKET = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9.\-_]{1,62})(?:/(?P<key>.*))?", re.DOTALL)


@dataclass(frozen=True)
class LocalPlace:
    """A path of this machine. ``is_folder``: the text ends in a slash."""

    path: Path
    is_folder: bool

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class BucketPlace:
    """An object or all objects below a prefix."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class JobPlace:
    """The artifacts of a job's last run, or one of its checkpoints."""

    job: str
    what: Literal["artifacts", "checkpoint"]
    sequence: str | None = None

    def __str__(self) -> str:
        return f"{self.job}@{self.what if self.sequence is None else f'{self.what}s/{self.sequence}'}"


@dataclass(frozen=True)
class MachinePlace:
    """A path on the machine of a job."""

    job: str
    path: str

    def __str__(self) -> str:
        return f"{self.job}:{self.path}"


Place = LocalPlace | BucketPlace | JobPlace | MachinePlace


def place_of(text: str) -> Place:
    """The place that ``text`` names. A local path that looks like another place begins with ``./``.

    Raises ``UsageError`` for an address that is none.
    """
    if text.startswith("s3:"):
        found = _BUCKET.fullmatch(text)
        if found is None:
            raise UsageError(
                f"{text!r} names no bucket.", next_step="s3://BUCKET/KEY or s3://BUCKET/PREFIX/."
            )
        return BucketPlace(found["bucket"], found["key"] or "")
    if re.match(r"[a-z][a-z0-9+]*://", text):
        raise UsageError(
            f"{text!r} is of a kind that transfer does not know.",
            next_step="A path, s3://BUCKET/KEY, JOB@artifacts, JOB@checkpoints/SEQUENCE or JOB:/path.",
        )
    if found := _OF_A_JOB.fullmatch(text):
        if found["sequence"] is None:
            return JobPlace(found["job"], "artifacts")
        return JobPlace(found["job"], "checkpoint", found["sequence"])
    if found := _ON_A_MACHINE.fullmatch(text):
        return MachinePlace(found["job"], found["path"])
    if not text:
        raise UsageError("An empty path names nothing.", next_step="Use . for the current folder.")
    return LocalPlace(Path(text).expanduser(), text.endswith("/"))
