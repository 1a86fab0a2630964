"""The proof waits for what is late and tells what stays."""

from __future__ import annotations

from unittest.mock import create_autospec

from runctl_auto.teardown.proof import DEADLINE_SECONDS, prove
from runctl_auto.teardown.receipt import Leak
from runctl_auto.teardown.scan import Found, Scanner

VOLUME = Found("volume", "vol-1", "aws ec2 delete-volume --volume-id vol-1")
GROUP = Found("security group", "sg-1", "aws ec2 delete-security-group --group-id sg-1")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


def test_what_disappears_late_is_no_leak() -> None:
    scanner = create_autospec(Scanner, instance=True)
    scanner.find.side_effect = [(VOLUME, GROUP), (GROUP,), ()]
    clock = Clock()
    assert prove(scanner, ["i-1"], set(), clock.sleep, clock) == ()
    assert clock.now > 0
    assert scanner.find.call_args.kwargs == {"instances": ["i-1"]}


def test_what_stays_is_a_leak_and_kept_things_are_not() -> None:
    scanner = create_autospec(Scanner, instance=True)
    scanner.find.return_value = (VOLUME, GROUP)
    clock = Clock()
    assert prove(scanner, [], {"vol-1"}, clock.sleep, clock) == (
        Leak("security group", "sg-1", GROUP.remove),
    )
    assert clock.now >= DEADLINE_SECONDS


def test_nothing_left_needs_no_wait() -> None:
    scanner = create_autospec(Scanner, instance=True)
    scanner.find.return_value = (VOLUME,)
    clock = Clock()
    assert prove(scanner, [], {"vol-1"}, clock.sleep, clock) == ()
    assert clock.now == 0
