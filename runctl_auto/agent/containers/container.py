"""The container of a run: fetched once, kept while the agent lives, and what runs the job's scripts in it.

Its first process reads from the agent. When the agent ends it, or is killed, that input is closed, the first
process leaves, and the kernel ends all others of the container.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runctl_auto.agent.containers.apart import Apart
from runctl_auto.agent.containers.fetching import Fetching
from runctl_auto.agent.containers.runtime import READY, Runtime, Wanted, is_clients_own, without_nested
from runctl_auto.agent.errors import AgentError, ScriptNotStartedError
from runctl_auto.agent.job.exit_codes import NOT_EXECUTABLE
from runctl_auto.agent.job.job_process import Job, JobProcess, JobRecord, started
from runctl_auto.agent.job.job_tree import JobTree
from runctl_auto.agent.machine.machine import RunProgram
from runctl_auto.agent.spec import ContainerSpec, SecretSpec
from runctl_auto.agent.start.config import write_private

START_SECONDS = 120.0
END_SECONDS = 20.0
STAYS_SECONDS = 20.0
"""How long a runtime's program may take to tell the exit code of a script that has ended."""


@dataclass(frozen=True)
class Places:
    """Where the agent keeps what it does with the container: the job's work folder, the file of its output,
    the record of its processes, and the record of the container for others."""

    work: Path
    output: Path
    processes: Path
    record: Path


@dataclass
class Container:
    """The container of one run. ``own`` are variables of the agent, by which the runtime's program finds its
    way; ``wanted`` says how it is made, but for what it shares."""

    spec: ContainerSpec
    runtime: Runtime
    wanted: Wanted
    places: Places
    apart: Apart
    fetching: Fetching
    run: RunProgram
    say: Callable[[str], None]
    own: Mapping[str, str]
    clock: Callable[[], float] = time.monotonic
    popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
    _image: dict[str, Any] = field(default_factory=dict)
    _secret: frozenset[str] = frozenset()

    def fetch(self, secrets: Callable[[Sequence[SecretSpec]], Mapping[str, str]]) -> None:
        """Has the image on this machine, and no container of an earlier agent. Blocks; raises AgentError that
        names the image, or as ``wait`` of ``Fetching`` does."""
        self.run(self.runtime.remove(self.wanted.name), END_SECONDS)
        self._image = self.fetching.image(self.spec, secrets)

    @property
    def environment(self) -> dict[str, str]:
        """The image's own variables; those of the container, before the job's."""
        pairs = (str(each).partition("=") for each in self._image.get("Config", {}).get("Env") or ())
        return {name: value for name, _, value in pairs if name}

    def share(self, paths: Iterable[Path], secrets: Iterable[str]) -> None:
        """What of this machine the container has, at the same paths; where links lead to, too. ``secrets``
        are the names of variables that no argument may show. Called before the first script."""
        present = [each for path in paths for each in (path, path.resolve()) if each.exists()]
        self.wanted = replace(self.wanted, shared=without_nested((*self.wanted.shared, *present)))
        self._secret = frozenset(secrets)
        wrong = sorted(name for name in self._secret if is_clients_own(name))
        if wrong:
            raise AgentError(f"secrets of a job in a container cannot be named {', '.join(wrong)}")

    def start(self, script: str, environment: Mapping[str, str], shell: Sequence[str], tree: JobTree) -> Job:
        """Runs `shell -c script` in the container, which is made first if need be."""
        if self.apart.keeper is None:
            self._make(tree)
        elif self.apart.keeper.poll() is not None:
            raise AgentError(f"the container of {self.spec.image} has ended by itself")
        image = self.environment
        given = {name: value for name, value in environment.items() if image.get(name) != value}
        begin = self.runtime.execute(self.wanted.name, self.places.work, given, self.wanted.user)
        self._tell_others(given)
        try:
            client = started(
                [*begin, *shell, "-c", script],
                {**self.own, **{name: value for name, value in given.items() if not is_clients_own(name)}},
                self.places.work,
                self.places.output,
            )
        except OSError as error:
            raise ScriptNotStartedError(
                f"{self.runtime.program} could not be started: {error}", NOT_EXECUTABLE
            ) from error
        self.apart.clients = [*self.apart.clients, client]
        return JobProcess(client, JobRecord(self.places.processes), tree, stays_for=STAYS_SECONDS)

    def close(self) -> None:
        """Ends the container and all in it. Idempotent; blocks."""
        keeper = self.apart.keeper
        if keeper is None:
            return
        if keeper.stdin is not None:
            with suppress(OSError):
                keeper.stdin.close()
        try:
            keeper.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()
        self.run(self.runtime.remove(self.wanted.name), END_SECONDS)
        self.places.record.unlink(missing_ok=True)
        self.apart.end()

    def _make(self, tree: JobTree) -> None:
        command = self.runtime.keep(self.spec.image, self.wanted)
        with self.places.output.open("ab") as log:
            keeper = self.popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(self.own),
                start_new_session=True,
            )
        self.apart.keeper = keeper
        try:
            self._await_ready(keeper)
            self.apart.begin(self._first_process(), tree.table.processes())
        except BaseException:
            self.close()
            raise
        self.say(f"the job runs in a container of {self.spec.image}")

    def _first_process(self) -> int:
        told = self.run(self.runtime.container(self.wanted.name), START_SECONDS)
        if told.code != 0 or not told.output.strip().isdigit():
            raise AgentError(f"the container of {self.spec.image} cannot be looked at: {told.output}")
        return int(told.output)

    def _await_ready(self, keeper: subprocess.Popen[bytes]) -> None:
        assert keeper.stdout is not None  # noqa: S101
        number, found = keeper.stdout.fileno(), b""
        os.set_blocking(number, False)
        give_up = self.clock() + START_SECONDS
        while READY not in found:
            with suppress(BlockingIOError):
                part = os.read(number, 4096)
                found += part
                if not part:
                    break
            if self.clock() >= give_up:
                break
            self.fetching.wait(0.05)
        if READY not in found:
            raise AgentError(
                f"the container of {self.spec.image} did not start; it needs `sh` and `cat`, and what the "
                "runtime says of it is in the log"
            )

    def _tell_others(self, given: Mapping[str, str]) -> None:
        """Names only: the values are in the memory of the script's client."""
        found = {
            "program": self.runtime.program,
            "podman": self.runtime.is_podman,
            "name": self.wanted.name,
            "user": self.wanted.user,
            "variables": {key: value if is_clients_own(key) else None for key, value in given.items()},
        }
        with suppress(OSError):
            write_private(self.places.record, json.dumps(found))
