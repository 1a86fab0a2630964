"""Amazon's Session Manager plugin, where it is installed: the command that serves an opened session."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Mapping

from runctl_auto.providers.aws.sessions.handshake import version_of
from runctl_auto.providers.reach import ClientCommand, OpenedSession

PROGRAM = "session-manager-plugin"
_VARIABLE = "AWS_SSM_START_SESSION_RESPONSE"
_FIRST_WITH_VARIABLE = (1, 2, 497, 0)
"""From this version on the session's token is passed in the environment, not as an argument that all users of
the machine can read."""
_VERSION_SECONDS = 10.0


def _told_version(plugin: str) -> str:
    """What ``plugin`` prints of its version; empty when it cannot be run. Blocks for a moment."""
    try:
        return subprocess.run(
            [plugin, "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def find_plugin(
    environ: Mapping[str, str] = os.environ, told_version: Callable[[str], str] = _told_version
) -> str | None:
    """The plugin on PATH; None without one, or with one that takes tokens as arguments only."""
    found = shutil.which(PROGRAM, path=environ.get("PATH"))
    if found is None:
        return None
    return found if version_of(told_version(found).strip()) >= _FIRST_WITH_VARIABLE else None


def plugin_command(
    plugin: str,
    session: OpenedSession,
    *,
    region: str,
    endpoint: str | None,
    environ: Mapping[str, str] = os.environ,
) -> ClientCommand:
    """The plugin as the AWS CLI starts it for ``session``."""
    name = f"{_VARIABLE}_{secrets.token_hex(8)}"
    answer = {"SessionId": session.id, "TokenValue": session.token, "StreamUrl": session.url}
    request = {"Target": session.machine}
    address = endpoint or f"https://ssm.{region}.amazonaws.com"
    arguments = (
        plugin,
        name,
        region,
        "StartSession",
        environ.get("AWS_PROFILE", ""),
        json.dumps(request),
        address,
    )
    return ClientCommand(arguments, {name: json.dumps(answer)})
