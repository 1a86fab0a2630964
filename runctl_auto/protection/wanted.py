"""The desired protection of a job: from its file, from ``runctl protect``, from the list in the settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from components.tags import is_protecting
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.protection.held import BUCKET_KEY, Held, volume_key
from runctl_auto.stack.config import Protection


@dataclass(frozen=True)
class Decision:
    """Whether something is to be protected, and the source of the decision."""

    protect: bool
    by: str


def wanted_protection(
    spec: JobSpec,
    *,
    asked: Mapping[str, bool] | None = None,
    listed: Collection[str] = (),
    held: Collection[Held] = (),
) -> Protection:
    """The protection that results from all decisions.

    ``asked`` is what ``runctl protect|unprotect`` decided, by key; ``listed`` are the ids that the settings
    protect; ``held`` is what exists. Decisions about volumes that the job no longer has are dropped.
    """
    decided = decisions(spec, asked=asked, listed=listed, held=held)
    return Protection(
        volumes={volume.name: decided[volume_key(volume.name)].protect for volume in spec.volumes},
        bucket=decided[BUCKET_KEY].protect,
        asked={key: value for key, value in (asked or {}).items() if key in decided},
    )


def decisions(
    spec: JobSpec,
    *,
    asked: Mapping[str, bool] | None = None,
    listed: Collection[str] = (),
    held: Collection[Held] = (),
) -> dict[str, Decision]:
    """The effective decision for each volume of the job and for its bucket, by key.

    The settings' list takes precedence over ``runctl protect|unprotect``, and that over the job file.
    """
    ids = {each.key: each.id for each in held}
    whole_job = is_protecting(spec.tags)
    of_file = {volume_key(volume.name): volume.protect for volume in spec.volumes}
    of_file[BUCKET_KEY] = spec.artifacts.keep
    found = {}
    for key, protect in of_file.items():
        if ids.get(key) in listed:
            found[key] = Decision(True, "policies.protected in the settings")
        elif asked and key in asked:
            found[key] = Decision(asked[key], f"runctl {'protect' if asked[key] else 'unprotect'}")
        elif whole_job:
            found[key] = Decision(True, "a tag of the job")
        else:
            found[key] = Decision(protect, "the job file")
    return found
