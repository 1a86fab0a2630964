"""Python programs, run in a process of their own with the interpreter that the project asks for."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.engine.deploy.failures import Bail
from sandbox.engine.deploy.language import program_main
from sandbox.engine.deploy.language.api import Addresses, ProgramFailed
from sandbox.engine.deploy.language.interpreters import interpreter
from sandbox.engine.deploy.request import OperationRequest
from sandbox.engine.deploy.shutting_down import end_process


class PythonProgram:
    """Runs a `runtime: python` program. `on_output` gets (severity, line with its end) of what it prints."""

    def __init__(self, request: OperationRequest, on_output: Callable[[str, str], None]) -> None:
        self._request, self._on_output = request, on_output
        self._interpreter = interpreter(
            request.program.root, request.program.runtime_options, request.environment
        )
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._lifeline: int | None = None

    def run(self, addresses: Addresses) -> None:
        """Runs the program to its end. Blocking. Raises Bail or ProgramFailed when it fails."""
        request, program = self._request, self._request.program
        arguments = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "parallel": request.options.parallel,
            "dry_run": request.dry_run,
            "monitor": addresses.monitor,
            "engine": addresses.engine,
            "root_directory": str(program.root),
            "program": program.entry_point,
        }
        environment = dict(request.environment)
        if request.config:
            environment["PULUMI_CONFIG"] = json.dumps(dict(request.config))
        if request.secret_keys:
            environment["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(sorted(request.secret_keys))
        with self._lock:
            if self._closed:
                raise Bail("cancelled")
            self._process = self._start(arguments, environment)
        self._wait(self._process)

    def close(self) -> None:
        """Ends the program if it still runs."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            end_process(process)
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    def _start(self, arguments: Mapping[str, Any], environment: Mapping[str, str]) -> subprocess.Popen[str]:
        # The program holds the reading end: it ends with the engine, even with a killed one.
        reading, self._lifeline = os.pipe()
        try:
            return subprocess.Popen(
                [
                    self._interpreter,
                    "-u",
                    program_main.__file__,
                    json.dumps({**arguments, "lifeline": reading}),
                ],
                cwd=self._request.program.folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
                pass_fds=(reading,),
            )
        except OSError as error:
            raise ProgramFailed(f"could not start the program with {self._interpreter}: {error}") from error
        finally:
            os.close(reading)

    def _wait(self, process: subprocess.Popen[str]) -> None:
        readers = [
            threading.Thread(target=self._forward, args=(stream, severity), daemon=True)
            for stream, severity in ((process.stdout, "info"), (process.stderr, "info#err"))
        ]
        for reader in readers:
            reader.start()
        code = process.wait()
        for reader in readers:
            reader.join(5)
        if code == program_main.ERROR_WAS_SHOWN:
            raise Bail("the program failed")
        if code != 0:
            raise ProgramFailed(
                f"an unhandled error occurred: program exited with non-zero exit code: {code}"
            )

    def _forward(self, stream: Any, severity: str) -> None:
        for line in stream:
            self._on_output(severity, line)
