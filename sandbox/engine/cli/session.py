"""What a command works with: environment, project, backend, stack, settings; found when asked for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TextIO

from sandbox.engine.backend.errors import StackNotFoundError
from sandbox.engine.backend.filestate import FileBackend
from sandbox.engine.backend.home import PulumiHome
from sandbox.engine.backend.reference import StackReference, parse_reference
from sandbox.engine.cli.command import Invocation
from sandbox.engine.cli.errors import CommandError, ExitCode, UnsupportedError, UsageError
from sandbox.engine.cli.flags import FlagValues
from sandbox.engine.cli.truth import is_truthy
from sandbox.engine.secrets.manager import SecretsManager, check_supported
from sandbox.engine.settings.project import Project, ProjectNotFoundError, load_project
from sandbox.engine.settings.stack_settings import StackSettings, load_stack_settings

_UNSUPPORTED_VARIABLES = (
    "PULUMI_DIY_BACKEND_GZIP",
    "PULUMI_DIY_BACKEND_ZSTD",
    "PULUMI_DIY_BACKEND_LEGACY_LAYOUT",
    "PULUMI_DIY_BACKEND_RETAIN_CHECKPOINTS",
    "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS",
)


class Session:
    """One run of the executable."""

    def __init__(
        self,
        invocation: Invocation,
        environment: Mapping[str, str],
        folder: Path,
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self.invocation = invocation
        self.environment = environment
        self.folder = folder
        self.out = out if out is not None else sys.stdout
        self.err = err if err is not None else sys.stderr

    @property
    def flags(self) -> FlagValues:
        """The values of the command's flags."""
        return self.invocation.flags

    @property
    def arguments(self) -> tuple[str, ...]:
        """The positional arguments."""
        return self.invocation.arguments

    def print(self, text: str = "", *, end: str = "\n") -> None:
        """Prints to stdout."""
        self.out.write(text + end)

    def note(self, text: str) -> None:
        """Prints to stderr."""
        self.err.write(text + "\n")

    def write_error(self, text: str) -> None:
        """Writes to stderr as it is."""
        self.err.write(text)

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked."""
        return not self.flags.on("non-interactive") and sys.stdin.isatty() and self.out.isatty()

    @property
    def coloured(self) -> bool:
        """Whether output is coloured. Raises UsageError for an unknown --color."""
        wish = self.flags.text("color")
        if wish == "auto":
            return self.out.isatty() and "NO_COLOR" not in self.environment
        if wish not in ("always", "never", "raw"):
            raise UsageError(
                f"unsupported color option: '{wish}'. Supported values are: always, never, raw, auto"
            )
        return wish == "always"

    def confirm(self, question: str, expected: str) -> None:
        """Asks a person to type `expected`; raises CommandError when they do not."""
        self.print(question)
        self.out.flush()
        if input().strip() != expected:
            raise CommandError("confirmation declined", ExitCode.FAILED)

    @cached_property
    def home(self) -> PulumiHome:
        """What is remembered for the person."""
        return PulumiHome(self.environment)

    @cached_property
    def project(self) -> Project:
        """The project of the folder. Raises ProjectNotFoundError."""
        return load_project(self.folder)

    @cached_property
    def project_if_any(self) -> Project | None:
        """The project of the folder, None outside of one."""
        try:
            return self.project
        except ProjectNotFoundError:
            return None

    @property
    def project_name(self) -> str | None:
        """The name by which stacks are shortened; None when names are shown in full."""
        if self.flags.on("fully-qualify-stack-names") or self.project_if_any is None:
            return None
        return self.project_if_any.name

    @property
    def backend_url(self) -> str:
        """The backend's address: from the environment, the project, or the last login."""
        url = self.environment.get("PULUMI_BACKEND_URL")
        if not url and self.project_if_any is not None:
            url = self.project_if_any.backend_url
        url = url or self.home.current_backend()
        if url:
            return url
        raise CommandError(
            "PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions; this engine "
            "keeps state in folders only: set PULUMI_BACKEND_URL=file://… or use `pulumi login file://…`",
            ExitCode.NOT_AUTHENTICATED,
        )

    @cached_property
    def backend(self) -> FileBackend:
        """The backend that holds the stacks."""
        for name in _UNSUPPORTED_VARIABLES:
            if is_truthy(self.environment.get(name, "")):
                raise UnsupportedError(f"the setting {name}")
        return FileBackend(self.backend_url, self.folder)

    def reference(self, name: str) -> StackReference:
        """The stack that a person means by `name`."""
        project = self.project_if_any
        return parse_reference(name, project.name if project is not None else None)

    def shown(self, reference: StackReference) -> str:
        """A stack's name as it is shown."""
        return reference.display(self.project_name)

    @property
    def selected(self) -> StackReference | None:
        """The stack selected in the project, when it still exists."""
        project = self.project
        name = self.home.selected_stack(project.name, project.file, self.backend.url)
        if name is None:
            return None
        reference = self.reference(name)
        return reference if self.backend.checkpoints.exists(reference) else None

    def select(self, reference: StackReference | None) -> None:
        """Selects a stack in the project, or none."""
        name = reference.qualified if reference is not None else None
        self.home.select_stack(self.project.name, self.project.file, self.backend.url, name)

    def require_stack(self, *, may_create: bool = False) -> StackReference:
        """The stack that --stack names or that is selected. Raises StackNotFoundError or CommandError."""
        name = self.flags.text("stack")
        if name:
            return self.existing(name)
        selected = self.selected
        if selected is not None:
            return selected
        advice = "`pulumi stack select` or `pulumi stack init`" if may_create else "`pulumi stack select`"
        raise CommandError(f"no stack selected; please use {advice} to choose one")

    def existing(self, name: str) -> StackReference:
        """The stack of that name. Raises StackNotFoundError when there is none."""
        reference = self.reference(name)
        if not self.backend.checkpoints.exists(reference):
            raise StackNotFoundError(name)
        return reference

    def settings(self, reference: StackReference) -> StackSettings:
        """The stack's settings file. Raises SettingsFileError, SecretsError."""
        given = self.flags.text("config-file")
        project = self.project_if_any
        if project is None and not given:
            return StackSettings(self.folder / f"Pulumi.{reference.name}.yaml")
        file = self.folder / given if given else self.project.stack_settings_file(reference.name)
        settings = load_stack_settings(file, reference.project)
        check_supported(settings.secrets_provider)
        return settings

    def secrets(self, settings: StackSettings, salt_of_state: str | None = None) -> SecretsManager:
        """The stack's secrets. The salt is that of the settings, else the state's, else made at the first
        secret and kept in the settings then."""

        def keep(salt: str) -> None:
            settings.encryption_salt = salt
            settings.save()

        return SecretsManager(self.environment, settings.encryption_salt or salt_of_state, keep)
