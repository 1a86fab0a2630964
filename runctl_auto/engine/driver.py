"""Drives Pulumi: opens, makes and lists the stacks of jobs.

With ``engine.job_stack`` and ``automation_edge``, the only user of ``pulumi.automation``. One job is one
stack. What fails is raised as a typed error of ``runctl_auto.errors``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from runctl_auto.backend.backend import Backend, open_backend
from runctl_auto.backend.kept_summaries import KeptSummaries
from runctl_auto.backend.locks import (
    STARTER_VARIABLE,
    this_process,
)
from runctl_auto.engine.automation_edge import engine_command, translated
from runctl_auto.engine.engine_options import EngineOptions
from runctl_auto.engine.environment import Environment
from runctl_auto.engine.events import EventSink
from runctl_auto.engine.failures import no_such_job
from runctl_auto.engine.half_written import reread
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.engine.known_history import KnownHistory
from runctl_auto.engine.program_host import ProgramHost
from runctl_auto.engine.state_exports import read_states
from runctl_auto.errors import JobNotFoundError, RunctlError
from runctl_auto.local.project import PROJECT_NAME, ProjectFolders
from runctl_auto.local.project_program import program_of
from runctl_auto.providers.aws.backend_objects import open_objects
from runctl_auto.providers.aws.clients import client_maker
from runctl_auto.stack.kinds import kind_of
from runctl_auto.stack.settings_file import (
    BACKEND_KEY,
    read_config,
    refuse_redirecting,
    set_aside,
    settings_file,
)
from runctl_auto.stack.state import StackState, parse_state, version_of

if TYPE_CHECKING:
    from pulumi import automation


@dataclass(frozen=True)
class JobSummary:
    """One stack of the backend. ``made_at`` is when its newest resource was created, None if unknown."""

    name: str
    resources: int | None
    updated_at: str | None
    busy: bool
    made_at: str | None = None


class Driver:
    """Opens the stacks of one environment. Not to be shared between threads, but for ``beside``."""

    def __init__(
        self,
        environment: Environment,
        folders: ProjectFolders,
        options: EngineOptions | None = None,
        *,
        host: ProgramHost | None = None,
    ) -> None:
        """``host`` runs programs, if it is not this driver's own."""
        self._given_host = host
        self._environment = environment
        self._folders = folders
        self._options = options or EngineOptions()
        self._opened: automation.LocalWorkspace | None = None
        self._sharing = threading.Lock()

    def beside(self, on_event: EventSink | None, on_output: Callable[[str], None] | None) -> Driver:
        """A driver of the same environment for another thread, with its own listeners. Programs run in the
        same host, which is started here. May be called from any thread."""
        with self._sharing:
            self._host.start()
        options = replace(self._options, on_event=on_event, on_output=on_output)
        return Driver(self._environment, self._folders, options, host=self._host)

    def for_reading(self) -> Driver:
        """A driver of the same environment for another thread that only reads: no program host is started.
        May be called from any thread."""
        return Driver(self._environment, self._folders, replace(self._options, on_event=None, on_output=None))

    def expect_programs(self) -> None:
        """Starts what runs programs, for a command that previews or updates. It ends with this process.

        Does not block. Idempotent.
        """
        self._host.start()

    def open(self, job: str) -> JobStack:
        """The job's stack. Raises ``JobNotFoundError`` when the backend has none of this name."""
        self._repair(job)
        names = self.backend.stack_names() if self.backend.folder is not None else None
        if names is not None and job not in names:
            raise no_such_job(job, {"job": job})
        stack = reread(lambda: self._select(job, is_there=names is not None), self._options.sleep)
        self._adopt_settings(job, exists=True)
        return self._job_stack(stack)

    def take_settings_of_others(self, job: str) -> None:
        """Makes the settings file of an opened job what it is elsewhere by now. The caller has claimed the
        job."""
        self._adopt_settings(job, exists=True)

    def _select(self, job: str, *, is_there: bool) -> automation.Stack:
        """``is_there``: a backend in a folder shows so, without an engine."""
        from runctl_auto.engine.lean_automation import LeanStack

        if is_there:
            return LeanStack.known(job, self._workspace)
        with translated("selection", job):
            return LeanStack.select(job, self._workspace)

    def _repair(self, job: str) -> None:
        """Makes readable what a killed engine left unreadable. A folder that cannot be written is left to the
        engine, which then says what it cannot read."""
        with suppress(OSError):
            self.backend.repair(job)

    def open_or_create(self, job: str) -> JobStack:
        """The job's stack, made when the backend has none of this name."""
        try:
            return self.open(job)
        except JobNotFoundError:
            return self.create(job)

    def create(self, job: str) -> JobStack:
        """A new stack, without settings. Raises ``EngineError`` when there is one of this name."""
        from runctl_auto.engine.lean_automation import LeanStack

        self._adopt_settings(job, exists=False)
        with translated("creation", job):
            return self._job_stack(LeanStack.create(job, self._workspace))

    def config_of(self, job: str) -> dict[str, str]:
        """A job's configuration, without an engine when its settings file or its history is at hand."""
        config = read_config(settings_file(self._workspace_folder, job))
        if config.get(BACKEND_KEY) == self._environment.backend:
            return config
        recorded = self.backend.config(job)
        return recorded if recorded is not None else self.open(job).config()

    @cached_property
    def _workspace_folder(self) -> Path:
        """Pulumi's workspace folder; its project file is checked once, not for each job of a list."""
        return self._folders.workspace()

    def config_here(self, job: str) -> dict[str, str] | None:
        """What this project folder decided for a job, also when no operation recorded it; None when it knows
        nothing of it. Asks no engine and no backend."""
        config = read_config(settings_file(self._workspace_folder, job))
        return config if config.get(BACKEND_KEY) == self._environment.backend else None

    def config_version(self, job: str) -> int | None:
        """What changes whenever a job's settings file is written; None without one. Asks nobody."""
        try:
            return settings_file(self._workspace_folder, job).stat().st_mtime_ns
        except OSError:
            return None

    def jobs(self, kept: KeptSummaries | None = None) -> tuple[JobSummary, ...]:
        """The stacks of jobs of this project in the backend, by name; as ``stacks``."""
        return tuple(each for each in self.stacks(kept) if kind_of(each.name) == "job")

    def stack_names(self) -> tuple[str, ...]:
        """The names of all stacks of this project in the backend, sorted; as ``stacks``."""
        names = self.backend.stack_names()
        return names if names is not None else tuple(each.name for each in self.stacks())

    def stacks(self, kept: KeptSummaries | None = None) -> tuple[JobSummary, ...]:
        """All stacks of this project in the backend, by name; without an engine where files tell them.

        ``kept`` knows what earlier calls have read; with it, what is told of a stack can be wrong: for what
        is shown only.
        """
        stacks = self.backend.stacks(kept)
        if stacks is not None:
            return tuple(JobSummary(**vars(each)) for each in stacks)
        with translated("listing", "*"):
            found = self._workspace.list_stacks()
        return tuple(
            JobSummary(
                name=each.name.rsplit("/", 1)[-1],
                resources=each.resource_count,
                updated_at=each.last_update.isoformat() + "Z" if each.last_update else None,
                busy=bool(each.update_in_progress),
            )
            for each in sorted(found, key=lambda each: str(each.name))
        )

    def states(
        self, jobs: Sequence[str], told: Callable[[int], None] | None = None
    ) -> Mapping[str, StackState | RunctlError]:
        """The states of many stacks, or why one cannot be read; ``told`` hears how many are done.

        Read where they lie when files hold them; else asked of the engine, a few at a time.
        """
        return read_states(self.backend, jobs, self._exporter, told)

    def _exporter(self) -> Callable[[str], StackState | RunctlError]:
        workspace = self._workspace

        def export(job: str) -> StackState | RunctlError:
            try:
                with translated("export", job):
                    deployment = workspace.export_stack(job).deployment or {}
                    return replace(parse_state(deployment), version=version_of(deployment))
            except RunctlError as error:
                return error

        return export

    @property
    def _workspace(self) -> automation.LocalWorkspace:
        if self._opened is None:
            from pulumi import automation

            self._opened = automation.LocalWorkspace(
                work_dir=str(self._folders.workspace()),
                env_vars=self._variables,
                secrets_provider=self._environment.secrets_provider,
                pulumi_command=engine_command(self._environment.engine.root, tied=self._options.tied),
            )
        return self._opened

    @cached_property
    def _variables(self) -> dict[str, str]:
        """What the engine's environment has over that of this process."""
        return {**self._environment.variables, STARTER_VARIABLE: this_process()}

    @cached_property
    def _host(self) -> ProgramHost:
        if self._given_host is not None:
            return self._given_host
        policies = self._options.policies
        return ProgramHost(
            self._variables,
            [program_of(self._folders.workspace())],
            [policies.folder] if policies is not None else [],
        )

    @cached_property
    def backend(self) -> Backend:
        """The stacks' store, as it is read without an engine."""
        return open_backend(
            self._environment.backend, PROJECT_NAME, lambda url: open_objects(url, client_maker)
        )

    def _job_stack(self, stack: automation.Stack) -> JobStack:
        return JobStack(
            stack, self._workspace, self.backend, self._options, self._host, note=self._known_history.note
        )

    @cached_property
    def _known_history(self) -> KnownHistory:
        return KnownHistory(self._folders, self.backend)

    def _adopt_settings(self, job: str, *, exists: bool) -> None:
        """Sees to it that ``Pulumi.<job>.yaml`` belongs to the stack of this backend.

        The file lies beside ``Pulumi.yaml`` whatever the backend is. One of another backend (another cloud,
        an erased sandbox) is set aside; that of this backend is taken back from the stack's history, also if
        another folder has changed the stack since.
        """
        file = settings_file(self._folders.workspace(), job)
        owner = read_config(file).get(BACKEND_KEY)
        if file.parent == self._folders.root and self._options.program is None:
            refuse_redirecting(file, self._environment.secrets_provider)
        if file.exists() and (not exists or owner not in (None, self._environment.backend)):
            set_aside(file, self._folders)
        if exists and file.exists() and self._known_history.is_outdated(job, file):
            set_aside(file, self._folders)
        if exists and not file.exists():
            with translated("configuration", job):
                _refresh_config(self._workspace, job)
        if exists:
            self._known_history.note(job)


def _refresh_config(workspace: automation.LocalWorkspace, job: str) -> None:
    from pulumi import automation

    try:
        workspace.refresh_config(job)
    except automation.CommandError as error:
        if "no previous deployment" not in str(error):
            raise
