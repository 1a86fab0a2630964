"""What an engine does when it is interrupted once, twice, or terminated."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine.toy_programs import chain
from support.engine.toy_provider import ToyProvider
from support.engine.toy_stack import STACK, Operation, Ran, ToyStack
from support.polling import until

from runctl_auto.engine.events import DiagnosticEvent
from runctl_auto.engine.failures import CANCELLED_EXIT_CODE, Failure, typed_error
from runctl_auto.errors import OperationCancelledError


@pytest.fixture
def held(stack: ToyStack, provider: ToyProvider) -> Iterator[Operation]:
    """An update in the middle of the creation of ``b``."""
    provider.hold = {("create", "b")}
    with stack.operation("up", chain) as operation:
        until(lambda: "b" in provider.called("create"))
        yield operation


def assert_cancelled(ran: Ran) -> None:
    told = ran.told("diagnosticEvent")
    events = tuple(DiagnosticEvent(each["severity"], each["message"], each.get("urn", "")) for each in told)
    error = typed_error(Failure("update", STACK, ran.code, ran.out, ran.err, events))
    assert isinstance(error, OperationCancelledError), error


def test_an_engine_is_one_process(held: Operation) -> None:
    """`runctl_auto/local/interruption.py` signals the processes that runctl started; those of attached
    providers and language hosts are not the engine's."""
    children = [
        stat.parent.name for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == held.process.pid
    ]
    assert children == []


def _parent(stat: Path) -> int | None:
    try:
        return int(stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def test_one_interruption_lets_the_call_end_and_begins_no_other(
    stack: ToyStack, held: Operation, provider: ToyProvider
) -> None:
    """`runctl_auto/local/interruption.py` (``run_to_a_safe_end``), `runctl_auto/engine/failures.py`
    (``_cancelled``): exit code 1 and the words "update canceled"."""
    provider.ignore_cancel = True
    held.interrupt()
    until(lambda: provider.called("cancel"))
    provider.released.set()
    ran = held.end()
    assert ran.code == 1, ran.text
    assert [text.strip() for text in ran.errors] == ["update canceled"]
    assert stack.names() == ["a", "b"]
    assert stack.pending() == []
    assert stack.lock_files() == []
    assert [record["result"] for record in stack.records()] == ["failed"]
    assert_cancelled(ran)


def test_one_interruption_is_told_to_the_provider(
    stack: ToyStack, held: Operation, provider: ToyProvider
) -> None:
    """`runctl_auto/engine/failures.py`: a provider that breaks its call off fails the step; nothing is
    pending, whatever the call had done."""
    held.interrupt()
    ran = held.end()
    assert ran.code == 1, ran.text
    assert "create of b cancelled\n" in ran.errors
    assert stack.names() == ["a"]
    assert stack.pending() == []
    assert stack.lock_files() == []


def test_two_interruptions_end_it_at_once(stack: ToyStack, held: Operation, provider: ToyProvider) -> None:
    """`runctl_auto/engine/failures.py` (``CANCELLED_EXIT_CODE``), `runctl_auto/jobs/recovery.py`: what was
    under way is pending, the lock is gone, and the history has a record."""
    provider.ignore_cancel = True
    held.interrupt()
    until(lambda: provider.called("cancel"))
    held.interrupt()
    ran = held.end()
    assert ran.code == CANCELLED_EXIT_CODE == 8, ran.text
    assert "update cancelled" in ran.err
    assert stack.pending() == [("creating", "b")]
    assert stack.lock_files() == []
    assert [record["result"] for record in stack.records()] == ["failed"]
    assert_cancelled(ran)


def test_a_termination_is_an_interruption(stack: ToyStack, held: Operation, provider: ToyProvider) -> None:
    """`runctl_auto/local/interruption.py` (``treat_termination_as_interruption``)."""
    os.kill(held.process.pid, signal.SIGTERM)
    ran = held.end()
    assert ran.code == 1, ran.text
    assert provider.called("cancel")
    assert stack.names() == ["a"]
    assert stack.lock_files() == []
