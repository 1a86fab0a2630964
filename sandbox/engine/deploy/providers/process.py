"""Where providers come from: attached by `PULUMI_DEBUG_PROVIDERS`, or started from PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.shutting_down import end_process

_MAX_MESSAGE = 400 * 1024 * 1024
_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE),
    ("grpc.max_send_message_length", _MAX_MESSAGE),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
)
_START_SECONDS = 60.0


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


def open_channel(address: str) -> grpc.Channel:
    """A channel of its own to a server on this machine."""
    return grpc.insecure_channel(address, options=_CHANNEL_OPTIONS)


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
    return _start(program, package, environment, engine_address, on_output)


def _start(
    program: str,
    package: str,
    environment: Mapping[str, str],
    engine_address: str,
    on_output: Callable[[str, str], None],
) -> Connection:
    process = subprocess.Popen(
        [program, engine_address],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    threading.Thread(target=_forward, args=(process.stderr, "info#err", on_output), daemon=True).start()
    assert process.stdout is not None  # noqa: S101
    watchdog = threading.Timer(_START_SECONDS, process.kill)
    watchdog.daemon = True
    watchdog.start()
    line = process.stdout.readline().strip()
    watchdog.cancel()
    if not line.isdigit():
        end_process(process)
        found = f"printed {line!r} instead of its port" if line else "ended or printed nothing"
        raise ProviderError(f"the provider '{package}' ({program}) did not start: it {found}")
    threading.Thread(target=_forward, args=(process.stdout, "info", on_output), daemon=True).start()
    return Connection(open_channel(f"127.0.0.1:{line}"), process, str(Path(program).parent))


def _forward(stream: Any, severity: str, on_output: Callable[[str, str], None]) -> None:
    for line in stream:
        on_output(severity, line)
