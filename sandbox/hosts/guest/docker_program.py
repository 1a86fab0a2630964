"""`docker` and `podman`: containers are processes of the host, whatever their image. What was asked is kept.

An image is there once it was fetched; one with `private` in its name needs a login. The first process of a
container is the command's own; with its end all others are killed, as the kernel does it for a namespace.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sandbox.hosts.guest.layout import HostLayout
from sandbox.hosts.guest.program_options import parse
from sandbox.hosts.guest.stand_in import UsageError

_RUN_FLAGS = ("--rm", "-i", "--interactive")
_RUN_VALUES = (
    "--name", "--pull", "--log-driver", "--network", "--security-opt", "--label", "--shm-size", "--ulimit",
    "--gpus", "--device", "--user", "--userns", "--mount", "--workdir", "--entrypoint",
)  # fmt: skip
_OF_EVERY_IMAGE = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "RUNCTL_ROOT")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_NO_CONTAINER = 1


def main(_name: str, arguments: list[str]) -> int:
    store = Store(HostLayout.of_environment().root / "var/lib/docker")
    store.note(arguments)
    if arguments[:1] in (["--version"], ["info"]):
        sys.stdout.write('{"ServerVersion": "sandbox"}\n' if arguments[0] == "info" else "Docker (sandbox)\n")
        return 0
    if arguments[:2] == ["image", "inspect"]:
        return _inspect_image(store, arguments[2:])
    command = _COMMANDS.get(arguments[0] if arguments else "")
    if command is None:
        raise UsageError(f"'docker {' '.join(arguments[:1])}' is not supported by sandbox hosts")
    return command(store, arguments[1:])


class Store:
    """What the program keeps: `asked.jsonl` has a line for each command, `images` and `containers` what there
    is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._images = folder / "images"
        self._containers = folder / "containers"
        for each in (self._images, self._containers):
            each.mkdir(parents=True, exist_ok=True)

    def note(self, arguments: list[str]) -> None:
        with (self._folder / "asked.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(arguments) + "\n")

    def add_image(self, image: str) -> None:
        (self._images / _file_name(image)).write_text(image, encoding="utf-8")

    def has_image(self, image: str) -> bool:
        return (self._images / _file_name(image)).exists()

    def container(self, name: str) -> Path:
        """The folder of a container; it exists as long as the container does."""
        return self._containers / _file_name(name)

    def first_process(self, name: str) -> int | None:
        with suppress(OSError, ValueError):
            return int((self.container(name) / "pid").read_text(encoding="ascii"))
        return None


def _file_name(text: str) -> str:
    return "".join(sign if sign.isalnum() or sign in ".-_" else "+" for sign in text)


def _pull(store: Store, arguments: list[str]) -> int:
    (image,) = parse(arguments, ("-q", "--quiet")).words
    registry = image.partition("/")[0]
    if "private" in image.partition("@")[0].split("/") and registry not in _logins():
        return _error(f"Error response from daemon: pull access denied for {image}: denied")
    store.add_image(image)
    sys.stdout.write(f"{image}\n")
    return 0


def _login(_store: Store, arguments: list[str]) -> int:
    found = parse(arguments, ("--password-stdin",), ("-u", "--username"))
    password = sys.stdin.read().strip()
    if not found.has("--password-stdin") or not password or password == "wrong":  # noqa: S105
        return _error("Error response from daemon: unauthorized: incorrect username or password")
    (registry,) = found.words
    file = _login_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"auths": {each: {} for each in (*_logins(), registry)}}), encoding="utf-8")
    sys.stdout.write("Login Succeeded\n")
    return 0


def _login_file() -> Path:
    folder = os.environ.get("DOCKER_CONFIG")
    return Path(folder or Path(os.environ.get("HOME", "/root")) / ".docker") / "config.json"


def _logins() -> list[str]:
    try:
        return list(json.loads(_login_file().read_text(encoding="utf-8"))["auths"])
    except (OSError, ValueError, KeyError):
        return []


def _inspect_image(store: Store, arguments: list[str]) -> int:
    (image,) = arguments
    if not store.has_image(image):
        return _error(f"Error response from daemon: No such image: {image}")
    environment = [f"{name}={os.environ[name]}" for name in _OF_EVERY_IMAGE if name in os.environ]
    machine = platform.machine()
    found = {
        "Id": image,
        "Architecture": _ARCHITECTURES.get(machine, machine),
        "Config": {"Env": environment},
    }
    sys.stdout.write(json.dumps([found]) + "\n")
    return 0


def _inspect(store: Store, arguments: list[str]) -> int:
    (name,) = parse(arguments, (), ("--type", "--format")).words
    pid = store.first_process(name)
    if pid is None:
        return _error(f"Error response from daemon: No such container: {name}")
    sys.stdout.write(f"{pid}\n")
    return 0


def _remove(store: Store, arguments: list[str]) -> int:
    for name in parse(arguments, ("-f", "--force", "-v", "--volumes")).words:
        pid = store.first_process(name)
        if pid is None:
            _error(f"Error response from daemon: No such container: {name}")
            continue
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _end_all(store.container(name))
        sys.stdout.write(f"{name}\n")
    return 0


def _run(store: Store, arguments: list[str]) -> int:
    found = parse(arguments, _RUN_FLAGS, _RUN_VALUES, words_end=True)
    image, *words = found.words
    name = found.value("--name") or f"container-{os.getpid()}"
    if not store.has_image(image):
        return _error(f"docker: Error response from daemon: No such image: {image}.", 125)
    for each in found.values.get("--mount", ()):
        source = next(part for part in each.split(",") if part.startswith("source=")).removeprefix("source=")
        if not Path(source).exists():
            return _error(
                f"docker: Error response from daemon: bind source path does not exist: {source}", 125
            )
    folder = store.container(name)
    try:
        folder.mkdir()
    except FileExistsError:
        return _error(f"docker: Error response from daemon: the name {name} is already in use", 125)
    first = subprocess.Popen([found.value("--entrypoint") or "sh", *words], start_new_session=True)
    (folder / "pid").write_text(str(first.pid), encoding="ascii")
    try:
        return first.wait()
    finally:
        _end_all(folder)


def _end_all(folder: Path) -> None:
    """Kills what runs in a container that has ended, and forgets it."""
    for file in folder.glob("exec-*"):
        with suppress(ProcessLookupError, PermissionError, ValueError):
            os.killpg(int(file.name.removeprefix("exec-")), signal.SIGKILL)
        file.unlink(missing_ok=True)
    (folder / "pid").unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _execute(store: Store, arguments: list[str]) -> int:
    found = parse(arguments, ("-i", "--interactive"), ("--workdir", "--user", "-e", "--env"), words_end=True)
    name, *words = found.words
    folder = store.container(name)
    if store.first_process(name) is None:
        return _error(f"Error response from daemon: No such container: {name}", _NO_CONTAINER)
    environment = {key: value for key, value in os.environ.items() if _is_the_hosts(key)}
    for each in (*found.values.get("--env", ()), *found.values.get("-e", ())):
        key, sign, value = each.partition("=")
        if sign or key in os.environ:
            environment[key] = value if sign else os.environ[key]
    try:
        process = subprocess.Popen(
            words,
            cwd=found.value("--workdir"),
            env=environment,
            stdin=None if found.has("-i", "--interactive") else subprocess.DEVNULL,
            start_new_session=True,
        )
    except FileNotFoundError:
        return _error(f"OCI runtime exec failed: exec: {words[0]}: executable file not found in $PATH", 127)
    mark = folder / f"exec-{process.pid}"
    with suppress(OSError):
        mark.touch()
    code = process.wait()
    mark.unlink(missing_ok=True)
    return 128 - code if code < 0 else code


def _is_the_hosts(name: str) -> bool:
    """What every image of a host has, and what tells the sandbox whose processes these are."""
    return name in _OF_EVERY_IMAGE or name.startswith("RUNCTL_SANDBOX")


def _error(text: str, code: int = 1) -> int:
    sys.stderr.write(f"{text}\n")
    return code


_COMMANDS: dict[str, Callable[[Store, list[str]], int]] = {
    "pull": _pull,
    "login": _login,
    "inspect": _inspect,
    "rm": _remove,
    "run": _run,
    "exec": _execute,
}
