"""``data status``: how far the volumes of a job that were made from a snapshot are filled. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runctl_auto.errors import JobNotFoundError
from runctl_auto.jobs.current_job import job_without_engine
from runctl_auto.jobs.session import Session
from runctl_auto.providers.volume_filling import VolumeFilling
from runctl_auto.stack.state import VOLUME


@dataclass(frozen=True)
class JobVolume:
    """A volume of a job that was made from ``snapshot``. ``filling`` is None when nothing is known of it."""

    name: str
    id: str
    snapshot: str
    filling: VolumeFilling | None

    def as_json(self) -> dict[str, Any]:
        found = self.filling
        return {
            "name": self.name,
            "id": self.id,
            "snapshot": self.snapshot,
            "has_rate": None if found is None else found.has_rate,
            "percent": None if found is None else found.percent,
            "seconds": None if found is None else found.seconds,
        }


def data_status(session: Session, name: str) -> tuple[JobVolume, ...]:
    """The volumes of the job that its stack has made from snapshots. Raises ``JobNotFoundError``."""
    current = job_without_engine(session, name)
    if current.config is None:
        raise JobNotFoundError(
            f"There is no job '{name}'.", where={"job": name}, next_step="`runctl ls` lists the jobs."
        )
    volumes = [each for each in current.state.of_type(VOLUME) if each.outputs.get("snapshotId")]
    provider = session.provider(current.config.placement.region)
    found = provider.volume_fillings([each.id for each in volumes])
    return tuple(
        JobVolume(
            each.name.removeprefix(f"{name}-").removesuffix("-volume"),
            each.id,
            str(each.outputs["snapshotId"]),
            found.get(each.id),
        )
        for each in volumes
    )
