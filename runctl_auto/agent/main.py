"""The agent's process: reads its configuration, runs the run, tells how it ended, ends the machine."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from runctl_auto.agent import job_process
from runctl_auto.agent.config import AgentConfig, read_config
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.imds import InstanceMetadata
from runctl_auto.agent.install import install
from runctl_auto.agent.journal import Journal
from runctl_auto.agent.layout import Layout
from runctl_auto.agent.machine import run_program, shut_down
from runctl_auto.agent.output_log import LogShipper
from runctl_auto.agent.processes import ProcProcessTable
from runctl_auto.agent.run import Run, RunTools
from runctl_auto.agent.s3 import S3
from runctl_auto.agent.s3_request import Bucket, S3Requests
from runctl_auto.agent.spec import parse_spec
from runctl_auto.agent.status import TERMINAL, Outcome, RunStatus, read_previous
from runctl_auto.agent.stopping import StopRequest, StopSwitch
from runctl_auto.agent.volumes import Volumes
from runctl_auto.agent.web import Web

FORGIVE_SECONDS = 120.0
LAST_WORDS_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Agent:
    """The agent of one machine."""

    layout: Layout
    config: AgentConfig
    metadata: InstanceMetadata
    bucket: S3
    journal: Journal
    switch: StopSwitch
    end_machine: Callable[[], None]

    def serve(self) -> int:
        """Blocks until the run has ended here; the process's exit code. Nothing stays unsaid or running."""
        try:
            previous = read_previous(self.bucket, self.config.status_key)
            if previous and previous.get("phase") in TERMINAL:
                self.journal.say(f"run {self.config.run} has ended already: {previous['phase']}")
                self.end_machine()
                return 0
            status = RunStatus(self.config, self.metadata.instance_id(), self.bucket, previous=previous)
        except AgentError as error:
            self.journal.say(f"the agent cannot start: {error}")
            self.end_machine()
            return 0
        return self._serve(status, resumed=bool(previous))

    def _serve(self, status: RunStatus, resumed: bool) -> int:
        folder = self.layout.run_folder(self.config.run)
        logs = LogShipper(
            self.bucket,
            f"runs/{self.config.run}/logs/0/",
            source=self.journal.path,
            position_file=folder / "logs.json",
            shipped=lambda count: status.note(log_parts=count),
        )
        volumes = Volumes(self.layout, run_program, self.journal.say)
        try:
            outcome = self._run(status, logs, volumes, folder, resumed)
        except AgentError as error:
            outcome = Outcome("failed", "agent_error", None, str(error))
        except Exception as error:
            self.journal.say(traceback.format_exc())
            outcome = Outcome("failed", "agent_error", None, f"the agent failed: {error!r}")
        self._tell(outcome, status, logs)
        volumes.unmount_all()
        request = self.switch.request
        if not (request and request.leave_running):
            self.end_machine()
        return 0

    def _run(
        self, status: RunStatus, logs: LogShipper, volumes: Volumes, folder: Path, resumed: bool
    ) -> Outcome:
        if not resumed:
            status.spend("boot", time.time() - self.config.booted_at)
        status.write()
        record = folder / "job.json"
        if job_process.end_leftover(record, ProcProcessTable()):
            self.journal.say("ended the job that an earlier agent left running")
        spec = parse_spec(self.bucket.get(self.config.spec_key))
        status.note(attempt=spec.attempt)
        tools = RunTools(
            config=self.config,
            spec=spec,
            folder=folder,
            bucket=self.bucket,
            metadata=self.metadata,
            status=status,
            logs=logs,
            volumes=volumes,
            start=partial(
                job_process.start_script, work=folder / "work", output=self.journal.path, record=record
            ),
            switch=self.switch,
            say=self.journal.say,
            inherited=os.environ,
            home=self.layout.resolve("/root"),
            clock=time.time,
        )
        return Run(tools).execute()

    def _tell(self, outcome: Outcome, status: RunStatus, logs: LogShipper) -> None:
        if outcome.message:
            self.journal.say(outcome.message)
        patient = self.bucket.patient(LAST_WORDS_PATIENCE_SECONDS)
        try:
            logs.ship_all(patient)
        except AgentError as error:
            self.journal.say(f"the last output could not be stored: {error}")
        try:
            status.end(outcome, patient)
        except AgentError as error:
            self.journal.say(f"the last status could not be stored: {error}")


def build_agent(layout: Layout, config: AgentConfig) -> Agent:
    """The agent with the machine's own services."""
    web = Web(os.environ.get("AWS_CA_BUNDLE") or None)
    metadata = InstanceMetadata(web, os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
    bucket = Bucket(config.bucket, config.region, config.account, os.environ.get("AWS_ENDPOINT_URL") or None)
    journal = Journal(layout.run_folder(config.run) / "output.log")
    s3 = S3(
        S3Requests(web, bucket, metadata.credentials),
        forget_credentials=metadata.forget_credentials,
        forgive_until=time.monotonic() + FORGIVE_SECONDS,
    )
    return Agent(
        layout, config, metadata, s3, journal, StopSwitch(), lambda: shut_down(run_program, journal.say)
    )


def leave_on_sigterm(agent: Agent) -> None:
    """SIGTERM comes from the system when the machine or the service is ended: save, say so, leave."""

    def handle(_signal: int, _frame: object) -> None:
        deadline = agent.config.deadline_at
        late = deadline is not None and time.time() >= deadline - 5
        moment = datetime.now(timezone.utc).strftime("%H:%M:%S")
        if late:
            request = StopRequest(
                "stopped", "max_duration", "the machine reached its hard deadline", 20, True
            )
        else:
            request = StopRequest(
                "interrupted", "interruption", f"the machine is being ended (SIGTERM at {moment})", 30, True
            )
        agent.switch.set_in_signal_handler(request)

    signal.signal(signal.SIGTERM, handle)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the bundle: `install` with the configuration as input, or nothing to run."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if list(arguments) == ["install"]:
        return _install()
    layout = Layout.from_environment()
    config: AgentConfig | None = None
    try:
        config = read_config(layout.config)
        agent = build_agent(layout, config)
        leave_on_sigterm(agent)
        return agent.serve()
    except Exception:
        # Nothing is left to tell it to; a machine without an agent must not go on costing money.
        sys.stderr.write(traceback.format_exc())
        shut_down(run_program, _say_on_console)
        return 1


def _install() -> int:
    try:
        install(sys.stdin.read(), Layout.from_environment(), os.environ, run_program, _say_on_console)
    except AgentError as error:
        _say_on_console(str(error))
        return 1
    return 0


def _say_on_console(text: str) -> None:
    sys.stderr.write(f"runctl: {text}\n")
