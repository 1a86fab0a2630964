"""``volume warm``: loads the blocks of a volume that began with a snapshot, which are slow to read first."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from runctl_auto.errors import NotFoundError, UsageError
from runctl_auto.jobs.check import check_files
from runctl_auto.jobs.job import parse_config
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.named import Named, find_named
from runctl_auto.operations.down import DownOptions, down, refuse_leaks
from runctl_auto.operations.up import UpOptions, up
from runctl_auto.providers.volume_filling import VolumeFilling

How = Literal["empty", "complete", "at-a-rate", "by-reading", "read"]
_LOOK_SECONDS = 15.0
_MOUNT = "/warm"
_READ = """\
device=$(findmnt --noheadings --output SOURCE --target "$PWD_OF_VOLUME" || true)
if [ -b "$device" ] && [ -r "$device" ]; then
  dd if="$device" of=/dev/null bs=1M
else
  find -H "$PWD_OF_VOLUME" -xdev -type f -exec cat {} + > /dev/null
fi
"""
_WORDS = {
    "empty": "it did not begin with a snapshot, and has nothing to load",
    "complete": "all of its blocks are loaded",
    "at-a-rate": "AWS is loading its blocks",
    "read": "all of its blocks were read",
    "by-reading": "its blocks are loaded when they are read first",
}


@dataclass(frozen=True)
class Warmed:
    """How the blocks are; ``percent`` is None where the provider does not tell."""

    name: str
    id: str
    how: How
    percent: int | None = None

    @property
    def words(self) -> str:
        far = f", {self.percent} % by now" if self.percent is not None and self.percent < 100 else ""
        return f"{_WORDS[self.how]}{far}"


def warm_volume(session: Session, name: str, *, instance_type: str, wait: bool, yes: bool) -> Warmed:
    """Loads all blocks of the volume ``name``. Blocks until they are, unless told not to ``wait``.

    Where AWS loads them at a rate, that is waited for; else a job ``warm-NAME`` reads them, whose plan is
    shown and asked for as that of any job, and which is removed afterwards. A command that was interrupted is
    repeated: the job goes on, or is removed with ``runctl down warm-NAME``. Raises as ``up`` and ``down``.
    """
    named = find_named(session, "volume", name)
    provider = session.provider(named.region)
    volume = provider.storage.volumes([named.id]).get(named.id)
    if volume is None:
        raise NotFoundError(
            f"Volume '{name}' ({named.id}) does not exist any more.",
            where={"volume": name},
            next_step=f"`runctl volume rm {name}` removes its stack.",
        )
    if volume.snapshot is None:
        return Warmed(name, named.id, "empty")
    filling = provider.volume_fillings([named.id]).get(named.id)
    if filling is not None and filling.has_rate and wait:
        filling = _wait(session, named, filling)
    if filling is not None and (_is_complete(filling) or filling.has_rate):
        how: How = "complete" if _is_complete(filling) else "at-a-rate"
        return Warmed(name, named.id, how, filling.percent)
    if not wait:
        return Warmed(name, named.id, "by-reading", None if filling is None else filling.percent)
    _read(session, named, instance_type, yes=yes)
    return Warmed(name, named.id, "read", 100)


def _is_complete(filling: VolumeFilling) -> bool:
    return filling.percent is not None and filling.percent >= 100


def _wait(session: Session, named: Named, filling: VolumeFilling) -> VolumeFilling:
    """The last word, once the provider has loaded all blocks at its rate."""
    provider = session.provider(named.region)
    with session.reporter.working(f"waiting until AWS has loaded volume '{named.called}'"):
        while not _is_complete(filling):
            left = "" if filling.seconds is None else f", {filling.seconds} s left"
            session.reporter.progress(f"{filling.percent or 0} %{left}")
            session.time.sleep(_LOOK_SECONDS)
            filling = provider.volume_fillings([named.id]).get(named.id, filling)
    return filling


def _read(session: Session, named: Named, instance_type: str, *, yes: bool) -> None:
    job = f"warm-{named.called}"[:40].rstrip("-")
    _refuse_another_job(session, job, named)
    with tempfile.TemporaryDirectory(prefix="runctl-warm-") as folder:
        file = Path(folder) / "job.yaml"
        file.write_text(json.dumps(_job_file(job, named, instance_type)), encoding="utf-8")
        (Path(folder) / "read.sh").write_text(_READ.replace("$PWD_OF_VOLUME", _MOUNT), encoding="utf-8")
        up(session, check_files(file), UpOptions(yes=yes))
    refuse_leaks(down(session, job, DownOptions(yes=True, discard_artifacts=True)).receipt)


def _job_file(job: str, named: Named, instance_type: str) -> dict[str, Any]:
    return {
        "name": job,
        "region": named.region,
        "zones": [named.zone],
        "run": "bash read.sh",
        "resources": {"instance_types": [instance_type]},
        "volumes": [{"name": "volume", "volume": named.called, "mount": _MOUNT}],
        "max_duration": "24h",
    }


def _refuse_another_job(session: Session, job: str, named: Named) -> None:
    """A job of this name that does something else is somebody's own."""
    if job not in {each.name for each in session.driver.jobs()}:
        return
    config = parse_config(session.driver.config_of(job))
    if config is not None and named.id not in config.used_volumes:
        raise UsageError(
            f"There is a job '{job}', which does not read volume '{named.called}'.",
            where={"job": job, "volume": named.called},
            next_step=f"`runctl down {job}` ends it, if it is not needed.",
        )
