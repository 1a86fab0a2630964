"""The agent's process on a person's own machine: waits for its turn, serves the run, starts the next."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from runctl_auto.agent.contract import Phase
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.job.processes import be_no_subreaper
from runctl_auto.agent.job.stopping import StopSwitch
from runctl_auto.agent.local.agent_record import AgentRecord
from runctl_auto.agent.local.job_folder import AgentProcess, JobFolder
from runctl_auto.agent.local.leftover import end_left
from runctl_auto.agent.local.queue import Queue, Turn
from runctl_auto.agent.local.service import Around, build_service
from runctl_auto.agent.local.spawn import spawn
from runctl_auto.agent.machine.system_stop import take_default_actions

LOOK_FOR_TURN_SECONDS = 0.3


def main(arguments: Sequence[str]) -> int:
    """``FOLDER LOCK``: the job's folder, and the descriptor by which this process holds the job's lock."""
    folder, lock = JobFolder(Path(arguments[0])), int(arguments[1])
    os.set_inheritable(lock, False)
    queue = Queue(folder.path.parent.parent, spawn, end_leftover=end_left, say=_say)
    take_default_actions()
    run = None
    try:
        record = AgentRecord.of(folder)
        run = record.run
        _serve(folder, record)
    except Exception:
        _say(traceback.format_exc())
        return 1
    finally:
        be_no_subreaper()  # the next agent is no process of this job
        queue.leave(folder.name, run)
    return 0


def _serve(folder: JobFolder, record: AgentRecord) -> None:
    began_at = time.time()
    secrets = _given_secrets(record)
    turn = _await_turn(folder, record.run)
    if turn is None:
        return
    process = AgentProcess(f"process-{os.getpid()}", os.getpid(), began_at)
    process.write(folder)
    folder.begun.write_text(str(turn.number), encoding="ascii")
    switch = StopSwitch()
    build_service(Around(folder, record, process, turn.gpus, secrets), switch).serve()
    goes_on = switch.request is not None and switch.request.phase == Phase.INTERRUPTED
    if record.secrets and not goes_on:
        # What the job printed as it was: the log in the store has its secrets masked.
        (folder.run(record.run) / "output.log").unlink(missing_ok=True)


def _given_secrets(record: AgentRecord) -> Mapping[str, str]:
    """From standard input, which is closed then. Raises AgentError when whoever gives them was killed."""
    if not record.secrets:
        return {}
    try:
        found = json.loads(sys.stdin.buffer.read())
        given = {name: str(found[name]) for name in record.secrets}
    except (ValueError, KeyError, TypeError) as error:
        raise AgentError("the secrets did not arrive") from error
    sys.stdin.close()
    return given


def _await_turn(folder: JobFolder, run: str) -> Turn | None:
    """The turn once it is granted; None when the job was taken out of the queue."""
    while True:
        turn = Turn.of(folder)
        if turn is None or turn.state == "none" or turn.run != run:
            return None
        if turn.state == "granted":
            return turn
        time.sleep(LOOK_FOR_TURN_SECONDS)


def _say(text: str) -> None:
    sys.stderr.write(f"runctl: {text}\n")
