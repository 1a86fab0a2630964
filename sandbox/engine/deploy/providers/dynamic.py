"""Dynamic providers: classes of the program, served by Pulumi's own module in the program's interpreter."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.engine.deploy.language.interpreters import interpreter
from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.providers.process import Connection
from sandbox.engine.deploy.request import OperationRequest
from sandbox.engine.deploy.server_process import ServerFailed, open_channel, start_server

PACKAGE = "pulumi-python"


def start_dynamic(
    request: OperationRequest, engine_address: str, on_output: Callable[[str, str], None]
) -> Connection:
    """Starts the server of the program's dynamic providers. Blocking. Raises ProviderError.

    It runs in the program's folder, since the classes import what the program does."""
    program = request.program
    python = interpreter(program.root, program.runtime_options, request.environment)
    environment = {**request.environment, "PULUMI_PROJECT": request.project}
    command = [python, "-u", "-m", "pulumi.dynamic", engine_address]
    try:
        process, port = start_server(
            command, environment, program.folder, "the server of dynamic providers", on_output
        )
    except ServerFailed as error:
        raise ProviderError(str(error)) from error
    return Connection(open_channel(f"127.0.0.1:{port}"), process, str(program.folder))
