"""The agent's process: wires up the machine's services and runs the agent."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from runctl_auto.agent.containers.apart import Apart
from runctl_auto.agent.containers.aws_registry import AwsRegistry
from runctl_auto.agent.containers.scripts import Machine
from runctl_auto.agent.contract import MOST_SPEC_BYTES
from runctl_auto.agent.data.bringing_data import BringingData
from runctl_auto.agent.data.data_sources import DataSources
from runctl_auto.agent.job import job_process
from runctl_auto.agent.job.job_tree import JobTree
from runctl_auto.agent.job.out_of_memory import OutOfMemory
from runctl_auto.agent.job.output_log import LogShipper
from runctl_auto.agent.job.processes import ProcProcessTable, become_subreaper
from runctl_auto.agent.job.stopping import StopSwitch, wait_unless_stopped
from runctl_auto.agent.journal import Journal
from runctl_auto.agent.machine.attaching import EC2, Attaching
from runctl_auto.agent.machine.idleness import GpuCount, GpuUse
from runctl_auto.agent.machine.instance_store import CacheFolder, InstanceStore
from runctl_auto.agent.machine.machine import run_program
from runctl_auto.agent.machine.machine_identity import MachineIdentity, read_identity
from runctl_auto.agent.machine.parameters import Parameters
from runctl_auto.agent.machine.pod_identity import DEADLINE_FILE, is_pod
from runctl_auto.agent.machine.query_request import QueryService
from runctl_auto.agent.machine.system_stop import leave_on_sigterm, take_default_actions
from runctl_auto.agent.machine.this_machine import end_machine, metadata_of, own_group
from runctl_auto.agent.machine.usage import Traffic, Usage
from runctl_auto.agent.machine.volumes import Volumes
from runctl_auto.agent.metrics.collecting import Metrics
from runctl_auto.agent.metrics.machine_use import MachineLook
from runctl_auto.agent.metrics.push import push_of
from runctl_auto.agent.nodes.making_team import make_team
from runctl_auto.agent.nodes.master_port import free_port
from runctl_auto.agent.nodes.team import Team
from runctl_auto.agent.notices.machine_notices import MachineNotices
from runctl_auto.agent.notices.notice_command import NoticeCommand
from runctl_auto.agent.notices.notice_sender import Channel, SendOnce
from runctl_auto.agent.notices.webhook import Webhook, checked_address
from runctl_auto.agent.run import Run
from runctl_auto.agent.run_tools import PATIENCE_SECONDS, RunTools
from runctl_auto.agent.service import AgentService
from runctl_auto.agent.spec import RunSpec, SecretSpec, verified_spec
from runctl_auto.agent.start.budget_deadline import bring_forward, budget_deadline
from runctl_auto.agent.start.config import AgentConfig, read_config
from runctl_auto.agent.start.layout import Layout, variables_of
from runctl_auto.agent.start.units import deadline_units
from runctl_auto.agent.status import Outcome, StatusWriter
from runctl_auto.agent.store.kept_web import KeptWeb
from runctl_auto.agent.store.s3 import S3
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.s3_store import S3Store
from runctl_auto.agent.store.web import Web
from runctl_auto.agent.tracing.span_parts import MachineTrace, machine_trace
from runctl_auto.agent.tracing.spans import record_with

FORGIVE_SECONDS = 120.0


def build_service(layout: Layout, config: AgentConfig, switch: StopSwitch) -> AgentService:
    """The agent with this machine's services."""
    web = KeptWeb(os.environ.get("AWS_CA_BUNDLE"))
    metadata = metadata_of(web, os.environ)
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
    journal = Journal(folder / "output.log", config.run)
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
    traced: list[MachineTrace | None] = [None]
    teams: list[Team | None] = [None]

    def run(status: StatusWriter, logs: LogShipper) -> Outcome:
        record = folder / "job.json"
        table, apart = ProcProcessTable(), Apart()
        tree = JobTree(table, apart=apart)
        if not become_subreaper():
            journal.say("orphaned processes of the job cannot be followed: the kernel knows no subreaper")
        if job_process.end_leftover(record, table):
            journal.say("ended the job that an earlier agent left running")
        text = store.patient(PATIENCE_SECONDS).get(config.spec_key, MOST_SPEC_BYTES)
        spec = replace(verified_spec(text, config.spec_sha256), node=config.node)
        count_gpus = GpuCount(run_program)
        if spec.nodes > 1:
            teams.append(
                make_team(
                    spec,
                    store,
                    metadata,
                    status,
                    switch,
                    gpus=count_gpus(),
                    say=journal.say,
                )
            )
        trace = trace_of(spec, store, partial(read_identity, metadata), folder, config.booted_at)
        traced.append(trace)
        status.note(attempt=spec.attempt)
        status.price_machine(spec.price_of)
        status.count(Usage(traffic))
        spent_at = budget_deadline(spec.budget_seconds, status.seconds_spent(), time.time())
        if is_pod(os.environ):
            note_deadline(layout, spent_at)
        else:
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
        scripts = Machine(
            layout,
            folder,
            record,
            journal,
            tree,
            apart,
            run_program,
            wait,
            AwsRegistry(web, metadata.credentials, s3.patient(PATIENCE_SECONDS).retried, address.endpoint),
            count_gpus,
            os.environ,
        ).scripts(spec)
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
            start=scripts.start,
            switch=switch,
            say=journal.say,
            inherited=scripts.inherited,
            home=scripts.home,
            clock=time.time,
            processor_seconds=tree.processor_seconds,
            written_files=tree.written,
            gpu_in_use=GpuUse(run_program),
            out_of_memory=OutOfMemory(run_program),
            end_services=partial(job_process.end_services, tree, record),
            look_for_notices=None if notices is None else notices.look,
            trace=trace,
            metrics=Metrics(
                store,
                spec.run,
                node=spec.node,
                began=status.began,
                look=MachineLook(run_program, folder),
                note=lambda summary: status.note(metrics=summary),
                say=journal.say,
                clock=time.time,
                push=lambda variables: push_of(variables, spec.job, spec.run, Web(), journal.say),
            ),
            output=journal.path,
            team=teams[-1],
            gpus=count_gpus,
            master_port=partial(free_port, spec.run),
            container=scripts.container,
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
        end_machine=lambda: end_machine(journal.say),
        group=own_group(config, web, metadata, journal.say),
        clock=time.time,
        notices=lambda: told[-1],
        trace=lambda: traced[-1],
        team=lambda: teams[-1],
    )


def note_deadline(layout: Layout, deadline_at: float | None) -> None:
    """Tells the pod's first process when the budget is spent."""
    if deadline_at is not None:
        (layout.home / DEADLINE_FILE).write_text(str(deadline_at), encoding="utf-8")


def trace_of(
    spec: RunSpec,
    store: S3Store,
    identity: Callable[[], MachineIdentity],
    folder: Path,
    booted_at: float,
) -> MachineTrace | None:
    """Records what this machine does from its boot on; None where the run is not traced, which costs
    nothing.
    """
    if spec.trace is None:
        return None
    trace = machine_trace(
        spec.trace, store, run=spec.run, machine=identity().id, folder=folder, clock=time.time
    )
    trace.recorder.stage("boot", start_ns=int(booted_at * 1e9))
    record_with(trace.recorder)
    return trace


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
    """Who tells people of the run; None when nobody is to be told, which costs nothing, and on all nodes but
    the first.
    """
    notify = spec.notify
    if notify is None or spec.node != 0:
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


def serve() -> int:
    """Runs the agent to its end; the exit code of its service."""
    layout = Layout.from_environment()
    take_default_actions()
    config = read_config(layout.config)
    switch = StopSwitch()
    leave_on_sigterm(switch, config.deadline_at, time.time)
    return build_service(layout, config, switch).serve()
