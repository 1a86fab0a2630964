"""Where providers come from: attached by `PULUMI_DEBUG_PROVIDERS`, or started from PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc

from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.server_process import ServerFailed, open_channel, start_server
from sandbox.engine.deploy.shutting_down import end_process


@dataclass
class Connection:
    """An open connection to a provider; `process` when it was started for it, `folder` its program's."""

    channel: grpc.Channel
    process: subprocess.Popen[str] | None = None
    folder: str | None = None

    def close(self) -> None:
        """Closes the connection and ends the process."""
        self.channel.close()
        if self.process:
            end_process(self.process)


def attach_port(package: str, environment: Mapping[str, str]) -> int | None:
    """The port that `PULUMI_DEBUG_PROVIDERS` names for the package."""
    for entry in environment.get("PULUMI_DEBUG_PROVIDERS", "").split(","):
        name, _, port = entry.partition(":")
        if name == package:
            try:
                return int(port)
            except ValueError as error:
                raise ProviderError(
                    f"Expected a numeric port, got {port} in PULUMI_DEBUG_PROVIDERS"
                ) from error
    return None


def connect(
    package: str,
    version: str,
    environment: Mapping[str, str],
    engine_address: str,
    on_output: Callable[[str, str], None],
) -> Connection:
    """Connects to the package's provider. `on_output` gets (severity, line with its end) of a started one.

    Raises ProviderError, naming the provider, when there is none or it does not start.
    """
    port = attach_port(package, environment)
    if port is not None:
        return Connection(open_channel(f"127.0.0.1:{port}"))
    program = shutil.which(f"pulumi-resource-{package}", path=environment.get("PATH", os.defpath))
    if program is None:
        label = f"{package}-v{version}" if version else package
        raise ProviderError(
            f"Could not find plugin for provider '{package}': no resource plugin '{label}' is attached by "
            f"PULUMI_DEBUG_PROVIDERS (as '{package}:PORT') and no 'pulumi-resource-{package}' is on PATH"
        )
    what = f"the provider '{package}' ({program})"
    try:
        process, port = start_server([program, engine_address], environment, None, what, on_output)
    except ServerFailed as error:
        raise ProviderError(str(error)) from error
    return Connection(open_channel(f"127.0.0.1:{port}"), process, str(Path(program).parent))
