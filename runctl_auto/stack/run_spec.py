"""The agent's spec of a run, as every provider writes it; where it runs decides limits, secrets and data."""

from __future__ import annotations

from collections.abc import Sequence

from runctl_auto.agent.contract import SCHEMA
from runctl_auto.agent.packages import package_key
from runctl_auto.agent.spec_format import (
    ContainerJson,
    DataJson,
    LimitsJson,
    PartOfRunJson,
    RunJson,
    SecretJson,
)
from runctl_auto.job_file.image_reference import ImageReference
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.run.identity import RunIdentity
from runctl_auto.stack.container import ContainerChoice


def run_spec_of(
    job: JobSpec,
    run: RunIdentity,
    *,
    limits: LimitsJson,
    secrets: Sequence[SecretJson],
    data: Sequence[DataJson],
) -> RunJson:
    """The spec without volumes, notices and traces."""
    return {
        "schema": SCHEMA,
        "job": job.name,
        "run": run.id,
        "attempt": run.attempt,
        "lineage": run.lineage,
        "node": 0,
        "nodes": job.nodes,
        "setup": job.setup,
        "command": job.run,
        "background": job.background,
        "shell": job.shell,
        "env": dict(job.env),
        "code": {"key": package_key("code", run.code_sha256), "sha256": run.code_sha256},
        "checkpoints": {
            "path": job.checkpoints.path,
            "every_seconds": job.checkpoints.every,
            "keep": job.checkpoints.keep,
        },
        "artifacts": {"paths": list(job.artifacts.paths)},
        "limits": limits,
        "retry": {"max_attempts": job.max_attempts},
        "secrets": list(secrets),
        "data": list(data),
    }


def container_of(job: JobSpec, container: ContainerChoice | None, parameter: str | None) -> PartOfRunJson:
    """What the run's scripts run in; nothing without a container, so that the spec stays what it was.
    ``parameter`` holds the password of ``registry_auth``.
    """
    if container is None:
        return {}
    found: ContainerJson = {"image": container.reference}
    auth, of_aws = job.registry_auth, ImageReference.parse(container.image).of_aws
    if auth is not None and parameter is not None:
        found["login"] = {
            "registry": container.registry,
            "username": auth.username,
            "name": auth.password,
            "password": parameter,
        }
    elif of_aws is not None:
        found["login"] = {"registry": container.registry, "region": of_aws.region}
    return {"container": found}
