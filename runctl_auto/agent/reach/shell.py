"""The shell that a person opens beside a job."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from runctl_auto.agent.job.job_environment import DEFAULT_PATH
from runctl_auto.agent.job.job_process import find_program
from runctl_auto.agent.job.job_surroundings import Surroundings


def become_shell(around: Surroundings, program: str, *, as_user_of_job: bool) -> NoReturn:
    """This process becomes the shell; what is typed is not kept in a history file."""
    environment = {**around.environment, b"HISTFILE": b"/dev/null"}
    environment[b"TERM"] = os.environb.get(b"TERM", b"xterm-256color")
    if around.note is not None:
        sys.stderr.write(f"runctl: {around.note}\n")
    path = environment.get(b"PATH", DEFAULT_PATH.encode()).decode("utf-8", "surrogateescape")
    os.chdir(around.folder)
    words = [program, "-i"]
    if around.joining is not None:
        words = around.joining.words(words, around.folder, typed=True)
    found = find_program(words[0], path)
    if as_user_of_job:
        become_user(around)
    os.execve(found, words, environment)  # noqa: S606 - the job's own shell


def become_user(around: Surroundings) -> None:
    """From here on this process is the job's user, if that is another."""
    if around.user is not None and around.group is not None:
        os.setgroups([])
        os.setgid(around.group)
        os.setuid(around.user)
