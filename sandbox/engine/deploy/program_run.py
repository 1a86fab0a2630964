"""A program while it runs: its thread, the servers that it talks to, and its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.execution import ProgramEnded, ProgramError
from sandbox.engine.deploy.failures import Bail
from sandbox.engine.deploy.grpc_server import LoopbackServer
from sandbox.engine.deploy.language.api import Addresses, Program, ProgramFailed
from sandbox.engine.deploy.monitor.service import ResourceMonitor, Surroundings
from sandbox.engine.deploy.protocol import resource_pb2_grpc

_PATIENCE_SECONDS = 3.0


class ProgramRun:
    """Runs a program against its own resource monitor. `post` takes registrations and the end."""

    def __init__(
        self, deployment: Deployment, program: Program, engine_address: str, post: Callable[[Any], None]
    ) -> None:
        self._program, self._engine_address, self._post = program, engine_address, post
        request = deployment.request
        surroundings = Surroundings(request.program.root, request.program.folder)
        self._monitor = ResourceMonitor(deployment, surroundings, post, lambda: post(ProgramEnded(None)))
        threads = min(4096, 4 * max(1, request.options.parallel) + 64)
        self._server = LoopbackServer(
            lambda server: resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self._monitor, server),
            threads,
        )
        self._monitor.address = self._server.address
        self._error: ProgramError | None = None
        self._thread = threading.Thread(target=self._run, name="program", daemon=True)

    def start(self) -> None:
        """Starts the program."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self._program.run(Addresses(self._server.address, self._engine_address))
        except Bail as error:
            self._error = ProgramError(str(error), shown=True)
        except ProgramFailed as error:
            self._error = ProgramError(str(error), shown=False)
        except Exception as error:
            self._error = ProgramError(f"the program could not be run: {error}", shown=False)
        self._post(ProgramEnded(self._error))

    def end(self) -> str | None:
        """Lets the program end, which has registered all it will. Blocking. What went wrong, if anything."""
        self._monitor.close()
        self._thread.join()
        self._close()
        return self._error.message if self._error else None

    def abandon(self) -> None:
        """Ends the program, whatever it is doing."""
        self._monitor.close()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_SECONDS)
        self._close()

    def _close(self) -> None:
        self._program.close()
        self._server.stop()
        self._monitor.release()
