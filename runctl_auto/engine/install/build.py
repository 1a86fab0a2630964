"""Builds the engine from its Go module, with the versions and checksums that ``module/`` pins."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from runctl_auto.engine.install.bound_command import Watch
from runctl_auto.engine.install.build_failures import go_failure
from runctl_auto.engine.install.go_environment import go_environment
from runctl_auto.engine.install.go_toolchain import toolchain
from runctl_auto.engine.install.pinned import MODULE_FOLDER, PACKAGE, VERSION_VARIABLE
from runctl_auto.engine.install.place import executable
from runctl_auto.engine.install.stages import Stages
from runctl_auto.engine.install.work_folder import WorkFolder, require_free_space

if TYPE_CHECKING:
    from runctl_auto.engine.install.machine import Machine

_NEEDED_GIB = 4.0


def build(
    work: WorkFolder, version: str, environ: Mapping[str, str], machine: Machine, stages: Stages
) -> str:
    """Puts the engine into ``work.root``; the version of the Go that built it.

    Takes minutes and needs the network. Raises ``EngineInstallError``.
    """
    stages.enter("looking for Go")
    require_free_space(work.path, _NEEDED_GIB, machine.free_bytes)
    go = toolchain(work, environ, machine, stages)
    variables = {**go_environment(environ, work), "GOOS": go.system, "GOARCH": go.architecture}
    steps = _GoSteps(work, go.executable, variables, machine, stages)
    packages = steps.download_modules()
    steps.compile(version, packages)
    return go.version


class _GoSteps:
    """The ``go`` commands of one build, in a copy of the module that nothing else touches."""

    def __init__(
        self, work: WorkFolder, go: str, variables: Mapping[str, str], machine: Machine, stages: Stages
    ) -> None:
        self._work = work
        self._go = go
        self._variables = variables
        self._machine = machine
        self._stages = stages
        self._folder = work.folder("module")
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(MODULE_FOLDER / name, self._folder / name)

    def download_modules(self) -> int:
        """Downloads what the build needs; the number of packages that it compiles."""
        self._stages.enter("downloading Go modules")
        modules, packages = 0, 0

        def watch(line: str | None) -> None:
            nonlocal modules, packages
            if line is None:
                self._stages.tick()
            elif line.startswith("go: downloading "):
                modules += 1
                self._stages.show(f"{modules} so far")
            elif not line.startswith("go: "):
                packages += 1

        self._run("downloading Go modules", ["list", "-deps", "-f", "{{.ImportPath}}", PACKAGE], watch)
        return packages

    def compile(self, version: str, packages: int) -> None:
        """Compiles and links ``packages`` packages."""
        self._stages.enter("compiling")
        done = 0

        def watch(line: str | None) -> None:
            nonlocal done
            if line is None:
                self._stages.tick()
            elif not line.startswith(("go: ", "#")):
                done += 1
                self._stages.show(f"{min(done, packages)} of {packages} packages")

        output = executable(self._work.root)
        output.parent.mkdir(parents=True)
        flags = ["-v", "-trimpath", "-ldflags", f"-s -w -X {VERSION_VARIABLE}={version}", "-o", str(output)]
        self._run("compiling", ["build", "-mod=readonly", *flags, PACKAGE], watch)

    def _run(self, stage: str, arguments: list[str], watch: Watch) -> None:
        result = self._machine.run(
            [self._go, *arguments], folder=self._folder, environ=self._variables, watch=watch
        )
        if result.code != 0:
            raise go_failure(stage, result.output)
