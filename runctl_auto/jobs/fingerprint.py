"""The fingerprint of all that applying a job file means: what has the same one is applied already.

It is kept in the stack's configuration. Not part of it: the values of secrets, which are nowhere in plain
text, and what the cloud decides, such as places and prices.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.session import Surroundings
from runctl_auto.stack.source import Source


def fingerprint(session: Surroundings, spec: JobSpec, code_sha256: str, source: Source | None) -> str:
    """Of the job, its code, the names of its secrets, the settings and policies that concern it, and what
    makes resources of them: the version of runctl, or the project's own program."""
    settings = session.settings
    what = {
        "job": spec.model_dump(mode="json"),
        "code": code_sha256,
        "source": None if source is None else asdict(source),
        "boundary": settings.aws.permissions_boundary,
        "schedule": settings.aws.end_schedule,
        "protected": sorted(settings.policies.protected),
        "policies": policies_digest(session),
        "program": program_digest(session.program),
    }
    text = json.dumps(what, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def policies_digest(session: Surroundings) -> str | None:
    """Of the policies that judge changes; None when none do."""
    return None if session.policies is None else session.policies.digest


@cache
def program_digest(folder: Path | None) -> str:
    """Of the program that declares resources: runctl's own is known by its version."""
    digest = hashlib.sha256(version("runctl").encode())
    if folder is None:
        return digest.hexdigest()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
