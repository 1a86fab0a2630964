"""Writes the manifests of the operator into a folder, and removes those of jobs that are gone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runctl_auto.errors import UsageError
from runctl_auto.local.atomic_file import replace_file
from runctl_auto.local.plain_file import NotAPlainFileError, read_plain_file
from runctl_auto.reports.pipelines.operator import (
    FiledJob,
    OperatorOptions,
    dockerfile,
    dockerignore,
    named,
    service_account,
    stack_manifest,
    yaml_text,
)

HEADER = "# Written by `runctl export operator`: change the job files, and export again.\n"

_STACKS = "stacks"
_MOST_BYTES = 1 << 20


def write_operator_files(
    folder: Path, jobs: Sequence[FiledJob], options: OperatorOptions
) -> tuple[Path, ...]:
    """Writes all files; returns them, sorted. Files that runctl did not write are never replaced.

    Raises ``UsageError`` for such a file, or when two jobs have one name, before anything is written.
    """
    manifests = {
        f"{_STACKS}/{name}.yaml": yaml_text([stack_manifest(name, job, options)])
        for name, job in sorted(named(options.prefix, jobs).items())
    }
    listed = ["service-account.yaml", *manifests]
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": listed,
    }
    files = {
        **manifests,
        "service-account.yaml": yaml_text(service_account(options)),
        "kustomization.yaml": yaml_text([kustomization]),
        "Dockerfile": dockerfile(),
        "Dockerfile.dockerignore": dockerignore(),
    }
    for name in files:
        if (folder / name).exists() and not _is_own(folder / name):
            raise UsageError(
                f"{folder / name} was not written by runctl, and nothing was written.",
                where={"file": str(folder / name)},
                next_step="Move it away, or name another folder with --out.",
            )
    try:
        (folder / _STACKS).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            replace_file(folder / name, HEADER + text)
        for path in sorted((folder / _STACKS).glob("*.yaml")):
            if f"{_STACKS}/{path.name}" not in files and _is_own(path):
                path.unlink()
    except OSError as error:
        raise UsageError(
            f"{error.filename or folder} cannot be written: {error.strerror}.", where={"path": str(folder)}
        ) from error
    return tuple(sorted(folder / name for name in files))


def _is_own(path: Path) -> bool:
    try:
        return read_plain_file(path, _MOST_BYTES).startswith(HEADER.encode())
    except NotAPlainFileError:
        return False
