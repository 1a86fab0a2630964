"""A process that has imported what programs import, and forks a child for each of them.

It has one thread and no gRPC channel when it forks: a thread or a lock held by one would not survive in the
child. It reads requests of the host, and tells it of each child when it has started and how it ended.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from . import lifeline, task, warm_wire

_TASKS = Path("/proc/self/task")


def main(arguments: Sequence[str]) -> int:
    """Imports the modules, then serves the socket until the host closes it.

    The argument is JSON: ``socket`` and ``lifeline`` (file descriptors), ``modules`` and ``search`` (folders
    that come first on the import path while the modules are imported).
    """
    settings = json.loads(arguments[0])
    connection = socket.socket(fileno=settings["socket"])
    connection.set_inheritable(False)
    os.set_inheritable(settings["lifeline"], False)
    import_modules(settings["modules"], settings["search"])
    gc.collect()
    gc.freeze()
    request = _Parent(connection).serve()
    if request is not None:  # this is a child now
        _run(request, settings["lifeline"])
    return 0


def import_modules(modules: Sequence[str], search: Sequence[str]) -> None:
    """Imports each module, or says on the standard error why not: the program will tell if it needs it."""
    sys.path[:0] = search
    try:
        for module in modules:
            try:
                importlib.import_module(module)
            except Exception:
                sys.stderr.write(f"{module} could not be imported:\n{traceback.format_exc()}")
    finally:
        for folder in search:
            sys.path.remove(folder)


def threads() -> int:
    """How many threads this process has, those of C libraries included where /proc shows them."""
    return len(list(_TASKS.iterdir())) if _TASKS.is_dir() else threading.active_count()


class _Parent:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._children: dict[int, int] = {}  # process id -> the host's number of the task

    def serve(self) -> Mapping[str, Any] | None:
        """Serves until the host is gone, then kills what still runs, and returns None. In each child, returns
        the request that the child is for: the stack of a program, which the SDK notes, stays short."""
        self._wakeup, wakeup_end = socket.socketpair()
        wakeup_end.setblocking(False)
        self._wakeup.setblocking(False)
        signal.set_wakeup_fd(wakeup_end.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, selectors.EVENT_READ)
            selector.register(self._wakeup, selectors.EVENT_READ)
            self._inherited = (self._connection, self._wakeup, wakeup_end)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._wakeup in ready:
                    with contextlib.suppress(BlockingIOError):
                        self._wakeup.recv(4096)
                    self._reap()
                if self._connection not in ready:
                    continue
                received = warm_wire.receive(self._connection)
                if received is None:
                    break
                if self._answer(*received):
                    return received[0]
        for process in self._children:
            self._signal(process, signal.SIGKILL)
        return None

    def _answer(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> bool:
        """Does what a request says; True in a child that was forked for it."""
        if "signal" in request:
            for process, number in self._children.items():
                if number == request["number"]:
                    self._signal(process, request["signal"])
            return False
        try:
            return self._fork(request["number"], descriptors)
        finally:
            for each in descriptors:
                os.close(each)

    def _fork(self, number: int, descriptors: Sequence[int]) -> bool:
        count = threads()
        if count != 1:
            self._tell({"number": number, "refused": f"it has {count} threads"})
            return False
        process = os.fork()
        if process == 0:
            self._become_child(descriptors)
            return True
        self._children[process] = number
        self._tell({"number": number, "process": process})
        return False

    def _become_child(self, descriptors: Sequence[int]) -> None:
        """Gives up what is the parent's, and takes the descriptors as standard output and error."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in self._inherited:
            each.close()
        for target, descriptor in enumerate(descriptors, start=1):
            os.dup2(descriptor, target)

    def _reap(self) -> None:
        while self._children:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            self._signal(process, signal.SIGKILL)  # what it left in its group
            number = self._children.pop(process)
            self._tell({"number": number, "code": os.waitstatus_to_exitcode(status)})

    def _tell(self, answer: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the host is gone, which the next read shows
            self._connection.sendall(json.dumps(answer).encode() + b"\n")

    @staticmethod
    def _signal(process: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process, number)


def _run(request: Mapping[str, Any], lifeline_end: int) -> NoReturn:
    """Runs the task of a child, which then ends as an interpreter of its own would."""
    code = 1
    try:
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        lifeline.follow(lifeline_end)
        code = task.run(request["task"])
    except SystemExit as leaving:
        code = _exit_code(leaving)
    except BaseException:
        traceback.print_exc()
    finally:
        _end(code)


def _exit_code(leaving: SystemExit) -> int:
    """The exit code of ``sys.exit(...)``, by Python's rules."""
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code
    sys.stderr.write(f"{leaving.code}\n")
    return 1


def _end(code: int) -> NoReturn:
    """Ends a child: threads that are not daemons are waited for, exit handlers run, nothing of the parent's
    stack is unwound. The interpreter's own ends of forked children (``multiprocessing``) do the same."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
        code = code or 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code & 0xFF)
