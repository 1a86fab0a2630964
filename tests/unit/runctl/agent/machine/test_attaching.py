"""The machine of a group attaches the job's volumes to itself."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from support.scripted_web import ScriptedWeb

from runctl_auto.agent.errors import UnreachableError, VolumeError
from runctl_auto.agent.machine.attaching import ATTACH_SECONDS, EC2, Attaching
from runctl_auto.agent.machine.query_request import QueryService
from runctl_auto.agent.spec import VolumeSpec
from runctl_auto.agent.store.sigv4 import Credentials

DATA = VolumeSpec("data", "vol-0abc", "/data", "/dev/sdf")
DONE = (200, b"<AttachVolumeResponse/>")


def failed(code: str, status: int = 400) -> tuple[int, bytes]:
    return status, f"<Response><Errors><Error><Code>{code}</Code></Error></Errors></Response>".encode()


def attaching(clock, said: list[str], *answers: object) -> tuple[Attaching, ScriptedWeb]:
    web = ScriptedWeb(list(answers))
    service = QueryService(web, *EC2, "eu-west-1", lambda: Credentials("key", "secret"))
    return Attaching(service, lambda: "i-1", said.append, clock, clock.wait), web


def test_a_volume_is_attached_to_this_machine_under_its_name(clock, said) -> None:
    made, web = attaching(clock, said, DONE)
    made.attach(DATA)
    (asked,) = web.asked
    assert asked.url == "https://ec2.eu-west-1.amazonaws.com/"
    assert dict(parse_qsl(asked.body.decode())) == {
        "Action": "AttachVolume",
        "Version": "2016-11-15",
        "VolumeId": "vol-0abc",
        "InstanceId": "i-1",
        "Device": "/dev/sdf",
    }


@pytest.mark.parametrize(
    "passing",
    [failed("VolumeInUse"), failed("IncorrectState"), failed("Unavailable", 503), UnreachableError("down")],
)
def test_a_volume_that_another_machine_still_holds_is_waited_for(clock, said, passing: object) -> None:
    made, web = attaching(clock, said, *[passing] * 3, DONE)
    made.attach(DATA)
    assert len(web.asked) == 4
    assert len(said) == 1


def test_it_is_not_waited_for_longer_than_five_minutes(clock, said) -> None:
    made, _ = attaching(clock, said, *[failed("VolumeInUse")] * 200)
    with pytest.raises(VolumeError, match=r"data \(vol-0abc\) cannot be attached: .*VolumeInUse"):
        made.attach(DATA)
    assert sum(clock.waits) == ATTACH_SECONDS


def test_a_refusal_is_told_at_once(clock, said) -> None:
    made, web = attaching(clock, said, failed("InvalidVolume.ZoneMismatch"))
    with pytest.raises(VolumeError, match="ZoneMismatch"):
        made.attach(DATA)
    assert len(web.asked) == 1
