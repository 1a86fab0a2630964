"""What the launcher starts on the machine for a person: a command, a shell, a look at the processes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.job.job_surroundings import Surroundings, job_processes, job_surroundings
from runctl_auto.agent.job.processes import ProcProcessTable
from runctl_auto.agent.machine.imds import InstanceMetadata
from runctl_auto.agent.machine.machine import run_program
from runctl_auto.agent.machine.machine_use import machine_use
from runctl_auto.agent.reach.reach_contract import CANNOT_SERVE, EXEC, GIVE, PS, SHELL, TAKE
from runctl_auto.agent.reach.remote_command import RemoteCommand
from runctl_auto.agent.reach.shell import become_shell, become_user
from runctl_auto.agent.start.config import AgentConfig, read_config
from runctl_auto.agent.start.layout import Layout
from runctl_auto.agent.store.kept_web import KeptWeb
from runctl_auto.agent.store.s3 import S3
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.s3_store import S3Store

_PROC = Path("/proc")
_PATIENCE_SECONDS = 60.0


def reach(arguments: Sequence[str]) -> int:
    """One verb of ``reach_contract``; the process's exit code."""
    layout = Layout.from_environment()
    try:
        config = read_config(layout.config)
        verb, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
        if verb == EXEC and len(rest) == 2:
            return _exec(layout, config, *rest)
        if verb in (GIVE, TAKE) and len(rest) == 2:
            return _files(layout, config, verb, *rest)
        if verb == PS and not rest:
            return _ps(layout, config)
        if verb == SHELL and len(rest) == 1:
            become_shell(_around(layout, config), rest[0], as_user_of_job=True)
    except (AgentError, OSError) as error:
        sys.stderr.write(f"runctl: {error}\n")
        return CANNOT_SERVE
    sys.stderr.write(f"runctl: the machine's agent does not know '{' '.join(arguments)}'\n")
    return CANNOT_SERVE


def _around(layout: Layout, config: AgentConfig) -> Surroundings:
    return job_surroundings(
        config, layout.run_folder(config.run), ProcProcessTable(), dict(os.environb), _PROC
    )


def _exec(layout: Layout, config: AgentConfig, identity: str, sha256: str) -> int:
    store = machine_store(config).patient(_PATIENCE_SECONDS)
    result = RemoteCommand(config, identity, sha256, store, _around(layout, config)).run()
    sys.stdout.write(json.dumps(result, separators=(",", ":")) + "\n")
    return 0


def _files(layout: Layout, config: AgentConfig, verb: str, identity: str, sha256: str) -> int:
    from runctl_auto.agent.reach.file_exchange import FileExchange

    store = machine_store(config).patient(_PATIENCE_SECONDS)
    become_user(_around(layout, config))
    exchange = FileExchange(store, config.run, identity, sha256, layout.resolve)
    result = exchange.give() if verb == GIVE else exchange.take()
    sys.stdout.write(json.dumps(result, separators=(",", ":")) + "\n")
    return 0


def _ps(layout: Layout, config: AgentConfig) -> int:
    table = ProcProcessTable()
    record = layout.run_folder(config.run) / "job.json"
    found = machine_use(lambda: job_processes(record, table), table, run_program)
    sys.stdout.write(json.dumps(found, separators=(",", ":")) + "\n")
    return 0


def machine_store(config: AgentConfig) -> S3Store:
    """The job's bucket, with the credentials of the machine's role."""
    web = KeptWeb(os.environ.get("AWS_CA_BUNDLE"))
    metadata = InstanceMetadata(web, os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
    address = Bucket(config.bucket, config.region, config.account, os.environ.get("AWS_ENDPOINT_URL"))
    requests = S3Requests(web, address, metadata.credentials)
    return S3Store(S3(requests, forget_credentials=metadata.forget_credentials))
