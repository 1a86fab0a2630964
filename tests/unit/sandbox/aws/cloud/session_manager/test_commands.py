"""Commands of the emulated Systems Manager: delivered, answered, cut, cancelled, late."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.session_manager.commands import MOST_ERROR, MOST_OUT, Commands
from sandbox.aws.cloud.session_manager.nodes import Nodes

MACHINE = "i-0123456789abcdef0"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def nodes(clock: Clock) -> Nodes:
    found = Nodes(clock, lambda instance: False)
    found.register(MACHINE, {})
    return found


@pytest.fixture
def commands(nodes: Nodes, clock: Clock) -> Commands:
    return Commands(nodes, lambda instance: True, clock)


def asked(**changes: Any) -> dict[str, Any]:
    parameters = {"commands": ["echo hi", "exit 3"], "executionTimeout": ["60"]}
    return {
        "DocumentName": "AWS-RunShellScript",
        "InstanceIds": [MACHINE],
        "Parameters": parameters,
        **changes,
    }


def sent(commands: Commands, **changes: Any) -> str:
    answer = commands.send(asked(**changes))
    assert not isinstance(answer, AwsError)
    return str(answer["Command"]["CommandId"])


def invocation(commands: Commands, command: str) -> dict[str, Any]:
    answer = commands.invocation({"CommandId": command, "InstanceId": MACHINE})
    assert not isinstance(answer, AwsError)
    return answer


def code_of(answer: dict[str, Any] | AwsError) -> str:
    assert isinstance(answer, AwsError)
    return answer.code


def test_a_command_runs_on_its_host_and_its_answer_is_cut_as_aws_cuts_it(
    commands: Commands, nodes: Nodes
) -> None:
    command = sent(commands)
    assert invocation(commands, command)["Status"] == "Pending"
    (message,) = nodes.poll(MACHINE, 0) or ()
    assert (message["Script"], message["Seconds"]) == ("echo hi\nexit 3\n", 60.0)
    assert commands.delivered(command, MACHINE)
    assert invocation(commands, command)["Status"] == "InProgress"
    reply = {"CommandId": command, "Status": "Failed", "Code": 3, "Out": "o" * 30_000, "Error": "e" * 30_000}
    commands.replied(MACHINE, reply)
    told = invocation(commands, command)
    assert (told["Status"], told["ResponseCode"]) == ("Failed", 3)
    assert (len(told["StandardOutputContent"]), len(told["StandardErrorContent"])) == (MOST_OUT, MOST_ERROR)
    assert (MOST_OUT, MOST_ERROR) == (24_000, 8_000)


def test_an_answer_counts_once_and_from_its_own_instance(commands: Commands, nodes: Nodes) -> None:
    command = sent(commands)
    nodes.poll(MACHINE, 0)
    commands.delivered(command, MACHINE)
    commands.replied("i-other", {"CommandId": command, "Status": "Failed", "Code": 9})
    commands.replied(MACHINE, {"CommandId": command, "Status": "Success", "Code": 0})
    commands.replied(MACHINE, {"CommandId": command, "Status": "Failed", "Code": 9})
    assert invocation(commands, command)["Status"] == "Success"


def test_what_is_not_taken_in_time_is_not_run(commands: Commands, nodes: Nodes, clock: Clock) -> None:
    command = sent(commands, TimeoutSeconds=30)
    clock.now += 31
    assert invocation(commands, command)["StatusDetails"] == "DeliveryTimedOut"
    nodes.poll(MACHINE, 0)
    assert not commands.delivered(command, MACHINE)


def test_a_command_is_cancelled_before_and_while_it_runs(commands: Commands, nodes: Nodes) -> None:
    early, late = sent(commands), sent(commands)
    assert commands.cancel({"CommandId": early}) == {}
    assert invocation(commands, early)["Status"] == "Cancelled"
    nodes.poll(MACHINE, 0)
    assert not commands.delivered(early, MACHINE)
    commands.delivered(late, MACHINE)
    commands.cancel({"CommandId": late})
    assert nodes.poll(MACHINE, 0) == [{"Kind": "cancel", "CommandId": late}]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"InstanceIds": ["i-unknown"]}, "InvalidInstanceId"),
        ({"DocumentName": "AWS-RunPowerShellScript"}, "InvalidDocument"),
        ({"OutputS3BucketName": "b"}, "InvalidParameters"),
        ({"Parameters": {}}, "InvalidParameters"),
    ],
)
def test_what_the_sandbox_cannot_do_is_refused(
    commands: Commands, changes: dict[str, Any], code: str
) -> None:
    assert code_of(commands.send(asked(**changes))) == code


def test_an_unknown_invocation_has_the_services_own_code(commands: Commands) -> None:
    assert code_of(commands.invocation({"CommandId": "c", "InstanceId": MACHINE})) == "InvocationDoesNotExist"


def test_an_instance_that_does_not_run_is_not_valid(nodes: Nodes, clock: Clock) -> None:
    assert code_of(Commands(nodes, lambda instance: False, clock).send(asked())) == "InvalidInstanceId"


def test_a_node_is_connected_while_it_polls(nodes: Nodes, clock: Clock) -> None:
    assert nodes.is_connected(MACHINE)
    clock.now += 60
    assert not nodes.is_connected(MACHINE)
    nodes.poll(MACHINE, 0)
    assert nodes.is_connected(MACHINE)
    assert nodes.poll("i-unknown", 0) is None


def test_a_node_without_a_network_gets_nothing(clock: Clock) -> None:
    cut_off: set[str] = set()
    nodes = Nodes(clock, cut_off.__contains__)
    nodes.register(MACHINE, {})
    nodes.send(MACHINE, {"Kind": "x"})
    cut_off.add(MACHINE)
    assert nodes.poll(MACHINE, 0) == []
    assert not nodes.is_connected(MACHINE)
    cut_off.clear()
    assert nodes.poll(MACHINE, 0) == [{"Kind": "x"}]
