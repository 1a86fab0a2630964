"""Which change of a job file would delete or replace a protected resource, reported by field of the file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from runctl_auto.errors import ProtectedError
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.job_file.plain_values import Location
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.protection.held import Held


@dataclass(frozen=True)
class Cause:
    """A place in the job file and its effect on a protected resource. ``way_out`` undoes it."""

    location: Location
    message: str
    found: str | None
    way_out: str


def causes(job: JobSpec, held: Collection[Held]) -> tuple[Cause, ...]:
    """Why applying ``job`` would delete or replace protected volumes of ``held``.

    A bucket's name depends only on account, region and job: no change of a file replaces it within its stack.
    """
    volumes = [each for each in held if each.kind == "volume" and each.protected]
    return tuple(cause for volume in volumes for cause in _of_volume(job, volume))


def broken_protection(file: JobFile, found: Collection[Cause]) -> ProtectedError:
    """The error that names file and line of every change that would break a protection."""
    problems = [file.problem(cause.location, cause.message, found=cause.found) for cause in found]
    return ProtectedError(
        "The change would delete or replace what is protected; nothing was touched.",
        problems=problems,
        where={"job": file.spec.name, "file": str(file.path)},
        next_step=" ".join(dict.fromkeys(cause.way_out for cause in found)),
    )


def _of_volume(job: JobSpec, held: Held) -> Iterator[Cause]:
    end = f"Undo it, or end the protection: `runctl unprotect {job.name} {held.name}`."
    index = next((place for place, volume in enumerate(job.volumes) if volume.name == held.name), None)
    if index is None:
        yield Cause(
            ("volumes",),
            f"protected {held} ({held.id}) is not listed any more: it would be deleted",
            None,
            end,
        )
        return
    volume = job.volumes[index]
    here: Location = ("volumes", index)
    if volume.volume is not None:
        message = f"protected {held} ({held.id}) would give way to another volume and be deleted"
        yield Cause((*here, "volume"), message, volume.volume, end)
    if volume.id is not None and volume.id != held.id:
        message = f"protected {held} ({held.id}) would give way to another volume and be deleted"
        yield Cause((*here, "id"), message, volume.id, end)
    if job.zones and held.zone is not None and held.zone not in job.zones:
        message = f"protected {held} ({held.id}) lies in {held.zone} and would be replaced by an empty one"
        yield Cause(("zones",), message, ", ".join(job.zones), end)
    if volume.size is not None and volume.snapshot != held.snapshot:
        origin = held.snapshot or "no snapshot"
        message = f"protected {held} ({held.id}) was made from {origin} and would be replaced"
        yield Cause((*here, "snapshot"), message, volume.snapshot or "none", end)
