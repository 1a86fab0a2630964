"""Numbering calls and holding one of them."""

import threading
from collections.abc import Callable

import pytest

from sandbox.aws.cloud.operations import AwsCall
from sandbox.aws.cloud.points import BadWatch, Points, Visit, Watch

RUN = AwsCall("ec2", "RunInstances")
LOOK = AwsCall("ec2", "DescribeInstances")
OTHER = AwsCall("ec2", "CreateVolume")
AGENT = "Boto runctl-sandbox-provider"


def passing(points: Points, visit: Visit | None, when: str) -> tuple[threading.Thread, list[bool]]:
    results: list[bool] = []
    wait: Callable[[], None] = lambda: results.append(points.may_pass(visit, when))  # noqa: E731
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread, results


def test_only_watched_calls_are_numbered() -> None:
    points = Points()
    assert points.enter(RUN, AGENT) is None, "nothing is watched"
    points.watch(Watch(caller="provider"))
    numbers = [points.enter(*each) for each in ((RUN, AGENT), (RUN, "other"), (LOOK, AGENT), (RUN, AGENT))]
    assert [each.number if each else None for each in numbers] == [1, None, None, 2]
    told = {"seen": ["ec2:RunInstances"] * 2, "callers": [AGENT] * 2, "held": None}
    assert points.as_json() == told
    points.watch(Watch(call="ec2:RunInstances"))
    numbers = [points.enter(*each) for each in ((OTHER, AGENT), (RUN, AGENT))]
    assert [each.number if each else None for each in numbers] == [None, 1]
    points.watch(Watch(reads=True))
    assert points.enter(LOOK, "anybody") is not None
    points.watch(None)
    assert points.enter(RUN, AGENT) is None


@pytest.mark.parametrize("drop", [False, True])
def test_the_named_call_is_held_until_it_is_released(drop: bool) -> None:
    points = Points()
    points.watch(Watch(hold=2, when="before"))
    first, second = points.enter(RUN, AGENT), points.enter(RUN, AGENT)
    assert points.may_pass(first, "before")
    thread, results = passing(points, second, "before")
    assert points.as_json(timeout=10)["held"] == {"number": 2, "when": "before", "call": "ec2:RunInstances"}
    assert results == []
    assert points.release(drop=drop)
    thread.join(10)
    assert results == [not drop]
    assert not points.release(drop=drop), "nothing is held any more"
    assert points.may_pass(second, "after"), "it is held once"


def test_a_new_watch_lets_go_of_what_is_held() -> None:
    points = Points()
    points.watch(Watch(hold=1, when="after"))
    visit = points.enter(RUN, AGENT)
    assert points.may_pass(visit, "before")
    thread, results = passing(points, visit, "after")
    assert points.as_json(timeout=10)["held"]
    points.watch(Watch(hold=1))
    thread.join(10)
    assert results == [True]
    assert points.may_pass(visit, "before"), "the number belongs to the watch before"


@pytest.mark.parametrize("wrong", [{"hold": -1}, {"hold": "2"}, {"when": "during"}, {"whom": "x"}])
def test_a_wrong_watch_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadWatch):
        Watch.from_json(wrong)
