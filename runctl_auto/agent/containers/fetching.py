"""Has an image on the machine: from there, or from its registry, with a login where that needs one."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runctl_auto.agent.containers.runtime import Runtime
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.machine.machine import ProgramResult, RunProgram
from runctl_auto.agent.spec import ContainerSpec, RegistryLogin, SecretSpec

LOOK_SECONDS = 60.0
PAUSES = (3.0, 10.0, 30.0)
"""Seconds before each further try to fetch an image."""
_MOST_TOLD = 600
_FINAL = ("manifest unknown", "not found", "denied", "unauthorized", "no matching manifest", "no space left")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

AwsPassword = Callable[[str], "tuple[str, str]"]
"""User and password of AWS's registry in a region, by the machine's role."""


@dataclass(frozen=True)
class Fetching:
    """``wait`` blocks for some seconds; it raises when the run is to stop meanwhile. ``scratch`` is a folder
    that only the agent reads."""

    runtime: Runtime
    run: RunProgram
    own: Mapping[str, str]
    say: Callable[[str], None]
    wait: Callable[[float], object]
    scratch: Path
    aws_password: AwsPassword | None = None
    architecture: str = ""
    clock: Callable[[], float] = time.monotonic
    popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen

    def image(
        self, spec: ContainerSpec, secrets: Callable[[Sequence[SecretSpec]], Mapping[str, str]]
    ) -> dict[str, Any]:
        """What the runtime knows of the image, once it is there. Blocks; raises AgentError."""
        found = self._known(spec.image)
        if found is None:
            began = self.clock()
            self.say(f"fetching the image {spec.image}")
            with self._logged_in(spec.login, secrets) as variables:
                self._pull(spec.image, variables)
            self.say(f"the image is there after {self.clock() - began:.0f} s")
            found = self._known(spec.image)
        if found is None:
            raise AgentError(f"the image {spec.image} is not on this machine after it was fetched")
        made_for = str(found.get("Architecture") or "")
        here = _ARCHITECTURES.get(self.architecture, self.architecture)
        if made_for and here and made_for != here:
            raise AgentError(f"the image {spec.image} is for {made_for}, and this machine is {here}")
        return found

    def _known(self, image: str) -> dict[str, Any] | None:
        told = self.run(self.runtime.image(image), LOOK_SECONDS)
        if told.code == 127:
            raise AgentError(f"there is no {self.runtime.program} on this machine to run {image} with")
        if told.code != 0:
            return None
        try:
            found = json.loads(told.output)
        except ValueError:
            return None
        return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else None

    def _pull(self, image: str, variables: Mapping[str, str]) -> None:
        for pause in (*PAUSES, None):
            told = self._until_end(self.runtime.pull(image), variables)
            if told.code == 0:
                return
            if pause is None or any(each in told.output.lower() for each in _FINAL):
                raise AgentError(f"the image {image} could not be fetched: {told.output[-_MOST_TOLD:]}")
            self.say(f"the image could not be fetched, again in {pause:.0f} s: {told.output[-_MOST_TOLD:]}")
            self.wait(pause)
        raise AssertionError

    @contextmanager
    def _logged_in(
        self, login: RegistryLogin | None, secrets: Callable[[Sequence[SecretSpec]], Mapping[str, str]]
    ) -> Iterator[Mapping[str, str]]:
        """Variables of a program that fetches. The login is kept in a folder that is deleted afterwards."""
        if login is None:
            yield {}
            return
        username, password = self._credentials(login, secrets)
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        try:
            variables = self.runtime.login_variables(folder)
            words = self.runtime.login(login.registry, username)
            told = self._until_end(words, variables, given=password.encode())
            if told.code != 0:
                said = told.output.replace(password, "***")[-_MOST_TOLD:]
                raise AgentError(f"the registry {login.registry} refused the login of {username}: {said}")
            yield variables
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _credentials(
        self, login: RegistryLogin, secrets: Callable[[Sequence[SecretSpec]], Mapping[str, str]]
    ) -> tuple[str, str]:
        if login.password is not None and login.username is not None:
            return login.username, secrets([login.password])[login.password.name]
        if self.aws_password is None or login.region is None:
            raise AgentError(f"this machine has no role to log in to {login.registry} with")
        return self.aws_password(login.region)

    def _until_end(
        self, words: Sequence[str], variables: Mapping[str, str], *, given: bytes = b""
    ) -> ProgramResult:
        """A program that takes long. When the run is to stop, it is ended."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as standard_input:
            standard_input.write(given)
            standard_input.seek(0)
            try:
                process = self.popen(
                    list(words),
                    stdin=standard_input,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**self.own, **variables},
                )
            except OSError as error:
                return ProgramResult(127, str(error))
            try:
                while process.poll() is None:
                    self.wait(0.2)
            except BaseException:
                process.kill()
                process.wait()
                raise
            output.seek(0)
            return ProgramResult(process.wait(), output.read().decode("utf-8", "replace").strip())
