"""The container runtime of this machine: docker or podman, whichever answers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence

from runctl_auto.agent.local.in_container import LocalRuntime
from runctl_auto.agent.machine.machine import ProgramResult, run_program
from runctl_auto.errors import NotSupportedError
from runctl_auto.job_file.image_reference import ImageReference

Run = Callable[[Sequence[str], float], ProgramResult]
_SECONDS = 20.0


def find_runtime(
    job: str,
    environ: Mapping[str, str],
    *,
    run: Run = run_program,
    which: Callable[[str], str | None] = shutil.which,
    uid: int = os.getuid(),
    gid: int = os.getgid(),
) -> LocalRuntime:
    """The runtime that jobs of this machine use. Blocks until one has answered.

    Raises ``NotSupportedError`` where there is none, or docker is on another machine.
    """
    where = {"job": job, "field": "image", "provider": "local"}
    tried = []
    for name in ("docker", "podman"):
        program = which(name)
        if program is None:
            tried.append(f"{name} is not installed")
            continue
        is_podman = "podman" in run((program, "--version"), _SECONDS).output.lower()
        told = run((program, "info", "--format", "{{json .}}"), _SECONDS)
        if told.code != 0 or _has_server_errors(told.output):
            tried.append(f"{name} does not answer: {(told.output.splitlines() or [''])[-1][:200]}")
            continue
        if not is_podman and not (environ.get("DOCKER_HOST") or "unix://").startswith("unix://"):
            tried.append("DOCKER_HOST is not this machine")
            continue
        return _runtime(program, told.output, is_podman=is_podman, uid=uid, gid=gid)
    raise NotSupportedError(
        f"Job '{job}' is to run in a container, and this machine has nothing to run it: {'; '.join(tried)}.",
        where=where,
        next_step="Install docker or podman, and let it run for you. Without an image the job has this "
        "machine's own system.",
    )


def present_image(runtime: LocalRuntime, image: ImageReference, run: Run = run_program) -> str | None:
    """The id of an image that is on this machine already, under the name ``image``; None when it is not."""
    told = run(runtime.runtime.image(str(image)), _SECONDS)
    if told.code != 0:
        return None
    try:
        found = json.loads(told.output)
        identity = str(found[0]["Id"])
    except (ValueError, KeyError, IndexError, TypeError):
        return None
    return identity if identity.startswith("sha256:") else f"sha256:{identity}"


def _runtime(program: str, told: str, *, is_podman: bool, uid: int, gid: int) -> LocalRuntime:
    """Whom the job is in the container: files that it makes are to be the person's."""
    if uid == 0:
        return LocalRuntime(program, is_podman, "0:0")
    if is_podman:
        return LocalRuntime(program, is_podman, None, as_caller=True)
    is_rootless = "rootless" in told
    return LocalRuntime(program, is_podman, "0:0" if is_rootless else f"{uid}:{gid}")


def _has_server_errors(text: str) -> bool:
    """docker's client tells of a server that does not answer with exit code 0, in some versions."""
    try:
        found = json.loads(text.splitlines()[-1])
    except (ValueError, IndexError):
        return False
    return isinstance(found, dict) and bool(found.get("ServerErrors"))
