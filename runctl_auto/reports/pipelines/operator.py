"""Manifests for the Pulumi Kubernetes Operator 2.9: a ``Stack`` for each job, and the image that runs them.

The operator runs ``stacks/job_of_file`` in the image, which declares a job by its file and decides for itself
what `runctl up` would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import yaml

from runctl_auto.engine.install.pinned import pinned_version
from runctl_auto.errors import UsageError
from runctl_auto.job_file.spec import JobSpec

MOST_NAME = 42
"""Characters that the operator allows in the name of a ``Stack``."""

API = "pulumi.com/v1"
HOME = "/home/pulumi"
REPOSITORY = f"{HOME}/repository"
"""Where the image has the repository with the job files."""
PROGRAM = f"{HOME}/program"
"""Where it has the Pulumi project."""

RESYNC_SECONDS = 600
_DIGITS = 8


@dataclass(frozen=True, kw_only=True)
class OperatorOptions:
    """How the operator runs the jobs. ``role`` is the ARN of the role of the workspaces' account, on EKS;
    ``prefix`` begins the name of each ``Stack``; ``destroy`` destroys a job when its ``Stack`` is deleted.
    """

    image: str
    backend: str
    secrets_provider: str
    namespace: str = "default"
    service_account: str = "runctl"
    role: str | None = None
    prefix: str = ""
    destroy: bool = False


@dataclass(frozen=True)
class FiledJob:
    """A job, and the path of its file in the repository, with slashes."""

    spec: JobSpec
    path: str


def stack_name(prefix: str, job: str) -> str:
    """The name of the job's ``Stack``: both, cut to ``MOST_NAME`` with a digest in place of what is cut."""
    whole = f"{prefix}{job}"
    if len(whole) <= MOST_NAME:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_DIGITS]
    return f"{whole[: MOST_NAME - _DIGITS - 1].rstrip('-')}-{digest}"


def named(prefix: str, jobs: Sequence[FiledJob]) -> dict[str, FiledJob]:
    """The jobs by the names of their manifests. Raises ``UsageError`` when two have the same name."""
    found: dict[str, FiledJob] = {}
    for each in jobs:
        name = stack_name(prefix, each.spec.name)
        other = found.get(name)
        if other is not None:
            raise UsageError(
                f"{other.path} and {each.path} would both be the Stack '{name}'.",
                where={"file": each.path},
                next_step="Give one of the jobs another name.",
            )
        found[name] = each
    return found


def stack_manifest(name: str, job: FiledJob, options: OperatorOptions) -> dict[str, Any]:
    """The ``Stack`` of one job. It holds no secret: their values are keys of the Secret ``NAME-secrets``."""
    spec: dict[str, Any] = {
        "serviceAccountName": options.service_account,
        "stack": job.spec.name,
        "backend": options.backend,
        **_encryption(options),
        "config": {
            "runctl:jobFile": f"{REPOSITORY}/{job.path}",
            "runctl:backend": options.backend,
        },
        # A lost machine is seen by the refresh, an ended run by the program, at the next resync.
        "refresh": True,
        "continueResyncOnCommitMatch": True,
        "resyncFrequencySeconds": RESYNC_SECONDS,
        "destroyOnFinalize": options.destroy,
        "workspaceTemplate": {"spec": {"image": options.image, "local": {"dir": PROGRAM}}},
    }
    references = dict(_secret_references(name, job, options))
    if references:
        spec["envRefs"] = references
    return {
        "apiVersion": API,
        "kind": "Stack",
        "metadata": {
            "name": name,
            "namespace": options.namespace,
            "labels": {"app.kubernetes.io/managed-by": "runctl", "runctl.job": job.spec.name},
        },
        "spec": spec,
    }


def _encryption(options: OperatorOptions) -> Mapping[str, str]:
    if options.secrets_provider == "passphrase":
        return {}
    return {"secretsProvider": options.secrets_provider}


def _secret_references(
    name: str, job: FiledJob, options: OperatorOptions
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for variable in job.spec.secrets:
        yield variable, _reference(f"{name}-secrets", variable)
    if options.secrets_provider == "passphrase":
        yield "PULUMI_CONFIG_PASSPHRASE", _reference("runctl-passphrase", "passphrase")


def _reference(secret: str, key: str) -> Mapping[str, Any]:
    return {"type": "Secret", "secret": {"name": secret, "key": key}}


def service_account(options: OperatorOptions) -> list[dict[str, Any]]:
    """The account of the workspaces, which the operator asks whom it talks to."""
    metadata = {"name": options.service_account, "namespace": options.namespace}
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {**metadata, **_annotations(options)},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{options.namespace}:{options.service_account}:system:auth-delegator"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:auth-delegator",
            },
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        },
    ]


def _annotations(options: OperatorOptions) -> Mapping[str, Any]:
    if options.role is None:
        return {}
    return {"annotations": {"eks.amazonaws.com/role-arn": options.role}}


def dockerfile() -> str:
    """The image of the workspaces: the engine, runctl and the repository."""
    return f"""\
# The image in which the Pulumi Kubernetes Operator runs the jobs of this repository.
# Build it in the root of the repository: docker build -f PATH/OF/THIS/Dockerfile -t IMAGE .
FROM pulumi/pulumi-python-3.12:{pinned_version().removeprefix("v")}-nonroot
RUN pip install --no-cache-dir --user runctl=={version("runctl")} \\
 && pulumi plugin install resource aws {version("pulumi-aws")}
RUN mkdir -p {PROGRAM} \\
 && cd {PROGRAM} \\
 && main=$(python3 -c 'import stacks.job_of_file as program; print(program.__path__[0])') \\
 && printf 'name: runctl\\nruntime: python\\nmain: %s\\n' "$main" > Pulumi.yaml
RUN mkdir -p -m 700 {REPOSITORY}/.runctl
COPY --chown=pulumi:pulumi . {REPOSITORY}
WORKDIR {PROGRAM}
"""


def dockerignore() -> str:
    """What of the repository is not copied into the image: keys and states of one machine, and history."""
    return "**/.runctl\n**/.git\n**/.venv\n**/runs\n"


def yaml_text(documents: Sequence[Mapping[str, Any]]) -> str:
    """The documents as one YAML text."""
    return yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True, width=110)
