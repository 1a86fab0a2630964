"""The launcher on a machine: sent, waited for, and what becomes of it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import FakeTime, instance_state, stack_config, stack_state
from support.sessions import fake_provider, fake_session

from runctl_auto.errors import MachineNotReachableError, RemoteCommandError
from runctl_auto.jobs.reach.machine import ReachedMachine
from runctl_auto.jobs.reach.remote_script import RemoteScript, launcher_script
from runctl_auto.jobs.session import Time
from runctl_auto.providers.contract import Machine
from runctl_auto.providers.reach import Reach, SentCommand


def script_with(*answers: SentCommand) -> tuple[RemoteScript, Any, FakeTime]:
    provider, clock = fake_provider(), FakeTime()
    provider.reach = create_autospec(Reach, instance=True)
    provider.reach.send.return_value = "c-1"
    provider.reach.connection.return_value = "lost"
    provider.reach.command.side_effect = [*answers, *[answers[-1]] * 1000]
    session = fake_session(provider=provider, time=Time(clock.sleep, clock.monotonic))
    machine = ReachedMachine(
        session, stack_config(), stack_state(instance_state()), Machine("i-1", "running"), provider
    )
    return RemoteScript(machine, ["ps"], what="ps", seconds=60), provider.reach, clock


def test_arguments_are_quoted_for_the_shell() -> None:
    assert launcher_script(["exec", "it's", "$x"]).endswith("""/var/lib/runctl/reach" exec 'it'"'"'s' '$x'""")


def test_what_it_printed_is_the_result() -> None:
    script, reach, _ = script_with(
        SentCommand("waiting"), SentCommand("running"), SentCommand("ended", 0, "told")
    )
    assert script.run() == "told"
    assert reach.send.call_args.args[0] == "i-1"
    assert reach.send.call_args.kwargs["seconds"] == 60


def test_a_command_that_is_not_taken_is_told_within_15_seconds() -> None:
    script, _, clock = script_with(SentCommand("waiting"))
    with pytest.raises(MachineNotReachableError, match="does not answer"):
        script.run()
    assert clock.now <= 15


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (SentCommand("undelivered"), MachineNotReachableError, "does not answer"),
        (SentCommand("cancelled"), RemoteCommandError, "cancelled"),
        (SentCommand("timed-out"), RemoteCommandError, "60 s"),
        (
            SentCommand("ended", 127, "", "sh: 1: /var/lib/runctl/reach: not found"),
            MachineNotReachableError,
            "earlier version",
        ),
        (SentCommand("ended", 70, "", "runctl: no bucket"), RemoteCommandError, "no bucket"),
    ],
)
def test_what_went_wrong_is_told(answer: SentCommand, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        script_with(answer)[0].run()


def test_a_long_command_is_waited_for_with_something_done_meanwhile() -> None:
    script, _, clock = script_with(*[SentCommand("running")] * 30, SentCommand("ended", 0, "x"))
    calls: list[float] = []
    assert script.run(lambda: calls.append(clock.now)) == "x"
    assert max(after - before for before, after in pairwise(calls)) <= 1.0
