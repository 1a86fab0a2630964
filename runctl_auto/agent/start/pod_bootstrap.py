"""First process of a pod: brings the agent, keeps it running, and ends the pod at its hard deadline.

What a machine's service manager and its timer do, this process does in a container. Started from the variable
that carries its sources; a failure to start is reported, and ends the pod.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.errors import AgentError, IntegrityError
from runctl_auto.agent.machine.own_pod import OwnPod
from runctl_auto.agent.machine.pod_identity import CONFIG, DEADLINE_FILE, PodIdentity
from runctl_auto.agent.start.bootstrap import Bootstrap, run_program, say
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.web import Web

LOOK_SECONDS = 1.0
RESTART_SECONDS = 5.0


@dataclass(frozen=True)
class Supervision:
    """Keeps the agent running. `start` starts it; `deadline` is when the pod must end, None for never."""

    start: Callable[[], subprocess.Popen[bytes]]
    deadline: Callable[[], float | None]
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep

    def run(self) -> bool:
        """Blocks until the agent has ended by itself: True; or the deadline has come: False."""
        while True:
            agent = self.start()
            code = self._followed(agent)
            if code is None:
                agent.kill()
                agent.wait()
                return False
            if code == 0:
                return True
            say(f"the agent ended with {code}; it is started again")
            self.sleep(RESTART_SECONDS)

    def _followed(self, agent: subprocess.Popen[bytes]) -> int | None:
        """The agent's exit code; None at the deadline."""
        while True:
            try:
                return agent.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                ends = self.deadline()
                if ends is not None and self.clock() >= ends:
                    return None


def bring_agent(bootstrap: Bootstrap, home: Path, booted_at: float) -> Path:
    """The agent's bundle, downloaded, verified and configured. Raises AgentError or OSError."""
    agent = bootstrap.config["agent"]
    data = bootstrap.fetch(agent["key"])
    found = hashlib.sha256(data).hexdigest()
    if found != agent["sha256"]:
        raise IntegrityError(f"the agent has sha256 {found}, expected {agent['sha256']}")
    home.mkdir(parents=True, exist_ok=True)
    bundle = home / f"agent-{found}.pyz"
    bundle.write_bytes(data)
    told = json.dumps({**bootstrap.config, "booted_at": booted_at})
    code = bootstrap.run([sys.executable, str(bundle), "configure"], told)
    if code != 0:
        raise AgentError(f"the agent could not be configured (exit code {code})")
    return bundle


def deadline_of(config: Mapping[str, object], home: Path, booted_at: float) -> float | None:
    """When the pod must end: by the run's limit, or earlier by its budget, which the agent reckons."""
    limit = config.get("deadline_seconds")
    known = [] if limit is None else [booted_at + float(str(limit))]
    with suppress(OSError, ValueError):
        known.append(float((home / DEADLINE_FILE).read_text()))
    return min(known, default=None)


def booted_at_of(home: Path) -> float:
    """When the pod first started: its container may be started again."""
    marker = home / "booted-at"
    try:
        return float(marker.read_text())
    except (OSError, ValueError):
        now = time.time()
    home.mkdir(parents=True, exist_ok=True)
    marker.write_text(str(now))
    return now


def main() -> int:
    """The exit code; 0 also when the deadline ended the pod."""
    config = json.loads(os.environ[CONFIG])
    root = Path(os.environ.get("RUNCTL_ROOT") or "/")
    home = root / "var/lib/runctl"
    booted_at = booted_at_of(home)
    web = Web(os.environ.get("AWS_CA_BUNDLE"))
    bucket = Bucket(config["bucket"], config["region"], config["account"], os.environ.get("AWS_ENDPOINT_URL"))
    requests = S3Requests(web, bucket, PodIdentity(os.environ).credentials)
    bootstrap = Bootstrap(config, root, requests, run_program)
    pod = OwnPod(web, os.environ, say)
    try:
        bundle = bring_agent(bootstrap, home, booted_at)
    except (AgentError, OSError) as error:
        message = f"the agent could not be started: {error}"
        say(message)
        bootstrap.report(message)
        pod.end()
        return 1

    running: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        running[:] = [subprocess.Popen([sys.executable, str(bundle)])]
        return running[0]

    def stop(*_: object) -> None:
        for each in running:
            each.terminate()

    signal.signal(signal.SIGTERM, stop)
    if not Supervision(start, lambda: deadline_of(config, home, booted_at)).run():
        say("the pod reached its hard deadline")
        pod.end()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
