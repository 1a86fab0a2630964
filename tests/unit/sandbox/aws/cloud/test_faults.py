from typing import Any

import pytest

from sandbox.aws.cloud.faults import BadFault, Fault, Faults
from sandbox.aws.cloud.lifecycle import Cause
from sandbox.aws.cloud.operations import AwsCall

CAPACITY = {
    "service": "ec2",
    "operation": "RunInstances",
    "code": "InsufficientInstanceCapacity",
    "times": 2,
    "match": {"InstanceType": "g5.xlarge"},
}
CALL = AwsCall("ec2", "RunInstances", {"InstanceType": "g5.xlarge", "MinCount": "1"})


@pytest.fixture
def faults() -> Faults:
    made = Faults()
    made.add(Fault.from_json(CAPACITY))
    return made


def test_a_fault_is_taken_as_often_as_it_says(faults: Faults) -> None:
    taken = [faults.take(CALL) for _ in range(3)]
    assert [fault.code if fault else None for fault in taken] == [CAPACITY["code"]] * 2 + [None]
    assert not faults


@pytest.mark.parametrize(
    "call",
    [
        AwsCall("ec2", "RunInstances", {"InstanceType": "t3.micro"}),
        AwsCall("ec2", "RunInstances"),
        AwsCall("ec2", "StartInstances", {"InstanceType": "g5.xlarge"}),
        AwsCall("iam", "RunInstances", {"InstanceType": "g5.xlarge"}),
    ],
)
def test_other_calls_go_on(faults: Faults, call: AwsCall) -> None:
    assert faults.take(call) is None
    assert faults.as_json() == [CAPACITY]


@pytest.mark.parametrize(
    ("service", "operation", "code", "cause"),
    [
        ("ec2", "RunInstances", "Server.InsufficientInstanceCapacity", Cause.CAPACITY),
        ("ec2", "RunInstances", "InsufficientInstanceCapacity", None),
        ("ec2", "StartInstances", "Server.InsufficientInstanceCapacity", None),
    ],
)
def test_a_state_reason_ends_a_launch(service: str, operation: str, code: str, cause: Cause | None) -> None:
    fault = Fault.from_json({"service": service, "operation": operation, "code": code})
    assert fault.ends_launch is cause


def test_cleared_faults_are_gone(faults: Faults) -> None:
    faults.clear()
    assert faults.take(CALL) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"service": None}, "'service'"),
        ({"operation": None}, "'operation'"),
        ({"code": None}, "'code'"),
        ({"times": 0}, "times"),
        ({"times": "many"}, "times"),
        ({"tmies": 3}, "'tmies'"),
    ],
)
def test_a_wrong_fault_is_refused_by_name(change: dict[str, Any], words: str) -> None:
    wanted = {key: value for key, value in {**CAPACITY, **change}.items() if value is not None}
    with pytest.raises(BadFault, match=words):
        Fault.from_json(wanted)


def test_something_else_than_an_object_is_refused() -> None:
    with pytest.raises(BadFault):
        Fault.from_json(["ec2"])


@pytest.mark.parametrize(
    ("code", "status"),
    [("InsufficientInstanceCapacity", 500), ("AccessDenied", 403), ("SlowDown", 503), ("Whatever", 400)],
)
def test_the_status_is_that_of_the_service(code: str, status: int) -> None:
    assert Fault.from_json({**CAPACITY, "code": code}).status == status


def test_a_fault_may_let_some_calls_through_first() -> None:
    made = Faults()
    made.add(Fault.from_json({**CAPACITY, "times": 1, "after": 2}))
    assert made.as_json()[0]["after"] == 2
    assert [made.take(CALL) is not None for _ in range(4)] == [False, False, True, False]
    with pytest.raises(BadFault, match="after is a number from 0"):
        Fault.from_json({**CAPACITY, "after": -1})
