"""``volume attach`` and ``volume detach`` of a job file: which volumes the job's next machine mounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runctl_auto.errors import JobFileError, UsageError
from runctl_auto.job_file import edit
from runctl_auto.job_file.consistency import contradictions
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.job_file.load import load_job_file
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.named import Named, find_named
from runctl_auto.local.atomic_file import replace_file


@dataclass(frozen=True)
class FileChange:
    """What the job file says now. ``line`` is the entry that was added or taken out."""

    volume: str
    job: str
    file: Path
    line: str
    changed: bool

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "file": str(self.file)}


def attach_volume(
    session: Session, name: str, file: Path, *, mount: str, called: str | None = None, yes: bool
) -> FileChange:
    """Adds the volume ``name`` to the job file, to be mounted at ``mount`` by the job's next machine.

    Shows the line and asks. Idempotent. Starts nothing: ``up`` does, and replaces a machine that runs. Raises
    ``UsageError`` for a volume that a machine of the job could not reach, ``JobFileError`` for a file that
    would not be valid, ``ConfirmationNeededError`` when declined.
    """
    job = load_job_file(file)
    named = find_named(session, "volume", name)
    held = next((each for each in job.spec.volumes if each.volume == name or each.id == named.id), None)
    entry = {"name": called or _free_name(job.spec, name), "volume": name, "mount": mount}
    if held is not None:
        if held.mount != mount:
            raise UsageError(
                f"Job file {file} mounts volume '{name}' at {held.mount} already.",
                where={"volume": name, "job": job.spec.name},
                next_step=f"Change it there, or `runctl volume detach {name} {file}` first.",
            )
        return FileChange(name, job.spec.name, file, edit.line_of(entry), changed=False)
    _refuse_out_of_reach(job.spec, named)
    _refuse_invalid(job, entry)
    line = edit.line_of(entry)
    _write(session, job, f"+ volumes: {line}", lambda text: edit.with_volume(text, entry), yes=yes)
    return FileChange(name, job.spec.name, file, line, changed=True)


def detach_from_file(session: Session, name: str, file: Path, *, yes: bool) -> FileChange:
    """Takes the volume ``name`` out of the job file. Otherwise as ``attach_volume``."""
    job = load_job_file(file)
    index = next((at for at, each in enumerate(job.spec.volumes) if each.volume == name), None)
    if index is None:
        return FileChange(name, job.spec.name, file, "", changed=False)
    held = job.spec.volumes[index]
    line = edit.line_of({"name": held.name, "volume": name, "mount": held.mount})
    _write(session, job, f"- volumes: {line}", lambda text: edit.without_volume(text, index), yes=yes)
    return FileChange(name, job.spec.name, file, line, changed=True)


def _free_name(spec: JobSpec, name: str) -> str:
    """The name of the entry: that of the volume, cut as such names are."""
    base = name[:30].rstrip("-")
    taken = {each.name for each in spec.volumes}
    return next(each for each in (base, *(f"{base[:27]}-{n}" for n in range(2, 99))) if each not in taken)


def _refuse_out_of_reach(spec: JobSpec, named: Named) -> None:
    where = {"volume": named.called, "job": spec.name}
    if named.region != spec.region:
        raise UsageError(
            f"Volume '{named.called}' is in {named.region}, and job '{spec.name}' runs in {spec.region}.",
            where=where,
            next_step=f"`runctl snapshot create`, `copy --region {spec.region}` and `restore` bring its "
            "data there.",
        )
    if spec.zones and named.zone not in spec.zones:
        raise UsageError(
            f"Volume '{named.called}' is in {named.zone}, and job '{spec.name}' allows "
            f"{', '.join(spec.zones)} only.",
            where=where,
            next_step=f"Add {named.zone} to zones of the job file, or remove zones.",
        )


def _refuse_invalid(job: JobFile, entry: edit.Entry) -> None:
    held = job.spec.model_dump(mode="json")
    where = {"job": job.spec.name, "file": str(job.path)}
    try:
        spec = JobSpec.model_validate({**held, "volumes": [*held["volumes"], dict(entry)]})
    except ValidationError as error:
        told = error.errors()[0]
        raise JobFileError(
            f"The job file would not be valid: {'.'.join(str(each) for each in told['loc'])}: {told['msg']}.",
            where=where,
            next_step="Choose another --mount or --as.",
        ) from None
    found = list(contradictions(spec))
    if found:
        raise JobFileError(
            f"The job file would not be valid: {found[0].message}.",
            where=where,
            next_step="Choose another --mount or --as.",
        )


def _write(
    session: Session, job: JobFile, shown: str, change: Callable[[str], str | None], *, yes: bool
) -> None:
    with job.path.open(encoding="utf-8", newline="") as stream:
        text = stream.read()
    changed = change(text)
    if changed is None:
        raise JobFileError(
            "The volumes of the job file are written in a way that cannot be edited.",
            where={"job": job.spec.name, "file": str(job.path)},
            next_step=f"Edit it yourself: {shown}",
        )
    session.reporter.say(f"{job.path}:")
    session.reporter.say(f"  {shown}")
    require_confirmation(
        session.reporter,
        f"Change {job.path}?",
        "Nothing was changed: it was not confirmed.",
        yes=yes,
        where={"job": job.spec.name},
    )
    ends = "\r\n" if "\r\n" in text else "\n"
    replace_file(job.path, changed.replace("\r\n", "\n").replace("\n", ends))
