"""The volumes that a job file names: found by the stacks of the backend, and from then on used by their
id.
"""

from __future__ import annotations

from runctl_auto.errors import JobFileError, UsageError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.job_file.storage import Volume
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.named import find_named


def with_ids_of_volumes(session: Session, spec: JobSpec) -> JobSpec:
    """``spec`` with ids in place of names of volumes. Reads the backend, if there are such names.

    Raises ``JobFileError`` when there is no volume of a name, or when it is in another region.
    """
    if not any(each.volume is not None for each in spec.volumes):
        return spec
    volumes = tuple(_with_id(session, spec, index) for index in range(len(spec.volumes)))
    return spec.model_copy(update={"volumes": volumes})


def refuse_names_of_volumes(spec: JobSpec) -> None:
    """Raises ``JobFileError`` for a name that nobody resolved: the job is declared by another program, which
    knows no backend of runctl's."""
    for index, volume in enumerate(spec.volumes):
        if volume.volume is not None:
            raise JobFileError(
                f"Job '{spec.name}' names the volume '{volume.volume}', which only runctl knows by its name.",
                where={"job": spec.name, "field": f"volumes[{index}].volume"},
                next_step="Use its id (id: vol-...), which `runctl volume ls` tells.",
            )


def _with_id(session: Session, spec: JobSpec, index: int) -> Volume:
    volume = spec.volumes[index]
    if volume.volume is None:
        return volume
    where = {"job": spec.name, "field": f"volumes[{index}].volume"}
    try:
        named = find_named(session, "volume", volume.volume)
    except UsageError as error:
        raise JobFileError(error.what, where=where, next_step=error.next_step) from error
    if named.region != spec.region:
        raise JobFileError(
            f"Volume '{volume.volume}' is in {named.region}, and job '{spec.name}' runs in {spec.region}.",
            where=where,
            next_step=f"Run the job in {named.region}, or bring the data to {spec.region}: `runctl snapshot "
            f"create`, `runctl snapshot copy --region {spec.region}`, `runctl snapshot restore`.",
        )
    return volume.model_copy(update={"volume": None, "id": named.id})
