"""Engine installation commands without processes: Go, pip and the new engine return scripted results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runctl_auto.engine.install.archives import Archive
from runctl_auto.engine.install.bound_command import CommandResult, Watch
from runctl_auto.engine.install.machine import Machine
from runctl_auto.engine.install.pinned import pinned_version
from runctl_auto.engine.install.work_folder import GIB

BUILT = b"\x7fELF built engine"
DOWNLOADED = b"\x7fELF downloaded engine"
ARCHIVE = Archive("https://get.pulumi.com/releases/sdk/pulumi.tar.gz", "0" * 64)


@dataclass(frozen=True)
class Call:
    command: tuple[str, ...]
    folder: Path
    environ: Mapping[str, str]


@dataclass
class ScriptedCommands:
    """Runs no command; ``answers`` overrides the result of a kind of command (see ``kind_of``)."""

    answers: dict[str, CommandResult | BaseException] = field(default_factory=dict)
    go_versions: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    before: Callable[[str, Call], None] = lambda _kind, _call: None

    def __call__(
        self, command: Sequence[str], *, folder: Path, environ: Mapping[str, str], watch: Watch
    ) -> CommandResult:
        call = Call(tuple(command), folder, dict(environ))
        kind = kind_of(call.command)
        self.calls.append(call)
        self.before(kind, call)
        answer = self.answers.get(kind)
        if isinstance(answer, BaseException):
            raise answer
        result = answer or self._usual(kind, call)
        for line in result.output:
            watch(line)
        watch(None)
        return result

    def kinds(self) -> list[str]:
        return [kind_of(each.command) for each in self.calls]

    def call(self, kind: str) -> Call:
        (found,) = [each for each in self.calls if kind_of(each.command) == kind]
        return found

    def _usual(self, kind: str, call: Call) -> CommandResult:
        if kind == "go env":
            version = self.go_versions.get(call.command[0], "go1.27.3")
            return CommandResult(0, (version, "linux", "amd64"))
        if kind == "go list":
            return CommandResult(0, ("go: downloading example.com/a v1.0.0", "errors", "example.com/a"))
        if kind == "go build":
            _write_engine(Path(call.command[call.command.index("-o") + 1]), BUILT)
            return CommandResult(0, ("errors", "example.com/a"))
        if kind == "download":
            _write_engine(Path(call.command[-2]) / "bin" / "pulumi", DOWNLOADED)
        if kind == "pulumi version":
            return CommandResult(0, (pinned_version(),))
        return CommandResult(0, ())


def kind_of(command: Sequence[str]) -> str:
    """The kind of a command: ``go env``, ``go list``, ``go build``, ``pip version``, ``pip install``,
    ``venv``, ``download`` or ``pulumi version``."""
    if Path(command[0]).name in ("go", "pulumi"):
        return f"{Path(command[0]).name} {command[1]}"
    if command[1:3] == ("-m", "pip"):
        return "pip version" if command[3] == "--version" else "pip install"
    return "venv" if command[1:3] == ("-m", "venv") else "download"


def _write_engine(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)


def scripted_machine(
    run: ScriptedCommands,
    *,
    out_of_reach: str | None = "no answer",
    has_checksum: bool = True,
    free_gib: float = 100,
    clock: Callable[[], float] = lambda: 0.0,
) -> Machine:
    """A machine on which nothing is real; by default the download host does not respond."""
    return Machine(
        run=run,
        clock=clock,
        sleep=lambda _seconds: None,
        free_bytes=lambda _folder: int(free_gib * GIB),
        archive=lambda: ARCHIVE if has_checksum else None,
        why_out_of_reach=lambda _url: out_of_reach,
        python="/opt/python/bin/python3",
        process=lambda: 4711,
    )
