"""The machine ends its own group, by signed calls of its own role."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from support.scripted_web import ScriptedWeb

from runctl_auto.agent.errors import UnreachableError
from runctl_auto.agent.machine.own_group import ATTEMPTS, AUTO_SCALING, WAIT_SECONDS, OwnGroup
from runctl_auto.agent.machine.query_request import QueryService
from runctl_auto.agent.store.sigv4 import Credentials

DONE = (200, b"<SetDesiredCapacityResponse/>")
REFUSED = (403, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")


class Machine:
    def __init__(self, clock, *answers: object, tag: str | None = None, endpoint: str | None = None) -> None:
        self.web = ScriptedWeb(list(answers))
        self.said: list[str] = []
        self.tag = tag
        service = QueryService(
            self.web, *AUTO_SCALING, "eu-west-1", lambda: Credentials("key", "secret", "token"), endpoint
        )
        self.group = OwnGroup("runctl-digits-group-1", service, self.metadata, self.said.append, clock.wait)

    def metadata(self, path: str) -> str | None:
        assert path == "meta-data/tags/instance/runctl:failed-boot"
        if self.tag == "unreachable":
            raise UnreachableError("no metadata")
        return self.tag

    def asked(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(each.body.decode())) for each in self.web.asked]


def test_it_is_set_to_no_machine(clock) -> None:
    machine = Machine(clock, DONE)
    assert machine.group.end() is True
    assert machine.asked() == [
        {
            "Action": "SetDesiredCapacity",
            "Version": "2011-01-01",
            "AutoScalingGroupName": "runctl-digits-group-1",
            "DesiredCapacity": "0",
        }
    ]
    (asked,) = machine.web.asked
    assert (asked.method, asked.url) == ("POST", "https://autoscaling.eu-west-1.amazonaws.com/")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.headers["x-amz-security-token"] == "token"
    assert "/eu-west-1/autoscaling/aws4_request" in asked.headers["authorization"]


def test_another_endpoint_is_asked_instead(clock) -> None:
    machine = Machine(clock, DONE, endpoint="http://127.0.0.1:5000")
    machine.group.end()
    assert machine.web.asked[0].url == "http://127.0.0.1:5000/"


def test_what_does_not_work_is_tried_again_and_never_raises(clock) -> None:
    machine = Machine(clock, UnreachableError("no network"), REFUSED, DONE)
    assert machine.group.end() is True
    assert clock.waits == [WAIT_SECONDS] * 2
    assert "AccessDenied" in machine.said[1]
    machine = Machine(clock, *[REFUSED] * ATTEMPTS)
    assert machine.group.end() is False


def test_a_group_that_is_gone_is_not_asked_again(clock) -> None:
    gone = (400, b"<ErrorResponse><Error><Code>ValidationError</Code></Error></ErrorResponse>")
    machine = Machine(clock, gone)
    assert machine.group.end() is False
    assert clock.waits == []


@pytest.mark.parametrize("tag", [None, "no", "unreachable"])
def test_the_first_failed_boot_is_told_to_the_next_machine(clock, tag: str | None) -> None:
    machine = Machine(clock, DONE, tag=tag)
    machine.group.boot_failed()
    assert machine.asked() == [
        {
            "Action": "CreateOrUpdateTags",
            "Version": "2011-01-01",
            "Tags.member.1.ResourceId": "runctl-digits-group-1",
            "Tags.member.1.ResourceType": "auto-scaling-group",
            "Tags.member.1.Key": "runctl:failed-boot",
            "Tags.member.1.Value": "yes",
            "Tags.member.1.PropagateAtLaunch": "true",
        }
    ]


def test_the_second_failed_boot_ends_the_group(clock) -> None:
    machine = Machine(clock, DONE, tag="yes")
    machine.group.boot_failed()
    assert [each["Action"] for each in machine.asked()] == ["SetDesiredCapacity"]
    assert "could not be started either" in machine.said[0]


def test_a_boot_that_works_forgives_the_one_before(clock) -> None:
    machine = Machine(clock, DONE, tag="yes")
    machine.group.boot_worked()
    assert [each["Tags.member.1.Value"] for each in machine.asked()] == ["no"]
    machine = Machine(clock, tag=None)
    machine.group.boot_worked()
    assert machine.asked() == []
