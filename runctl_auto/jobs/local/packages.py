"""Lays into a job's folder what its agent is started with: code, spec and record."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from runctl_auto.agent.keys import spec_key
from runctl_auto.agent.local.agent_record import AgentRecord
from runctl_auto.agent.local.job_folder import JobFolder
from runctl_auto.agent.packages import package_key
from runctl_auto.agent.spec import spec_digest
from runctl_auto.agent.spec_format import DataJson, SpecJson
from runctl_auto.agent.store.folder_store import FolderStore
from runctl_auto.errors import PackagingError
from runctl_auto.jobs.local.applicable import Applied
from runctl_auto.packaging.package import code_parts, package_code, package_path
from runctl_auto.packaging.work_folder import WorkFolder
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.run_spec import container_of, run_spec_of

_BUCKET_OF = "s3://"


def lay_in(
    folder: JobFolder, config: StackConfig, applied: Applied, environment: Mapping[str, str]
) -> AgentRecord:
    """Writes spec and record of the run, the record last; its code must be there. Idempotent."""
    spec = spec_of(config)
    text = json.dumps(spec, sort_keys=True)
    FolderStore(folder.store).put(spec_key(config.run.id), text.encode())
    record = AgentRecord(
        job=config.job.name,
        run=config.run.id,
        spec_key=spec_key(config.run.id),
        spec_sha256=spec_digest(spec),
        python=sys.executable,
        environment=environment,
        needs=applied.needs,
        secrets=config.secret_names,
        mounts=applied.mounts,
        data=applied.data,
        runtime=applied.runtime,
    )
    record.write(folder)
    return record


def spec_of(config: StackConfig) -> SpecJson:
    """As on a machine of a cloud; volumes are folders, which the record names."""
    job = config.job
    plain = run_spec_of(
        job,
        config.run,
        limits={
            "max_duration_seconds": job.max_duration,
            "idle_duration_seconds": job.idle_duration,
            "budget": None,
            "price_hour": None,
        },
        secrets=[{"name": name, "parameter": name} for name in job.secrets],
        data=[_data(each.source, each.path) for each in job.data],
    )
    auth = job.registry_auth
    container = container_of(job, config.container, None if auth is None else auth.password)
    return {**plain, **container, "volumes": []}


def _data(source: str, path: str) -> DataJson:
    bucket, _, prefix = source.removeprefix(_BUCKET_OF).partition("/")
    return {"bucket": bucket, "prefix": prefix, "path": path}


def lay_in_code(folder: JobFolder, work: WorkFolder, sha256: str) -> None:
    """Packages the work folder into the job's store, unless this code is there. Blocks while it reads it.

    Raises ``PackagingError`` when the work folder is no longer what ``sha256`` was made of.
    """
    if (folder.store / package_key("code", sha256)).is_file():
        return
    made = folder.path / "packages"
    try:
        package = package_code(work, made)
        if package.sha256 != sha256:
            raise PackagingError(
                "The work folder has changed while it was packaged.",
                where={"path": str(work.path)},
                next_step="Repeat the command once nothing writes there.",
            )
        for part in (each["sha256"] for each in code_parts(package.path)):
            _place(package_path(made, "part", part), folder.store / package_key("part", part))
        _place(package.path, folder.store / package.key)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _place(made: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made.replace(target)
