"""The start command of a pod, and the variables that it reads: the counterpart of a machine's user data."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from runctl_auto.agent.machine.pod_identity import BOOT, CONFIG
from runctl_auto.agent.start.user_data import MODULES, packed_sources

POD_MODULES = (
    *MODULES,
    "machine.pod_identity",
    "machine.own_pod",
    "start.pod_bootstrap",
)
"""The modules that the variable carries; each imports only those before it."""
LIMIT_BYTES = 64 * 1024
"""Of the variables of a pod; the API states none, and a process's environment has twice as much at least."""

_START = (
    "import base64,io,os,sys,tarfile;"
    "folder='/tmp/runctl';"
    "folder=os.environ.get('RUNCTL_ROOT','')+folder;"
    f"tarfile.open(fileobj=io.BytesIO(base64.b64decode(os.environ['{BOOT}']))).extractall(folder);"
    "os.chdir(folder);"
    "os.execv(sys.executable,[sys.executable,'-s','-m','runctl_auto.agent.start.pod_bootstrap'])"
)


def start_command() -> str:
    """The arguments of the container, as a shell would read them. The image needs a ``python3`` of 3.9."""
    return shlex.join(["python3", "-c", _START])


def start_variables(config: Mapping[str, object]) -> dict[str, str]:
    """What the start command reads. ``config`` is a `UserDataJson`. The same on any machine.

    Raises ValueError when they are too large.
    """
    variables = {
        CONFIG: json.dumps(config, sort_keys=True),
        BOOT: packed_sources(POD_MODULES).replace("\n", ""),
    }
    size = sum(len(name) + len(value) for name, value in variables.items())
    if size > LIMIT_BYTES:
        raise ValueError(f"the variables of the pod have {size} bytes, more than {LIMIT_BYTES}")
    return variables
