"""Ends the hosts of a killed hosts process."""

import subprocess
import sys
from pathlib import Path

from sandbox.supervisor.part_process import clean_environment

HOSTS_SCRIPT = Path(__file__).resolve().parents[1] / "hosts" / "serve.py"
_SECONDS = 60.0


class HostsRemain(Exception):
    """Hosts of a cloud could not be ended; the message has the output of the attempt."""


def stop_left_hosts(cloud_folder: Path) -> None:
    """End all running hosts of this cloud; blocks until they have ended. Raises HostsRemain."""
    for folder in (cloud_folder, cloud_folder / "runpod"):
        if (folder / "hosts").is_dir():
            _stop(folder)


def _stop(folder: Path) -> None:
    try:
        subprocess.run(
            [sys.executable, "-I", str(HOSTS_SCRIPT), "--stop-hosts", "--folder", str(folder)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=folder,
            env=clean_environment({}),
            timeout=_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise HostsRemain(error.stderr.decode(errors="replace")[-1000:].strip()) from error
    except subprocess.TimeoutExpired as error:
        raise HostsRemain(f"not ended after {_SECONDS:.0f} s") from error
