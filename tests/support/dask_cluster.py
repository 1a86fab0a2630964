"""A Dask cluster of local processes, one engine a worker, whose workers can be killed.

``distributed`` is no package of the tests: it is installed once, into ``$DASK_FOLDER`` or ``.dask/`` in the
checkout, and only processes of the cluster and commands that use it see it.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENT = "distributed==2026.8.0"
FOLDER = "DASK_FOLDER"
_INSTALL_SECONDS = 900
_START_SECONDS = 120
_ADDRESS = re.compile(r"tcp://\S+:\d+")


def dask_packages() -> Path:
    """The folder with the packages, for PYTHONPATH. Blocks while they are installed.

    Raises CalledProcessError when they cannot be had.
    """
    folder = Path(os.environ.get(FOLDER) or ROOT / ".dask").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        packages = folder / f"{REQUIREMENT.replace('==', '-')}-{sys.version_info[0]}.{sys.version_info[1]}"
        if not (packages / ".ready").exists():
            pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            subprocess.run(
                [*pip, "--upgrade", "--target", str(packages), REQUIREMENT],
                check=True,
                timeout=_INSTALL_SECONDS,
            )
            (packages / ".ready").touch()
        return packages


@dataclass
class DaskCluster:
    """A scheduler and its workers, with the environment of a member of a shared cloud."""

    folder: Path
    environment: Mapping[str, str]
    address: str = ""
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    killed: int = 0
    _scheduler: subprocess.Popen[bytes] | None = None

    def start(self, workers: int) -> None:
        """Starts the scheduler and so many workers. Blocks until the scheduler serves."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._scheduler = self._run("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.address = self._served()
        for _ in range(workers):
            self.add()

    def add(self) -> None:
        """Starts one more worker."""
        name = f"worker-{len(self.workers)}"
        self.workers.append(
            self._run(
                "worker",
                self.address,
                *("--nthreads", "1", "--no-nanny", "--no-dashboard", "--resources", "engine=1"),
                *("--name", name, "--local-directory", str(self.folder / name)),
            )
        )

    @property
    def alive(self) -> list[subprocess.Popen[bytes]]:
        return [each for each in self.workers if each.poll() is None]

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kills a worker and starts another in its place."""
        worker.kill()
        worker.wait()
        self.killed += 1
        self.add()

    def stop(self) -> None:
        for each in (*self.workers, *([self._scheduler] if self._scheduler else [])):
            each.kill()
            each.wait()

    def _run(self, part: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = self.folder / f"{part}-{len(self.workers)}.log"
        with log.open("wb") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + part, *arguments],
                cwd=self.folder,
                env={**self.environment, "DASK_DISTRIBUTED__DIAGNOSTICS__NVML": "False"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _served(self) -> str:
        log = self.folder / "scheduler-0.log"
        deadline = time.monotonic() + _START_SECONDS
        while not (found := _ADDRESS.search(log.read_text())):
            assert time.monotonic() < deadline, log.read_text()
            assert self._scheduler is not None
            assert self._scheduler.poll() is None, log.read_text()
            time.sleep(0.2)
        return found[0]
