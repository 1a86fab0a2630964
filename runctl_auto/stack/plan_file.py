"""The plan of a folder as it is written to a file: what is to change, bound to what it was planned from.

Hashes and names only: no value of a secret, of a job's environment or of its command.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from runctl_auto.errors import UsageError
from runctl_auto.local.atomic_file import replace_file
from runctl_auto.local.plain_file import NotAPlainFileError, read_plain_file
from runctl_auto.local.strict_json import strict_json

_MAX_BYTES = 64 * 1024 * 1024


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class PlannedStep:
    """One change of a resource."""

    operation: str
    type: str
    name: str
    urn: str


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class PlannedPlace:
    """Where a machine was to be."""

    market: str
    instance_type: str
    zone: str
    subnet: str


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """One job that is to be changed. ``file`` is relative to the folder; of a job to be ended, where it was.

    ``code`` is the hash of what travels, ``fingerprint`` of all that applying the file means; both None for a
    job to be ended. ``state`` is the version of the stack's state, None for a job that has no stack.
    """

    job: str
    file: str
    action: str
    code: str | None = None
    fingerprint: str | None = None
    state: str | None = None
    place: PlannedPlace | None = None
    steps: tuple[PlannedStep, ...] = ()


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class PlanFile:
    """``program`` is what declares resources, ``policies`` what judges them, None for nothing; ``backend`` is
    the mark of where the stacks are. ``files`` are the hashes of all files that were looked at, by name;
    ``is_whole``: they are all of the folder. ``refresh``: unchanged jobs were compared with the cloud.
    ``folder`` is relative to the root of ``repository``.
    """

    format: Literal[1] = 1
    runctl: str
    program: str
    made_at: str
    repository: str
    folder: str
    backend: str
    policies: str | None
    is_whole: bool
    prune: bool
    adopt: bool
    refresh: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    """The hash of what travels, by the name of each valid job file."""
    jobs: tuple[PlannedJob, ...] = ()


def write_plan_file(path: Path, plan: PlanFile) -> None:
    """Writes the plan, whole or not at all. Raises ``UsageError``."""
    try:
        replace_file(path, strict_json(asdict(plan), indent=1) + "\n")
    except OSError as error:
        raise UsageError(
            f"The plan cannot be written to {path}: {error.strerror or error}",
            where={"path": str(path)},
            next_step="Name another file with --out.",
        ) from error


def read_plan_file(path: Path) -> PlanFile:
    """The plan at ``path``. Raises ``UsageError`` for anything that is no plan of this format."""
    try:
        plan: PlanFile = _adapter().validate_python(json.loads(read_plain_file(path, _MAX_BYTES)))
    except NotAPlainFileError as error:
        raise _no_plan(path, error.complaint) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _no_plan(path, f"{place or 'the whole'}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise _no_plan(path, "is not JSON") from error
    return plan


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(PlanFile)


def _no_plan(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path} is no plan that this version of runctl reads: {why}.",
        where={"path": str(path)},
        next_step="`runctl plan FOLDER --out plan.json` makes one; `runctl up JOB.yaml` applies one file.",
    )
