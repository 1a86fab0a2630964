"""Evaluates the options before the command, and creates the session of a command."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from runctl_auto.cli.console import Console

if TYPE_CHECKING:
    from runctl_auto.engine.policy_pack import PackInForce
    from runctl_auto.jobs.local.session import LocalSession
    from runctl_auto.jobs.session import Session
    from runctl_auto.local.project import ProjectFolders
    from runctl_auto.observe.tracing.command_trace import CommandTrace
    from runctl_auto.operations.local.surroundings import LocalSurroundings
    from runctl_auto.providers.contract import Provider
    from runctl_auto.providers.objects import ObjectData
    from runctl_auto.settings.schema import Settings


@dataclass
class Invocation:
    """One call of ``runctl``. ``options`` are settings given as options, by path. ``ends_engines``: engines
    end with this process, also when it is killed."""

    console: Console = field(default_factory=Console)
    options: dict[tuple[str, ...], object] = field(default_factory=dict)
    ends_engines: bool = False
    trace: CommandTrace | None = None
    _folders: ProjectFolders | None = None

    def enter(self, folder: Path) -> None:
        """Works in the project that ``folder`` belongs to, whatever the current folder. Raises as
        ``folders``."""
        from runctl_auto.local.project import find_project

        folders = find_project(folder)
        folders.refuse_planted()
        self._folders = folders

    def folders(self) -> ProjectFolders:
        """The project that the current folder belongs to; looked at once.

        Raises ``UntrustedError`` when it is somebody else's, or brought runctl's private folder with it.
        """
        if self._folders is None:
            self.enter(Path.cwd())
        assert self._folders is not None  # noqa: S101 - entered
        return self._folders

    def hold_policies_to(self, base: Path | None) -> None:
        """Makes the option ``--policy-base`` a setting; does nothing without it."""
        if base is not None:
            self.options[("policies", "base")] = str(base.absolute())

    def settings(self) -> Settings:
        """The effective settings. Raises ``SettingsError``."""
        from runctl_auto.settings.sources import load_settings

        settings = load_settings(self.folders(), os.environ, self.options)
        if settings.monitoring.trace_file is not None:
            self.begin_trace(settings.monitoring.trace_file, self.folders().root)
        return settings

    def begin_trace(self, file: Path | None, folder: Path) -> None:
        """Records what follows if environment or ``file`` ask for it; a relative one is in ``folder``.
        Idempotent."""
        from runctl_auto.observe.tracing.choice import wanted
        from runctl_auto.observe.tracing.command_trace import begin

        if self.trace is None:
            found = wanted(os.environ, file)
            self.trace = None if found is None else begin(found, os.environ, folder)

    def provider(self) -> Provider:
        """The provider of the person's own region, for a command that works with no stack and no engine."""
        from runctl_auto.engine import environment

        settings = self.settings()
        if settings.sandbox:
            return self.session().provider()
        environment.enter_identity(settings, os.environ)
        return environment.make_provider(settings.aws.endpoint_url, None)

    def open_bucket(self, name: str) -> ObjectData:
        """A bucket with the person's own credentials; makes no request."""
        from runctl_auto.engine import environment

        settings = self.settings()
        if settings.sandbox:
            return self.session().provider().bucket(name)
        environment.enter_identity(settings, os.environ)
        return environment.open_bucket(settings.aws.endpoint_url, name)

    def local_surroundings(self) -> LocalSurroundings:
        """What a verb works with for a job of this machine: no engine, no cloud."""
        from runctl_auto.operations.local.surroundings import LocalSurroundings

        return LocalSurroundings(self.settings(), self.folders(), self.console, dict(os.environ))

    def local_session_of(self, *names: str) -> LocalSession | None:
        """A session without an engine, if the jobs that are named, or whose runs are, are those of this
        machine; None for others. Raises ``NotSupportedError`` for a command that means nothing for them, and
        for jobs of both kinds together."""
        from runctl_auto.jobs.local.names import here_of

        jobs = [each.partition("/")[0] for each in names]
        if not here_of(self.folders(), jobs):
            return None
        from runctl_auto.jobs.local.refused import refuse_by_name
        from runctl_auto.jobs.local.session import local_session

        refuse_by_name(_command_in_hand(), jobs[0])
        return local_session(self.settings(), self.folders(), self.console)

    def session_here(self) -> LocalSession | None:
        """A session about all jobs of this machine; None when the project has none."""
        if not (self.folders().private / "local" / "jobs").is_dir():
            return None
        from runctl_auto.jobs.local.session import local_session

        return local_session(self.settings(), self.folders(), self.console)

    def has_stacks(self) -> bool:
        """Whether the backend may hold stacks: a folder that is not there holds none. Asks nobody."""
        from runctl_auto.engine.environment import backend_of

        settings = self.settings()
        backend = backend_of(settings, self.folders(), os.environ)
        if settings.sandbox or not backend.startswith("file://"):
            return True
        return Path(unquote(urlsplit(backend).path)).is_dir()

    def session_of_all(self) -> Session:
        """The session of a command about all jobs; without an engine where those of this machine are all."""
        here = None if self.has_stacks() else self.session_here()
        return here or self.session()

    def session_of(self, *names: str) -> Session:
        """The session of a command about these jobs, wherever they are."""
        return self.local_session_of(*names) or self.session()

    def session(self, *, policies: bool = True, changes: bool = True) -> Session:
        """The session of a command; starts the sandbox if it is requested and not running.

        Without ``policies`` no policy evaluates the change, if the settings permit that. A command that
        ``changes`` nothing reads no policies: it works when they are wrong, and starts sooner.
        """
        from runctl_auto.cost.book import PriceBook, kept_prices_folder
        from runctl_auto.engine import environment
        from runctl_auto.engine.choice import choose_engine
        from runctl_auto.engine.driver import Driver
        from runctl_auto.engine.engine_options import EngineOptions
        from runctl_auto.engine.project_program import program_in_force
        from runctl_auto.engine.sandbox_extra import require_sandbox_extra
        from runctl_auto.jobs.session import Session

        folders, settings, pack = self.folders(), self.settings(), None
        program = program_in_force(settings.engine, folders)
        if changes:
            settings, pack = self._held(settings, policies=policies)
        if settings.sandbox:
            require_sandbox_extra()  # checked before the engine is chosen: installing one can take minutes
        engine = choose_engine(settings.engine.path, os.environ)
        if settings.sandbox:
            place = environment.sandbox(folders, self.console.say, engine, runpod=settings.runpod.enabled)
        else:
            place = environment.real_cloud(settings, folders, os.environ, engine)
        for job in place.lost_jobs:
            self.console.say(f"the sandbox's cloud is a new one; job '{job}' was lost with the old one")
        shell = dict(os.environ)
        place.enter()
        driver = Driver(
            place,
            folders,
            EngineOptions(
                parallel=settings.engine.parallel,
                program=program,
                policies=pack,
                tied=self.ends_engines,
                on_event=self.console.engine_event,
                on_output=self.console.engine_output,
            ),
        )
        prices = PriceBook(folders.sandbox / "prices" if settings.sandbox else kept_prices_folder(shell))
        return Session(
            settings,
            folders,
            place,
            driver,
            place.provider,
            self.console,
            prices=prices,
            shell=shell,
            program=program,
            policies=pack,
        )

    def _held(self, settings: Settings, *, policies: bool) -> tuple[Settings, PackInForce | None]:
        """The settings and the policies that bound a change."""
        from runctl_auto.engine.policy_pack import held_to_base, pack_in_force, refuse_to_skip

        settings = held_to_base(settings)
        if policies:
            return settings, pack_in_force(settings.policies, self.folders())
        refuse_to_skip(settings.policies)
        self.console.say("no policy judges this, as --no-policy asks")
        return settings, None


def _command_in_hand() -> str:
    """The command as it was typed, without the program's name."""
    import click

    context = click.get_current_context(silent=True)
    return "" if context is None else context.command_path.partition(" ")[2]
