"""Systems Manager's answers as the contract has them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runctl_auto.errors import AccessDeniedError, MachineNotReachableError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.reach import SsmReach
from runctl_auto.providers.reach import OpenedSession

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)


class Ssm:
    """Answers each operation with what is scripted for it, an error if it is one."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.asked.append((operation, parameters))
            answer = self.answers[operation]
            if isinstance(answer, str):
                raise ClientError({"Error": {"Code": answer, "Message": "no"}}, operation)
            return answer

        return call


def reach(**answers: Any) -> tuple[SsmReach, Ssm]:
    ssm = Ssm(**answers)
    return SsmReach(Cloud(lambda service, region: ssm, "eu-west-1", sleep=lambda _: None)), ssm


@pytest.mark.parametrize(
    ("status", "details", "phase"),
    [
        ("Pending", "Pending", "waiting"),
        ("Delayed", "Delayed", "waiting"),
        ("InProgress", "InProgress", "running"),
        ("Success", "Success", "ended"),
        ("Failed", "Failed", "ended"),
        ("Cancelled", "Cancelled", "cancelled"),
        ("TimedOut", "Execution Timed Out", "timed-out"),
        ("TimedOut", "Delivery Timed Out", "undelivered"),
        ("Failed", "Undeliverable", "undelivered"),
    ],
)
def test_the_status_of_a_command(status: str, details: str, phase: str) -> None:
    answer = {"Status": status, "StatusDetails": details, "ResponseCode": 3, "StandardOutputContent": "x"}
    found = reach(get_command_invocation=answer)[0].command("i-1", "c-1")
    assert (found.phase, found.code, found.out) == (phase, 3, "x")


def test_a_command_that_does_not_show_yet_waits() -> None:
    assert reach(get_command_invocation="InvocationDoesNotExist")[0].command("i-1", "c").phase == "waiting"


def test_a_command_is_sent_to_one_machine_with_its_time() -> None:
    found, ssm = reach(send_command={"Command": {"CommandId": "c-1"}})
    assert found.send("i-1", "exec x", seconds=77, comment="c" * 200) == "c-1"
    ((_, asked),) = ssm.asked
    assert asked["InstanceIds"] == ["i-1"]
    assert asked["Parameters"] == {"commands": ["exec x"], "executionTimeout": ["77"]}
    assert len(asked["Comment"]) == 100


@pytest.mark.parametrize("code", ["InvalidInstanceId", "TargetNotConnected"])
def test_a_machine_without_its_agent_is_not_reached(code: str) -> None:
    found, _ = reach(send_command=code, start_session=code)
    with pytest.raises(MachineNotReachableError):
        found.send("i-1", "x", seconds=1, comment="")
    with pytest.raises(MachineNotReachableError):
        found.open_terminal("i-1", "x", reason="")


def test_another_refusal_is_what_it_is() -> None:
    with pytest.raises(AccessDeniedError):
        reach(send_command="AccessDeniedException")[0].send("i-1", "x", seconds=1, comment="")


@pytest.mark.parametrize(
    ("listed", "connection"),
    [
        ([], "unknown"),
        ([{"PingStatus": "Online"}], "connected"),
        ([{"PingStatus": "ConnectionLost"}], "lost"),
    ],
)
def test_whether_a_machine_is_connected(listed: list[dict[str, str]], connection: str) -> None:
    answer = {"InstanceInformationList": listed}
    assert reach(describe_instance_information=answer)[0].connection("i-1") == connection


def test_a_session_that_has_ended_is_not_resumed() -> None:
    session = OpenedSession("s-1", "i-1", "wss://old", "token")
    assert reach(resume_session={"SessionId": "s-1"})[0].resume(session) is None
    assert reach(resume_session="DoesNotExistException")[0].resume(session) is None
    again = reach(resume_session={"SessionId": "s-1", "TokenValue": "new"})[0].resume(session)
    assert again is not None
    assert (again.token, again.url) == ("new", "wss://old")


def test_a_token_is_not_shown() -> None:
    assert "secret" not in repr(OpenedSession("s-1", "i-1", "wss://there", "secret"))


def test_sessions_are_told_the_newest_first() -> None:
    def told(identity: str, minute: int, document: str) -> dict[str, Any]:
        return {
            "SessionId": identity,
            "Target": "i-1",
            "Owner": "arn:ann",
            "StartDate": NOW.replace(minute=minute),
            "DocumentName": document,
        }

    sessions = [told("a", 1, "AWS-StartInteractiveCommand"), told("b", 2, "SSM-SessionManagerRunShell")]
    found = reach(describe_sessions={"Sessions": sessions})[0].sessions("i-1")
    assert [(each.id, each.kind) for each in found[:2]] == [("b", "console"), ("b", "console")]
    assert {each.kind for each in found} == {"shell", "console"}
