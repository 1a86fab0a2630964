"""The Pulumi engine for tests, and small projects to run with it."""

from __future__ import annotations

import os
import subprocess
import textwrap
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from support.engine_root import engine_root

_RUN_SECONDS = 180


@dataclass
class Project:
    """A Pulumi project with a stack ``dev`` and its own backend."""

    folder: Path
    environment: Mapping[str, str]
    engine: Path = field(default_factory=engine_root)

    @classmethod
    def create(cls, folder: Path, program: str, engine: Path | None = None) -> Project:
        """Create a project in ``folder`` with the program text ``program``, and its stack."""
        folder.mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text(f"name: {folder.name}\nruntime: python\n")
        (folder / "__main__.py").write_text(textwrap.dedent(program))
        state = folder.parent / f"{folder.name}-state"
        state.mkdir()
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")},
            "PULUMI_HOME": str(folder.parent / "pulumi-home"),
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "NO_COLOR": "1",
        }
        project = cls(folder, environment, engine or engine_root())
        assert project.pulumi({}, "stack", "init", "dev").returncode == 0
        return project

    def command(self, *arguments: str) -> list[str]:
        """The engine's command line; it is run in the project's folder."""
        stack = () if arguments[0] == "stack" else ("--stack", "dev")
        return [str(self.engine / "bin" / "pulumi"), *arguments, *stack, "--non-interactive"]

    def start(self, more: Mapping[str, str], *arguments: str) -> subprocess.Popen[str]:
        """Start the engine on this project; standard error is redirected to standard output."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pulumi(self, more: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the engine on this project; its output is in ``stdout``."""
        process = self.start(more, *arguments)
        try:
            output, _ = process.communicate(timeout=_RUN_SECONDS)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, output)


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Wait until ``condition`` holds; fail the test when it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    """Whether the process is running; a zombie is not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")
