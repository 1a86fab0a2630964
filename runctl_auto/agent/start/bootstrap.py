"""First step on the instance: downloads the agent with the instance's own credentials and installs it.

Part of the user data, which terminates the machine on an exit code other than 0.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.contract import MOST_STATUS_BYTES, TERMINAL_PHASES, Phase, Reason
from runctl_auto.agent.errors import AgentError, CredentialsError, IntegrityError, S3Error, UnreachableError
from runctl_auto.agent.keys import status_key
from runctl_auto.agent.machine.imds import InstanceMetadata
from runctl_auto.agent.machine.own_group import AUTO_SCALING, OwnGroup
from runctl_auto.agent.machine.query_request import QueryService
from runctl_auto.agent.start.boot_format import UserDataJson
from runctl_auto.agent.status_format import new_status
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.web import Web

PATIENCE_SECONDS = 120.0
RETRY_EVERY_SECONDS = 2.0


@dataclass(frozen=True)
class Bootstrap:
    """Installs the agent of one run on this machine. `run` runs a program with a text as its input."""

    config: UserDataJson
    root: Path
    requests: S3Requests
    run: Callable[[list[str], str], int]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep

    def start(self, booted_at: float) -> None:
        """Downloads, verifies, installs and starts the agent; raises AgentError or OSError on failure."""
        agent = self.config["agent"]
        data = self.fetch(agent["key"])
        found = hashlib.sha256(data).hexdigest()
        if found != agent["sha256"]:
            raise IntegrityError(f"the agent has sha256 {found}, expected {agent['sha256']}")
        bundle = self.root / f"var/lib/runctl/agent-{found}.pyz"
        bundle.parent.mkdir(parents=True, exist_ok=True)
        bundle.write_bytes(data)
        code = self.run(
            ["python3", str(bundle), "install"], json.dumps({**self.config, "booted_at": booted_at})
        )
        if code != 0:
            raise AgentError(f"the agent could not be installed (exit code {code})")

    def fetch(self, key: str) -> bytes:
        """The object. Retries access denials for two minutes, until a new role has propagated, and missing
        objects, until the versioning of a new bucket has.
        """
        give_up = self.clock() + PATIENCE_SECONDS
        while True:
            try:
                with self.requests.send("GET", key) as answer:
                    return answer.read()
            except (S3Error, CredentialsError, UnreachableError) as error:
                permanent = isinstance(error, S3Error) and (
                    error.status < 500 and error.status not in (403, 404, 429)
                )
                if permanent or self.clock() >= give_up:
                    raise
                say(f"{error}; trying again")
            self.sleep(RETRY_EVERY_SECONDS)

    def report(self, message: str) -> bool:
        """Writes a failed status, unless the run has ended already. Whether its status is final now.

        One of several machines writes none: another comes in its place, and the others wait for it.
        """
        if self.config.get("node"):
            return False
        key = status_key(self.config["run"])
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        try:
            try:
                with self.requests.send("GET", key) as answer:
                    status: dict[str, object] = dict(json.loads(answer.read(MOST_STATUS_BYTES)))
                if str(status.get("phase")) in TERMINAL_PHASES:
                    return True
            except (AgentError, ValueError, TypeError, RecursionError):
                status = dict(new_status(self.config["job"], self.config["run"], now))
            status.update({"phase": Phase.FAILED, "reason": Reason.AGENT_ERROR, "message": message})
            status.update({"updated_at": now, "ended_at": now})
            self.requests.send("PUT", key, body=json.dumps(status).encode()).close()
        except AgentError as error:
            say(f"the status could not be written: {error}")
            return False
        return True


def say(text: str) -> None:
    """Writes a line to the machine's console."""
    sys.stdout.write(f"runctl: {text}\n")
    sys.stdout.flush()


def run_program(argv: list[str], text: str) -> int:
    """Runs a program to completion; returns its exit code."""
    return subprocess.run(argv, input=text.encode(), check=False).returncode


def main() -> int:
    """The configuration is the only argument."""
    booted_at = time.time()
    config = json.loads(sys.argv[1])
    web = Web(os.environ.get("AWS_CA_BUNDLE"))
    metadata = InstanceMetadata(web, os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
    bucket = Bucket(config["bucket"], config["region"], config["account"], os.environ.get("AWS_ENDPOINT_URL"))
    requests = S3Requests(web, bucket, metadata.credentials)
    service = QueryService(web, *AUTO_SCALING, bucket.region, metadata.credentials, bucket.endpoint)
    bootstrap = Bootstrap(config, Path(os.environ.get("RUNCTL_ROOT") or "/"), requests, run_program)
    try:
        bootstrap.start(booted_at)
    except (AgentError, OSError) as error:
        message = f"the agent could not be started: {error}"
        say(message)
        has_ended = bootstrap.report(message)
        if config.get("group"):
            group = OwnGroup(config["group"], service, metadata.get, say)
            group.end() if has_ended else group.boot_failed()
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
