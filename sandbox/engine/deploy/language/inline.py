"""Programs behind a language runtime server, as the Automation API's inline programs are."""

from __future__ import annotations

import grpc

from sandbox.engine.deploy.failures import Bail
from sandbox.engine.deploy.language.api import Addresses, ProgramFailed
from sandbox.engine.deploy.protocol import language_pb2, language_pb2_grpc
from sandbox.engine.deploy.request import OperationRequest
from sandbox.engine.deploy.server_process import open_channel


class InlineProgram:
    """Runs the program that waits at the client address of a request."""

    def __init__(self, request: OperationRequest) -> None:
        self._request = request
        address = request.program.client_address or ""
        self._channel = open_channel(address.removeprefix("tcp://"))
        self._stub = language_pb2_grpc.LanguageRuntimeStub(self._channel)

    def run(self, addresses: Addresses) -> None:
        """Runs the program to its end. Blocking. Raises Bail or ProgramFailed when it fails."""
        request, program = self._request, self._request.program
        message = language_pb2.RunRequest(
            project=request.project,
            stack=request.stack,
            pwd=str(program.folder),
            program=program.entry_point,
            args=[addresses.engine],
            config=dict(request.config),
            configSecretKeys=sorted(request.secret_keys),
            dryRun=request.dry_run,
            parallel=request.options.parallel,
            monitor_address=addresses.monitor,
            organization=request.organization,
            info=language_pb2.ProgramInfo(
                root_directory=str(program.root),
                program_directory=str(program.folder),
                entry_point=program.entry_point,
            ),
        )
        try:
            answer = self._stub.Run(message, wait_for_ready=True)
        except grpc.RpcError as error:
            raise ProgramFailed(str(error.details() or error.code())) from error
        if answer.bail:
            raise Bail("the program failed")
        if answer.error:
            raise ProgramFailed(f"an unhandled error occurred: {answer.error}")

    def close(self) -> None:
        """Ends the connection; the program itself is the client's."""
        self._channel.close()
