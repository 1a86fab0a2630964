"""Verbs that mean nothing for a job of this machine, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping

from runctl_auto.errors import NotSupportedError

REFUSED: Mapping[str, tuple[str, str]] = {
    "protect": (
        "it has no volume and no bucket to protect",
        "`runctl down` brings the artifacts home before it deletes the folder.",
    ),
    "unprotect": ("nothing of it is protected", "`runctl down JOB` deletes it."),
    "unlock": (
        "its locks are the system's, and end with the process that holds them",
        "Repeat the command that was refused; `runctl ps JOB` shows what still runs.",
    ),
    "drift": (
        "it has no state that something could differ from",
        "`runctl status JOB` tells whether its agent lives.",
    ),
    "env": ("it has no stack for plain `pulumi`", "`runctl outputs JOB` tells where its files are."),
    "forward": (
        "its ports are this machine's own",
        "Connect to 127.0.0.1 and the port that it listens on.",
    ),
    "watch": (
        "it is started by whoever ends before it, and needs no watcher",
        "`runctl up JOB.yaml` follows it, and starts it again when its agent was killed.",
    ),
    "data status": ("it has no volumes", "Its data are in the work folder."),
}
"""By the command as it is typed: the reason, and what to do instead."""


def refuse_by_name(command: str, job: str) -> None:
    """Raises ``NotSupportedError`` for a verb of ``REFUSED``."""
    found = REFUSED.get(command)
    if found is None:
        return
    why, instead = found
    raise NotSupportedError(
        f"`runctl {command}` is not for a job of this machine, which '{job}' is: {why}.",
        where={"job": job, "provider": "local"},
        next_step=instead,
    )
