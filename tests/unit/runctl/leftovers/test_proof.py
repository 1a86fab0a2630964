"""The proof waits for what is late and tells what stays."""

from __future__ import annotations

from typing import Any

from support.job_stacks import FakeTime
from support.sessions import fake_scanner

from runctl_auto.leftovers.proof import DEADLINE_SECONDS, Proof, prove
from runctl_auto.providers.resource import NOTHING_RELATED, CloudResource, Key, Survey, Unchecked

VOLUME = CloudResource("volume", "vol-1", "aws ec2 delete-volume --volume-id vol-1", parent="i-1")
GROUP = CloudResource("security group", "sg-1", "aws ec2 delete-security-group --group-id sg-1")
BACKUP = CloudResource("snapshot", "snap-1", "", protected=True)
UPLOAD = CloudResource("multipart upload", "b/k#1", "", parent="b")


def proof(*surveys: Survey, kept: tuple[Key, ...] = ()) -> tuple[Proof, FakeTime, Any]:
    scanner = fake_scanner()
    scanner.survey.side_effect = lambda related: surveys[min(scanner.survey.call_count, len(surveys)) - 1]
    clock = FakeTime()
    return prove(scanner, NOTHING_RELATED, kept, clock.sleep, clock.monotonic), clock, scanner


def test_what_disappears_late_is_no_leak() -> None:
    told, clock, scanner = proof(Survey((VOLUME, GROUP)), Survey((GROUP,)), Survey())
    assert told.is_clean
    assert clock.now > 0
    scanner.survey.assert_called_with(NOTHING_RELATED)


def test_what_stays_is_a_leak_and_kept_things_are_not() -> None:
    told, clock, _ = proof(Survey((VOLUME, GROUP)), kept=(VOLUME.key,))
    assert told.survey.found == (GROUP,)
    assert not told.is_clean
    assert clock.now >= DEADLINE_SECONDS


def test_nothing_left_needs_no_wait() -> None:
    told, clock, _ = proof(Survey((VOLUME,)), kept=(VOLUME.key,))
    assert told.is_clean
    assert clock.now == 0


def test_what_a_kept_machine_cannot_be_without_is_kept_and_what_lies_in_a_kept_bucket_is_not() -> None:
    told, _, _ = proof(Survey((VOLUME, UPLOAD)), kept=(("instance", "i-1"), ("bucket", "b")))
    assert told.survey.found == (UPLOAD,)


def test_what_has_the_id_of_something_kept_and_another_kind_is_a_leak() -> None:
    role, profile = CloudResource("role", "r", ""), CloudResource("instance profile", "r", "", parent="r")
    told, _, _ = proof(Survey((role, profile)), kept=(role.key,))
    assert told.survey.found == (profile,)


def test_what_a_person_protected_in_the_cloud_is_no_leak_and_waits_for_nothing() -> None:
    told, clock, _ = proof(Survey((BACKUP,)))
    assert told.kept == (BACKUP,)
    assert told.is_clean
    assert clock.now == 0


def test_what_the_settings_protect_is_no_leak() -> None:
    scanner = fake_scanner()
    scanner.survey.return_value = Survey((VOLUME,))
    clock = FakeTime()
    told = prove(scanner, NOTHING_RELATED, (), clock.sleep, clock.monotonic, listed=("vol-1",))
    assert told.kept == (VOLUME,)
    assert told.is_clean


def test_what_could_not_be_looked_for_is_asked_again_and_then_told() -> None:
    unseen = (Unchecked("roles", "denied"),)
    told, clock, _ = proof(Survey(unchecked=unseen))
    assert told.survey.unchecked == unseen
    assert not told.is_clean
    assert clock.now >= DEADLINE_SECONDS
    assert proof(Survey(unchecked=unseen), Survey())[0].is_clean


def test_what_is_somebodys_else_is_told_and_is_no_leak() -> None:
    told, _, _ = proof(Survey((), (VOLUME,)))
    assert told.is_clean
    assert told.survey.foreign == (VOLUME,)
