"""Carries one stack back and forth between the embedded engine and Pulumi's own.

    python tests/interchange.py

Needs a `pulumi` on PATH that is not the embedded engine. Each engine begins once. What one engine has done
the other must read the same way and find nothing to change in; then it is its turn to change the stack. The
stack has secrets in configuration, inputs and outputs, a component, an explicit provider, protection, a
replacement, a renamed resource with an alias, and a destroy that protection stops halfway. In the end nothing
is left.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent
CHECKOUT = TESTS.parent
EMBEDDED = CHECKOUT / "sandbox" / "engine" / "bin" / "pulumi"
PHRASE = "a phrase nobody may read"
SECONDS = 120
PROGRAM = """
import pulumi
from pulumi import Alias, Output, ResourceOptions as Options

class Thing(pulumi.CustomResource):
    out: Output[str]
    def __init__(self, name, opts=None, **inputs):
        super().__init__("toy:index:Thing", name, {"out": None, **inputs}, opts)

class Group(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("toy:index:Group", name, {})
        self.inner = Thing("inner", Options(parent=self), size=2)
        self.register_outputs({"inner": self.inner.out})

class Toys(pulumi.ProviderResource):
    def __init__(self, name, **inputs):
        super().__init__("toy", name, inputs)

config = pulumi.Config()
stage = config.require_int("stage")
phrase = config.require_secret("phrase")
east = Toys("east", region="east", token=phrase)
group = Group("group")
base = Thing("base", key="first" if stage == 1 else "second", phrase=phrase)
kept = Thing(
    "kept",
    Options(parent=group, provider=east, protect=stage != 3, additional_secret_outputs=["out"]),
    size=3,
)
if stage == 1:
    Thing("needs", Options(depends_on=[kept]), ref=base.out)
    Thing("passing", Options(provider=east, retain_on_delete=False), nested={"a": [1, {"b": phrase}]})
else:
    Thing("wants", Options(depends_on=[kept], aliases=[Alias(name="needs")]), ref=base.out)
    timeouts = pulumi.CustomTimeouts(create="5m")
    Thing("later", Options(custom_timeouts=timeouts), nested={"a": [None, True, 1.5]})
pulumi.export("plain", base.out)
pulumi.export("hidden", kept.out)
pulumi.export("phrase", Output.format("<{0}>", phrase))
"""


class InterchangeError(Exception):
    """An engine did not go on with what the other had left: which one, doing what, and what it said."""


@dataclass(frozen=True)
class Engine:
    """An engine's executable."""

    name: str
    executable: Path


def embedded() -> Engine:
    """The engine of this checkout."""
    return Engine("embedded", EMBEDDED)


def pulumi_on_path(environment: Mapping[str, str]) -> Engine | None:
    """The first `pulumi` on PATH that is not an embedded engine, with its version; None without one."""
    for folder in os.get_exec_path(dict(environment)):
        executable = Path(folder) / "pulumi"
        place = executable.resolve()
        if not os.access(executable, os.X_OK) or (place.parents[1] / "deploy" / "operation.py").exists():
            continue
        answer = subprocess.run(
            [executable, "version"], capture_output=True, text=True, check=False, timeout=SECONDS
        )
        if answer.returncode == 0 and answer.stdout.startswith("v3."):
            return Engine(f"pulumi {answer.stdout.strip()}", executable)
    return None


class Stack:
    """One stack, with a provider of toys, that every engine can work on."""

    def __init__(self, folder: Path, provider_port: int) -> None:
        self._folder, self._port = folder, provider_port
        self.done: list[str] = []
        (folder / "state").mkdir()
        (folder / "Pulumi.yaml").write_text(json.dumps({"name": "interchange", "runtime": "python"}))
        (folder / "__main__.py").write_text(PROGRAM)

    def run(self, engine: Engine, *arguments: str, fails: bool = False) -> str:
        """What the engine prints. Raises InterchangeError when it ends otherwise than expected."""
        done = subprocess.run(
            [engine.executable, "--non-interactive", "--color", "never", *arguments],
            cwd=self._folder,
            env=self._environment(engine),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        self.done.append(f"{engine.name}: {' '.join(arguments)}")
        if (done.returncode != 0) is not fails:
            raise InterchangeError(self._told(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"))
        return done.stdout + (done.stderr if fails else "")

    def at_stage(self, engine: Engine, stage: int) -> None:
        """Changes the stack to one of the program's stages."""
        self.run(engine, "config", "set", "stage", str(stage), "--stack", "dev")
        self.run(engine, "up", "--yes", "--skip-preview", "--stack", "dev")

    def must_be_unchanged(self, engine: Engine) -> None:
        """Fails when the engine would change something of what the other one made."""
        nothing = ("--expect-no-changes", "--stack", "dev")
        self.run(engine, "preview", *nothing)
        self.run(engine, "refresh", "--yes", "--skip-preview", *nothing)
        self.run(engine, "up", "--yes", "--skip-preview", *nothing)

    def must_read_alike(self, *engines: Engine) -> None:
        """Fails when the engines tell the state, the secrets in it or its history differently, by a byte."""
        for arguments in (
            ("stack", "export", "--show-secrets"),
            ("stack", "output", "--json", "--show-secrets"),
            ("config", "--json", "--show-secrets"),
            ("stack", "history", "--json", "--show-secrets"),
            ("stack", "ls", "--json"),
        ):
            stack = () if arguments[1] == "ls" else ("--stack", "dev")
            one, other = (self.run(engine, *arguments, *stack).splitlines() for engine in engines)
            if one != other:
                difference = "\n".join(
                    unified_diff(one, other, engines[0].name, engines[1].name, lineterm="")
                )
                raise InterchangeError(self._told(f"the engines read this differently:\n{difference}"))

    def must_hide(self, secret: str) -> None:
        """Fails when a secret is in plain text in any file of the backend or the settings."""
        for path in self._folder.rglob("*"):
            if path.is_file() and secret.encode() in path.read_bytes() and "provider" not in path.parts:
                raise InterchangeError(self._told(f"{path} holds a secret in plain text"))

    def _environment(self, engine: Engine) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PULUMI_")}
        return {
            **kept,
            "PATH": f"{engine.executable.parent}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": (self._folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "open sesame",
            "PULUMI_DEBUG_PROVIDERS": f"toy:{self._port}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self._folder / "pulumi-home"),
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def _told(self, what: str) -> str:
        return "\n".join([*self.done, what])


def carry(folder: Path, first: Engine, second: Engine) -> list[str]:
    """Carries a stack between the engines, `first` making it; what was run, in order.

    Takes a folder that is empty. Raises InterchangeError at the first thing that is not as it must be.
    """
    with _provider(folder / "provider") as port:
        stack = Stack(folder, port)
        stack.run(first, "stack", "init", "dev", "--secrets-provider", "passphrase")
        stack.run(first, "config", "set", "--secret", "phrase", PHRASE, "--stack", "dev")
        stack.at_stage(first, 1)
        _hand_over(stack, first, second)
        stack.at_stage(second, 2)
        _hand_over(stack, second, first)
        stopped = stack.run(first, "destroy", "--yes", "--skip-preview", "--stack", "dev", fails=True)
        if "protect" not in stopped:
            raise InterchangeError(f"{first.name} did not say that protection stopped it:\n{stopped}")
        stack.must_read_alike(first, second)
        stack.at_stage(second, 2)
        _hand_over(stack, second, first)
        stack.at_stage(first, 3)
        _hand_over(stack, first, second)
        stack.run(second, "destroy", "--yes", "--skip-preview", "--stack", "dev")
        stack.must_read_alike(first, second)
        stack.run(first, "stack", "rm", "--yes", "dev")
        left = json.loads((folder / "provider" / "cloud.json").read_text())
        if left:
            raise InterchangeError(f"after destroy the cloud still holds {sorted(left)}")
        return stack.done


def _hand_over(stack: Stack, giver: Engine, taker: Engine) -> None:
    stack.must_read_alike(giver, taker)
    stack.must_hide(PHRASE)
    stack.must_be_unchanged(taker)


@contextmanager
def _provider(folder: Path) -> Iterator[int]:
    folder.mkdir()
    (folder / "cloud.json").write_text("{}")
    command: list[Any] = [sys.executable, TESTS / "support" / "toy_provider.py", folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


def main() -> int:
    """Carries a stack in both directions and prints what was done."""
    other = pulumi_on_path(os.environ)
    if other is None:
        print("no `pulumi` on PATH but the embedded engine: nothing to carry a stack to", file=sys.stderr)
        return 1
    for engines in ((embedded(), other), (other, embedded())):
        with tempfile.TemporaryDirectory(prefix="interchange-") as folder:
            try:
                done = carry(Path(folder), *engines)
            except InterchangeError as error:
                print(error, file=sys.stderr)
                return 1
        print(f"{engines[0].name} began, {engines[1].name} ended: {len(done)} commands, nothing different")
    return 0


if __name__ == "__main__":
    sys.exit(main())
