"""Shell completion of job names: reads files only, starts nothing, and completes nothing on errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from runctl_auto.local import correlation
from runctl_auto.stack.kinds import StorageKind, kind_of, name_in

if TYPE_CHECKING:
    from runctl_auto.local.project import ProjectFolders


class JobName(click.types.StringParamType):
    """A job's name; accepts any text, and completes names of jobs in the backend."""

    name = "job"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name; what is logged from now on is about this job."""
        name = str(super().convert(value, param, ctx))
        correlation.note_job(name)
        return name

    def is_wanted(self, stack: str) -> bool:
        """Whether a stack is one of those whose names are completed."""
        return kind_of(stack) == "job"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        try:
            stacks = set(_names(sandbox=_is_sandbox(ctx)))
            found = sorted(name_in(each) for each in stacks if self.is_wanted(each))
        except Exception:  # shell completion has nowhere to report an error
            return []
        return [CompletionItem(name) for name in found if name.startswith(incomplete)]


class StorageName(JobName):
    """The name of a volume or snapshot, completed as names of jobs are."""

    def __init__(self, kind: StorageKind) -> None:
        self.name = kind
        self._kind = kind

    def is_wanted(self, stack: str) -> bool:
        return kind_of(stack) == self._kind


def _is_sandbox(context: click.Context) -> bool:
    from runctl_auto.cli.invocation import Invocation

    invocation = context.find_object(Invocation)
    if invocation is not None and invocation.options.get(("sandbox",)):
        return True
    return os.environ.get("RUNCTL_SANDBOX", "").lower() in ("1", "true", "yes", "on")


def _names(*, sandbox: bool) -> Iterator[str]:
    from runctl_auto.backend.backend import open_backend
    from runctl_auto.local.project import PROJECT_NAME, find_project

    folders = find_project(Path.cwd())
    here = folders.private / "local" / "jobs"
    yield from (each.name for each in here.iterdir()) if here.is_dir() else ()
    url = _sandbox_backend(folders) if sandbox else _backend(folders)
    names = open_backend(url, PROJECT_NAME).stack_names()
    if names is not None:
        yield from names
        return
    # For a remote backend, the jobs that were set up from here.
    for file in folders.workspace().glob("Pulumi.*.yaml"):
        yield file.name.removeprefix("Pulumi.").removesuffix(".yaml")


def _sandbox_backend(folders: ProjectFolders) -> str:
    from runctl_auto.engine.environment import sandbox_status

    cloud = sandbox_status(folders).cloud_id
    return (folders.sandbox / "clouds" / cloud / "state").as_uri() if cloud else ""


def _backend(folders: ProjectFolders) -> str:
    from runctl_auto.engine.environment import backend_of
    from runctl_auto.settings.sources import load_settings

    return backend_of(load_settings(folders, os.environ, {}), folders, os.environ)
