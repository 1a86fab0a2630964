"""Locks of a ``file://`` backend: what is in them, who respects them, who removes them."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from getpass import getuser
from pathlib import Path

import pytest
from support.engine.toy_programs import chain
from support.engine.toy_provider import ToyProvider
from support.engine.toy_stack import STACK, Operation, ToyStack
from support.polling import until

from runctl_auto.backend.locks import Processes, is_dead, owners_in, parse_lock
from runctl_auto.engine.failures import Failure, typed_error
from runctl_auto.errors import StackLockedError


@pytest.fixture
def held(stack: ToyStack, provider: ToyProvider) -> Iterator[Operation]:
    """An update in the middle of the creation of ``b``."""
    provider.hold = {("create", "b")}
    with stack.operation("up", chain) as operation:
        until(lambda: "b" in provider.called("create"))
        yield operation


def lock_of_a_dead_process(stack: ToyStack, name: str) -> Path:
    stack.locks.mkdir(parents=True, exist_ok=True)
    content = {"pid": 4194305, "username": "u", "hostname": "h", "timestamp": "2026-01-02T03:04:05.678Z"}
    file = stack.locks / f"{name}.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_a_lock_names_the_engine_that_works(stack: ToyStack, held: Operation) -> None:
    """`runctl_auto/backend/locks.py`: four keys; the process is the one that was started, which carries
    ``RUNCTL_STARTED_BY`` in its environment."""
    (file,) = stack.lock_files()
    content = json.loads(file.read_bytes())
    assert set(content) == {"pid", "username", "hostname", "timestamp"}
    owner = parse_lock(file.read_bytes())
    assert owner is not None
    assert (owner.pid, owner.host, owner.user) == (held.process.pid, socket.gethostname(), getuser())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", owner.since)
    assert not is_dead(owner, Processes())


def test_a_second_operation_is_refused_and_told_by_whom(stack: ToyStack, held: Operation) -> None:
    """`runctl_auto/engine/failures.py` (``_locked``), `runctl_auto/backend/locks.py` (``owners_in``)."""
    ran = stack.operate("refresh", None)
    assert ran.code == 1, ran.text
    assert "the stack is currently locked by 1 lock(s)" in ran.err
    (owner,) = owners_in(ran.err)
    assert owner.pid == held.process.pid
    error = typed_error(Failure("refresh", STACK, ran.code, ran.out, ran.err, ran.events))
    assert isinstance(error, StackLockedError)
    assert list(error.owners) == [owner]


def test_the_listing_does_not_tell_who_works(stack: ToyStack, held: Operation) -> None:
    """`runctl_auto/engine/driver.py` (``jobs``): of a backend of files only the locks tell that a stack is
    busy."""
    (listed,) = json.loads(stack.pulumi("stack", "ls", "--json"))
    assert listed["name"] == STACK
    assert "updateInProgress" not in listed


def test_a_killed_engine_leaves_its_lock(stack: ToyStack, held: Operation, provider: ToyProvider) -> None:
    """`runctl_auto/engine/dead_owners.py` and `runctl_auto/operations/unlock.py`
    remove it."""
    held.kill()
    provider.hold = set()
    (file,) = stack.lock_files()
    owner = parse_lock(file.read_bytes())
    assert owner is not None
    assert is_dead(owner, Processes())
    assert stack.operate("up", chain).code == 1, "it is still locked"
    file.unlink()
    stack.up(chain)


def test_what_a_lock_refuses_and_what_not(stack: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py`: preview, state and outputs are read beside a working engine;
    changes of the state are refused."""
    stack.up(chain)
    exported = stack.pulumi("stack", "export", "--stack", STACK)
    lock_of_a_dead_process(stack, "planted")
    assert stack.operate("preview", chain).code == 0
    assert stack.operate("destroy", None, "--preview-only").code == 0
    assert stack.run("stack", "output", "--json").code == 0
    assert stack.run("config", "set", "toys:a", "1", "--stack", STACK).code == 0
    for refused in (
        stack.operate("up", chain),
        stack.operate("destroy", None),
        stack.run("stack", "import", "--stack", STACK, given=exported),
        stack.run("stack", "rm", "--yes", "--force", STACK),
    ):
        assert refused.code == 1, refused.text
        assert "currently locked by" in refused.err


def test_cancel_removes_all_locks(stack: ToyStack) -> None:
    """`runctl_auto/backend/backend.py` (``remove_lock``) removes one at a time instead."""
    for name in ("one", "other"):
        lock_of_a_dead_process(stack, name)
    stack.pulumi("cancel", "--yes", STACK)
    assert stack.lock_files() == []


def test_cancel_stops_nobody(stack: ToyStack, held: Operation, provider: ToyProvider) -> None:
    """`runctl_auto/backend/locks.py`: a lock goes only when its owner is known to be dead."""
    stack.pulumi("cancel", "--yes", STACK)
    assert held.process.poll() is None
    provider.released.set()
    assert held.end().code == 0
