"""The agent's process: wires up the machine's services and runs the agent."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from runctl_auto.agent import job_process
from runctl_auto.agent.attaching import EC2, Attaching
from runctl_auto.agent.bringing_data import BringingData
from runctl_auto.agent.budget_deadline import bring_forward, budget_deadline
from runctl_auto.agent.config import AgentConfig, read_config
from runctl_auto.agent.contract import MOST_SPEC_BYTES, Phase, Reason
from runctl_auto.agent.data_sources import DataSources
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.idleness import GpuUse
from runctl_auto.agent.imds import InstanceMetadata
from runctl_auto.agent.install import install
from runctl_auto.agent.instance_store import CacheFolder, InstanceStore
from runctl_auto.agent.job_tree import JobTree
from runctl_auto.agent.journal import Journal
from runctl_auto.agent.kept_web import KeptWeb
from runctl_auto.agent.layout import Layout, variables_of
from runctl_auto.agent.machine import run_program, shut_down
from runctl_auto.agent.machine_identity import read_identity
from runctl_auto.agent.machine_notices import MachineNotices
from runctl_auto.agent.notice_command import NoticeCommand
from runctl_auto.agent.notice_sender import Channel, SendOnce
from runctl_auto.agent.out_of_memory import OutOfMemory
from runctl_auto.agent.output_log import LogShipper
from runctl_auto.agent.own_group import AUTO_SCALING, OwnGroup
from runctl_auto.agent.parameters import Parameters
from runctl_auto.agent.processes import ProcProcessTable, become_subreaper
from runctl_auto.agent.query_request import QueryService
from runctl_auto.agent.run import PATIENCE_SECONDS, Run, RunTools, StopEarly
from runctl_auto.agent.s3 import S3
from runctl_auto.agent.s3_request import Bucket, S3Requests
from runctl_auto.agent.s3_store import S3Store
from runctl_auto.agent.service import AgentService
from runctl_auto.agent.spec import RunSpec, SecretSpec, verified_spec
from runctl_auto.agent.status import Outcome, StatusWriter
from runctl_auto.agent.stopping import StopRequest, StopSwitch
from runctl_auto.agent.units import END_GROUP, deadline_units
from runctl_auto.agent.usage import Traffic, Usage
from runctl_auto.agent.volumes import Volumes
from runctl_auto.agent.web import Web
from runctl_auto.agent.webhook import Webhook, checked_address

FORGIVE_SECONDS = 120.0


def build_service(layout: Layout, config: AgentConfig, switch: StopSwitch) -> AgentService:
    """The agent with this machine's services."""
    web = KeptWeb(os.environ.get("AWS_CA_BUNDLE"))
    metadata = InstanceMetadata(web, os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
    address = Bucket(config.bucket, config.region, config.account, os.environ.get("AWS_ENDPOINT_URL"))
    traffic = Traffic()
    s3 = S3(
        S3Requests(web, address, metadata.credentials, count=traffic.count),
        forget_credentials=metadata.forget_credentials,
        forgive_until=time.monotonic() + FORGIVE_SECONDS,
    )
    store = S3Store(s3)

    def data_bucket(name: str, region: str | None) -> S3:
        """A bucket of any account, in the job's region unless known to be elsewhere."""
        place = Bucket(name, region or config.region, "", address.endpoint)
        requests = S3Requests(web, place, metadata.credentials, count=traffic.count)
        return replace(s3, requests=requests, patience_seconds=PATIENCE_SECONDS)

    parameters = Parameters(
        web,
        config.region,
        metadata.credentials,
        s3.patient(PATIENCE_SECONDS).retried,
        endpoint=address.endpoint,
    )
    folder = layout.run_folder(config.run)
    journal = Journal(folder / "output.log")
    wait = partial(wait_unless_stopped, switch)
    ec2 = QueryService(web, *EC2, config.region, metadata.credentials, address.endpoint)
    attaching = Attaching(ec2, lambda: read_identity(metadata).id, journal.say, wait=wait)
    volumes = Volumes(layout, run_program, journal.say, wait=wait, attach=attaching.attach)

    units = partial(
        deadline_units,
        bundle=layout.agent(config.agent_sha256) if config.group else None,
        environment=variables_of(os.environ),
    )

    told: list[MachineNotices | None] = [None]

    def run(status: StatusWriter, logs: LogShipper) -> Outcome:
        record = folder / "job.json"
        table = ProcProcessTable()
        tree = JobTree(table)
        if not become_subreaper():
            journal.say("orphaned processes of the job cannot be followed: the kernel knows no subreaper")
        if job_process.end_leftover(record, table):
            journal.say("ended the job that an earlier agent left running")
        text = store.patient(PATIENCE_SECONDS).get(config.spec_key, MOST_SPEC_BYTES)
        spec = verified_spec(text, config.spec_sha256)
        status.note(attempt=spec.attempt)
        status.price_machine(spec.price_of)
        status.count(Usage(traffic))
        spent_at = budget_deadline(spec.budget_seconds, status.seconds_spent(), time.time())
        bring_forward(spent_at, config.deadline_at, layout, run_program, journal.say, units=units)
        files_via = partial(
            DataSources,
            data_bucket,
            say=journal.say,
            progress=lambda numbers: status.note(data=numbers),
            check=partial(wait_unless_stopped, switch, 0.0),
        )
        notices = machine_notices(
            spec,
            parameters,
            store,
            switch,
            spent=status.seconds_spent,
            machine=read_identity(metadata).id,
            folder=folder,
            say=journal.say,
        )
        told.append(notices)
        start = partial(
            job_process.start_script, work=folder / "work", output=journal.path, record=record, tree=tree
        )
        tools = RunTools(
            config=config,
            spec=spec,
            folder=folder,
            store=store,
            metadata=metadata,
            status=status,
            logs=logs,
            volumes=volumes,
            secrets=parameters.secrets,
            bring_data=BringingData(
                files_via,
                folder / "data.tmp",
                cache=CacheFolder(folder / "data-cache", InstanceStore(layout, run_program, journal.say)),
                say=journal.say,
            ),
            start=start,
            switch=switch,
            say=journal.say,
            inherited=os.environ,
            home=layout.resolve("/root"),
            clock=time.time,
            processor_seconds=tree.processor_seconds,
            written_files=tree.written,
            gpu_in_use=GpuUse(run_program),
            out_of_memory=OutOfMemory(run_program),
            end_services=partial(job_process.end_services, tree, record),
            look_for_notices=None if notices is None else notices.look,
        )
        return Run(tools).execute()

    return AgentService(
        config=config,
        folder=folder,
        store=store,
        identity=partial(read_identity, metadata),
        journal=journal,
        switch=switch,
        volumes=volumes,
        run=run,
        end_machine=lambda: shut_down(run_program, journal.say),
        group=own_group(config, web, metadata, journal.say),
        clock=time.time,
        notices=lambda: told[-1],
    )


def machine_notices(
    spec: RunSpec,
    parameters: Parameters,
    store: S3Store,
    switch: StopSwitch,
    *,
    spent: Callable[[], float],
    machine: str | None,
    folder: Path,
    say: Callable[[str], None],
) -> MachineNotices | None:
    """Who tells people of the run; None when nobody is to be told, which costs nothing."""
    notify = spec.notify
    if notify is None:
        return None

    @cache
    def channels() -> Mapping[str, Channel]:
        found: dict[str, Channel] = {}
        if notify.webhook is not None:
            wanted = SecretSpec("webhook", notify.webhook)
            address = parameters.secrets([wanted])["webhook"]
            found["webhook"] = Webhook(Web(), checked_address(address), notify.format)
        if notify.command is not None:
            found["command"] = NoticeCommand(notify.command, dict(os.environ), folder)
        return found

    sender = SendOnce(channels, by=f"machine {machine}", say=say)
    return MachineNotices.of(spec, sender, store, switch, spent=spent, machine=machine, clock=time.time)


def own_group(
    config: AgentConfig, web: Web, metadata: InstanceMetadata, say: Callable[[str], None]
) -> OwnGroup | None:
    """The group of this machine; None for a single instance."""
    if config.group is None:
        return None
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    service = QueryService(web, *AUTO_SCALING, config.region, metadata.credentials, endpoint)
    return OwnGroup(config.group, service, metadata.get, say)


def wait_unless_stopped(switch: StopSwitch, seconds: float) -> None:
    """Blocks for `seconds`. Raises StopEarly when the run is to stop."""
    switch.wait(seconds)
    if switch.request is not None:
        raise StopEarly


def leave_on_sigterm(switch: StopSwitch, deadline_at: float | None, clock: Callable[[], float]) -> None:
    """SIGTERM means that the system ends the machine or the service: save, report, exit.

    At the hard deadline this ends the run; before it, a replacement continues.
    """

    def handle(_signal: int, _frame: object) -> None:
        switch.set_in_signal_handler(system_stop(deadline_at is not None and clock() >= deadline_at - 5))

    signal.signal(signal.SIGTERM, handle)


def _take_default_actions() -> None:
    """Resets ignored signals: the job inherits them, and ignored signals mark background processes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def system_stop(at_deadline: bool) -> StopRequest:
    """The stop request that the system's SIGTERM stands for."""
    if at_deadline:
        message = "the machine reached its hard deadline"
        return StopRequest(Phase.STOPPED, Reason.MAX_DURATION, message, leave_running=True)
    message = "the system ends this machine or the agent (SIGTERM)"
    return StopRequest(Phase.INTERRUPTED, Reason.INTERRUPTION, message, leave_running=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the bundle: `install` with the configuration as input, `end-group`, or no argument to
    run.
    """
    asked = list(sys.argv[1:] if arguments is None else arguments)
    if asked == ["install"]:
        return _install()
    if asked == [END_GROUP]:
        return _end_group()
    layout = Layout.from_environment()
    _take_default_actions()
    try:
        config = read_config(layout.config)
        switch = StopSwitch()
        leave_on_sigterm(switch, config.deadline_at, time.time)
        return build_service(layout, config, switch).serve()
    except Exception:
        # Nowhere to report it; a machine without an agent must not keep incurring cost.
        _say_on_console(traceback.format_exc())
        with suppress(Exception):
            group = _group_of_this_machine()
            if group is not None:
                group.boot_failed()
        shut_down(run_program, _say_on_console)
        return 1


def _install() -> int:
    try:
        install(sys.stdin.read(), Layout.from_environment(), os.environ, run_program, _say_on_console)
    except (AgentError, OSError) as error:
        _say_on_console(str(error))
        return 1
    return 0


def _end_group() -> int:
    """What the hard deadline's timer does first; the exit code is whether it worked."""
    try:
        group = _group_of_this_machine()
    except AgentError as error:
        _say_on_console(str(error))
        return 1
    return 0 if group is None or group.end() else 1


def _group_of_this_machine() -> OwnGroup | None:
    config = read_config(Layout.from_environment().config)
    web = KeptWeb(os.environ.get("AWS_CA_BUNDLE"))
    metadata = InstanceMetadata(web, os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
    return own_group(config, web, metadata, _say_on_console)


def _say_on_console(text: str) -> None:
    sys.stderr.write(f"runctl: {text}\n")
