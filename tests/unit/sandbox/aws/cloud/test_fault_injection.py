"""Experiments that interrupt spot instances: what AWS requires of them is required here too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.fault_injection import ACTION, CALLER, PERMISSION, TARGET, FaultInjection
from sandbox.aws.cloud.operations import AwsCall

ROLE = "arn:aws:iam::123456789012:role/faults"
MACHINE = "arn:aws:ec2:us-east-1:123456789012:instance/i-1"
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": CALLER}, "Action": "sts:AssumeRole"}]}
ALLOWED = {"Statement": [{"Effect": "Allow", "Action": PERMISSION, "Resource": MACHINE}]}


class Machines:
    def __init__(self) -> None:
        self.spot: dict[str, bool] = {"i-1": True}
        self.roles: dict[str, tuple[Any, Sequence[Any]]] = {ROLE: (TRUST, [ALLOWED])}
        self.interrupted: list[tuple[str, float]] = []

    def is_spot(self, instance: str) -> bool | None:
        return self.spot.get(instance)

    def interrupt(self, instance: str, notice_seconds: float) -> None:
        self.interrupted.append((instance, notice_seconds))

    def has_ended(self, instance: str) -> bool:
        return instance not in self.spot

    def role(self, arn: str) -> tuple[Any, Sequence[Any]] | None:
        return self.roles.get(arn)


class Service:
    def __init__(self) -> None:
        self.machines = Machines()
        self.now = 1000.0
        self.injection = FaultInjection(self.machines, lambda: self.now)

    def call(self, operation: str, identity: str = "", **content: Any) -> Any:
        call = AwsCall("fis", operation, {"Id": identity}, is_json=True)
        return self.injection.answer(call, json.dumps(content).encode())

    def template(self, **changes: Any) -> Any:
        asked = {
            "stopConditions": [{"source": "none"}],
            "targets": {
                "machine": {"resourceType": TARGET, "resourceArns": [MACHINE], "selectionMode": "ALL"}
            },
            "actions": {
                "interrupt": {
                    "actionId": ACTION,
                    "parameters": {"durationBeforeInterruption": "PT2M"},
                    "targets": {"SpotInstances": "machine"},
                }
            },
            "roleArn": ROLE,
            "tags": {"for": "a test"},
        }
        return self.call("CreateExperimentTemplate", **{**asked, **changes})

    def started(self) -> str:
        template = self.template()["experimentTemplate"]["id"]
        return str(self.call("StartExperiment", experimentTemplateId=template)["experiment"]["id"])

    def state(self, experiment: str) -> dict[str, str]:
        found: dict[str, str] = self.call("GetExperiment", experiment)["experiment"]["state"]
        return found


@pytest.fixture
def service() -> Service:
    return Service()


def test_an_experiment_gives_the_machine_its_notice_and_runs_until_the_machine_ends(service: Service) -> None:
    experiment = service.started()
    assert service.machines.interrupted == [("i-1", 120)]
    assert service.state(experiment)["status"] == "running"
    del service.machines.spot["i-1"]
    assert service.state(experiment)["status"] == "completed"


def test_it_ends_with_its_time(service: Service) -> None:
    experiment = service.started()
    service.now += 120
    assert service.state(experiment)["status"] == "completed"


def test_a_running_one_is_stopped_once(service: Service) -> None:
    experiment = service.started()
    assert service.call("StopExperiment", experiment)["experiment"]["state"]["status"] == "stopped"
    again = service.call("StopExperiment", experiment)
    assert isinstance(again, AwsError)
    assert again.code == "ConflictException"


def test_templates_are_listed_until_they_are_deleted(service: Service) -> None:
    identity = service.template()["experimentTemplate"]["id"]
    (listed,) = service.call("ListExperimentTemplates")["experimentTemplates"]
    assert (listed["id"], listed["tags"]) == (identity, {"for": "a test"})
    service.call("DeleteExperimentTemplate", identity)
    assert service.call("ListExperimentTemplates")["experimentTemplates"] == []


@pytest.mark.parametrize("operation", ["DeleteExperimentTemplate", "GetExperiment", "StopExperiment"])
def test_what_does_not_exist_is_not_found(service: Service, operation: str) -> None:
    answer = service.call(operation, "EX0")
    assert isinstance(answer, AwsError)
    assert (answer.code, answer.status) == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize("duration", ["PT1M", "PT90S", "PT16M", "2M", ""])
def test_the_notice_is_two_to_fifteen_minutes(service: Service, duration: str) -> None:
    action = {
        "actionId": ACTION,
        "parameters": {"durationBeforeInterruption": duration},
        "targets": {"SpotInstances": "machine"},
    }
    answer = service.template(actions={"interrupt": action})
    assert isinstance(answer, AwsError)
    assert answer.code == "ValidationException"


@pytest.mark.parametrize(
    "changes",
    [
        {"actions": {"stop": {"actionId": "aws:ec2:stop-instances"}}},
        {"targets": {}},
        {"targets": {"machine": {"resourceType": "aws:ec2:instance", "selectionMode": "ALL"}}},
        {
            "targets": {
                "machine": {"resourceType": TARGET, "selectionMode": "COUNT(1)", "resourceArns": [MACHINE]}
            }
        },
        {"targets": {"machine": {"resourceType": TARGET, "selectionMode": "ALL"}}},
        {"stopConditions": [{"source": "aws:cloudwatch:alarm"}]},
        {"roleArn": None, "actions": None},
    ],
)
def test_what_is_not_supported_is_refused(service: Service, changes: dict[str, Any]) -> None:
    assert isinstance(service.template(**changes), AwsError)


def test_an_operation_that_is_not_supported_is_named(service: Service) -> None:
    answer = service.call("ListActions")
    assert isinstance(answer, AwsError)
    assert "GetExperiment" in answer.message


@pytest.mark.parametrize(
    ("role", "reason"),
    [
        (None, "assume"),
        (({"Statement": []}, [ALLOWED]), "assume"),
        ((TRUST, []), "not authorized"),
        (
            (TRUST, [{"Statement": [{"Effect": "Allow", "Action": PERMISSION, "Resource": "arn:other"}]}]),
            "not authorized",
        ),
    ],
)
def test_the_role_has_to_trust_the_service_and_to_allow_the_action(
    service: Service, role: tuple[Any, Sequence[Any]] | None, reason: str
) -> None:
    service.machines.roles = {} if role is None else {ROLE: role}
    state = service.state(service.started())
    assert state["status"] == "failed"
    assert reason in state["reason"]
    assert service.machines.interrupted == []


@pytest.mark.parametrize("spot", [{}, {"i-1": False}])
def test_only_a_running_spot_machine_is_interrupted(service: Service, spot: dict[str, bool]) -> None:
    service.machines.spot = spot
    assert service.state(service.started())["status"] == "failed"
    assert service.machines.interrupted == []
