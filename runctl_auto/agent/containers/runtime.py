"""The command lines of docker and podman, as far as the agent needs them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

KEEPER = (
    "trap '' TERM INT HUP; exec 3<&0; cat <&3 >/dev/null & echo ready; "
    "while kill -0 $! 2>/dev/null; do wait $!; done"
)
"""The container's first process. It ends, and the kernel with it all others, when its input is closed: when
the agent wants that, and when the agent is dead. It reaps what others leave."""
READY = b"ready"
_CLIENTS_OWN = ("DOCKER_", "CONTAINER", "LD_", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR")


@dataclass(frozen=True)
class Runtime:
    """A container runtime by the path of its program."""

    program: str
    is_podman: bool = False

    def pull(self, image: str) -> list[str]:
        return [self.program, "pull", "--quiet", image]

    def login(self, registry: str, username: str) -> list[str]:
        """Reads the password from standard input."""
        return [self.program, "login", "--username", username, "--password-stdin", registry]

    def login_variables(self, folder: Path) -> dict[str, str]:
        """Variables with which a login is kept in ``folder`` and read from there."""
        if self.is_podman:
            return {"REGISTRY_AUTH_FILE": str(folder / "auth.json")}
        return {"DOCKER_CONFIG": str(folder)}

    def image(self, image: str) -> list[str]:
        """Prints what is known of an image of this machine, as JSON: a list of one."""
        return [self.program, "image", "inspect", image]

    def container(self, name: str) -> list[str]:
        """Prints the number of the container's first process."""
        return [self.program, "inspect", "--type", "container", "--format", "{{.State.Pid}}", name]

    def remove(self, name: str) -> list[str]:
        """Ends it first; no error where there is none."""
        return [self.program, "rm", "--force", "--volumes", name]

    def keep(self, image: str, wanted: Wanted) -> list[str]:
        """Keeps a container while this command's standard input is open; prints ``ready``."""
        words = [self.program, "run", "--rm", "--interactive", "--name", wanted.name, "--pull", "never"]
        words += ["--log-driver", "none", "--network", "host", "--security-opt", "label=disable"]
        words += [f"--label=runctl.{key}={value}" for key, value in wanted.labels.items()]
        words += ["--shm-size", str(wanted.shared_memory)] if wanted.shared_memory else []
        words += ["--ulimit", "memlock=-1:-1"] if wanted.locks_memory else []
        words += self._gpus(wanted.gpus)
        words += ["--userns", "keep-id"] if wanted.as_caller and self.is_podman else []
        words += ["--user", wanted.user] if wanted.user is not None else []
        for path in wanted.shared:
            words += ["--mount", _mount(path)]
        return [*words, "--workdir", str(wanted.work), "--entrypoint", "sh", image, "-c", KEEPER]

    def execute(self, name: str, work: Path, given: Mapping[str, str], user: str | None) -> list[str]:
        """Begins a command in the container ``name``; the command's own words follow. The values of ``given``
        come from the variables of this command itself, but for those by which it finds its own way."""
        named = {key: value if is_clients_own(key) else None for key, value in given.items()}
        return self.join(name, work, named, user)

    def join(
        self,
        name: str,
        work: Path,
        variables: Mapping[str, str | None],
        user: str | None,
        *,
        with_input: bool = False,
        with_terminal: bool = False,
    ) -> list[str]:
        """As ``execute``: a variable without a value has that of this command's own."""
        words = [self.program, "exec", *(["--interactive"] if with_input else [])]
        words += ["--tty"] if with_terminal else []
        words += ["--workdir", str(work), *(["--user", user] if user is not None else [])]
        for key, value in variables.items():
            words += ["--env", key if value is None else f"{key}={value}"]
        return [*words, name]

    def _gpus(self, gpus: str | None) -> list[str]:
        if gpus is None:
            return []
        if self.is_podman:
            return [f"--device=nvidia.com/gpu={each}" for each in gpus.split(",")]
        return ["--gpus", "all" if gpus == "all" else f'"device={gpus}"']


@dataclass(frozen=True)
class Wanted:
    """How the container is made. ``shared`` are folders and files that it has at the same paths. ``user`` is
    as docker has it, None: the image's, or with ``as_caller`` the one who calls. ``gpus``: ``all``, numbers
    separated by commas, or None. ``shared_memory`` is the size of /dev/shm in bytes, 0: the runtime's own.
    """

    name: str
    work: Path
    labels: Mapping[str, str]
    shared: Sequence[Path]
    user: str | None = None
    as_caller: bool = False
    gpus: str | None = None
    shared_memory: int = 0
    locks_memory: bool = False


def is_clients_own(name: str) -> bool:
    """Whether a variable of this name would change what the runtime's program does."""
    return name in ("PATH", "HOME") or name.startswith(_CLIENTS_OWN)


def _mount(path: Path) -> str:
    """As docker reads it: fields of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(["type=bind", f"source={path}", f"target={path}"])
    return text.getvalue()


def without_nested(paths: Iterable[Path]) -> list[Path]:
    """Those that do not lie in another of them, each once, in order."""
    found: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(each) for each in found):
            found.append(path)
    return found
