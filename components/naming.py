"""Physical names: deterministic for a job, and unique to its account and region. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

BUCKET_LIMIT = 63
ROLE_LIMIT = 64
PROFILE_LIMIT = 128
POLICY_LIMIT = 128
SCHEDULE_LIMIT = 64
TEMPLATE_LIMIT = 128
GROUP_LIMIT = 255
SECURITY_GROUP_LIMIT = 255
PLACEMENT_GROUP_LIMIT = 255
TAG_LIMIT = 255

_PREFIX = "runctl"
_HASH_DIGITS = 8


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of one job's resources in one region of one account."""

    account: str
    region: str
    project: str
    job: str

    def name(self, role: str, *, limit: int, content: object = None) -> str:
        """``runctl-<job>-<role>-<hash8>``, at most ``limit`` long: the job is truncated, role and hash never
        are.

        ``content`` (anything JSON can hold) enters the hash of resources that are replaced while the old one
        is in use.
        """
        digest = self._hash(content)
        room = limit - len(f"{_PREFIX}--{role}-{digest}")
        if room < 1:
            raise ValueError(f"no name for {role} fits into {limit} characters")
        return f"{_PREFIX}-{self.job[:room].rstrip('-')}-{role}-{digest}"

    def bucket(self) -> str:
        """The name of the bucket that holds the job's code, logs, checkpoints and artifacts."""
        return self.name("artifacts", limit=BUCKET_LIMIT)

    def _hash(self, content: object) -> str:
        parts: list[object] = [self.account, self.region, self.project, self.job]
        if content is not None:
            parts.append(content)
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]


def parameter_folder(job: str) -> str:
    """The common prefix of the names of a job's parameters."""
    return f"/runctl/{job}/"


def parameter_name(job: str, variable: str) -> str:
    """The parameter name of a job's variable."""
    return f"{parameter_folder(job)}{variable}"
