"""Where providers come from: attached by `PULUMI_DEBUG_PROVIDERS`, or started."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc

from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.providers.local_plugins import local_command
from sandbox.engine.deploy.request import OperationRequest
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
    request: OperationRequest,
    engine_address: str,
    on_output: Callable[[str, str], None],
) -> Connection:
    """Connects to the package's provider. `on_output` gets (severity, line with its end) of a started one.

    Raises ProviderError, naming the provider, when there is none or it does not start.
    """
    port = attach_port(package, request.environment)
    if port is not None:
        return Connection(open_channel(f"127.0.0.1:{port}"))
    command = _command(package, version, request)
    what = f"the provider '{package}' ({command[-1]})"
    environment = {**request.environment, "PULUMI_PROJECT": request.project, **_settings(package, request)}
    folder = request.program.folder
    where = folder if folder.is_dir() else None
    try:
        process, port = start_server([*command, engine_address], environment, where, what, on_output)
    except ServerFailed as error:
        raise ProviderError(str(error)) from error
    return Connection(open_channel(f"127.0.0.1:{port}"), process, str(Path(command[-1]).parent))


def _command(package: str, version: str, request: OperationRequest) -> list[str]:
    local = request.program.plugins.get(package)
    if local is not None:
        return local_command(package, local, request)
    path = request.environment.get("PATH", os.defpath)
    program = shutil.which(f"pulumi-resource-{package}", path=path)
    if program is None:
        label = f"{package}-v{version}" if version else package
        raise ProviderError(
            f"Could not find plugin for provider '{package}': no resource plugin '{label}' is attached by "
            f"PULUMI_DEBUG_PROVIDERS (as '{package}:PORT') and no 'pulumi-resource-{package}' is on PATH"
        )
    return [program]


def _settings(package: str, request: OperationRequest) -> dict[str, str]:
    """What a provider is told of the program's runtime and of its own configuration."""
    options = {
        f"PULUMI_RUNTIME_{name.upper()}": str(value)
        for name, value in request.program.runtime_options.items()
    }
    prefix = f"{package}:"
    own = {key[len(prefix) :]: value for key, value in request.config.items() if key.startswith(prefix)}
    return options | {"PULUMI_CONFIG": json.dumps(own)}
